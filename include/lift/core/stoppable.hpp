// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>

#include <lift/core/error.hpp>

namespace lift {

/// Work was left in the middle, as it was asked to stop.
class stopped : public error {
 public:
  stopped() : error("stopped") {}
};

/// While one lives, `flag` asks the work of this thread to stop: from when it is set, loops of
/// thread pools, and so evaluations of networks on a CPU, and the reading and rendering of data
/// sets throw lift::stopped, wherever they are. A null flag shields work that must be done as a whole. Within
/// each other the innermost counts.
///
/// A signal handler may set the flag. It must outlive this object.
class stoppable {
 public:
  explicit stoppable(const std::atomic<bool>* flag) : outer_(flag_) { flag_ = flag; }
  stoppable(const stoppable&) = delete;
  stoppable& operator=(const stoppable&) = delete;
  ~stoppable() { flag_ = outer_; }

  /// The flag that counts in this thread; null where nothing asks.
  static const std::atomic<bool>* flag() { return flag_; }

  /// Throws lift::stopped if this thread's work is asked to stop; for long work of another kind.
  static void check() {
    if (flag_ && flag_->load(std::memory_order_relaxed)) throw stopped();
  }

 private:
  const std::atomic<bool>* outer_;
  inline static thread_local constinit const std::atomic<bool>* flag_ = nullptr;
};

}  // namespace lift
