// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

#include <lift/backend/cpu/recycling_allocator.hpp>
// xtensor 0.26 moved its headers into folders.
#if __has_include(<xtensor/containers/xstorage.hpp>)
#include <xtensor/containers/xstorage.hpp>
#else
#include <xtensor/xstorage.hpp>
#endif

namespace lift::detail {

/// Memory from the pool of buffers, not initialised.
template <class T>
using work_buffer = xt::uvector<T, recycling_allocator<T>>;

/// The work spaces of one thread, a stack: each is kept for the next that is as many others deep,
/// so that a thread that does the same again asks the pool for nothing.
class scratch_stack {
 public:
  static scratch_stack& of_this_thread() {
    thread_local scratch_stack stack;
    return stack;
  }

  void* push(std::size_t bytes) {
    if (depth_ == spaces_.size()) spaces_.emplace_back();
    work_buffer<std::byte>& space = spaces_[depth_];
    if (space.size() < bytes) space.resize(bytes);
    ++depth_;
    return space.data();
  }
  void pop() noexcept {
    --depth_;
    if (!block_pool::recycles) spaces_.pop_back();
  }

  /// Bytes that are kept, in use or not.
  std::size_t held_bytes() const {
    std::size_t total = 0;
    for (const auto& space : spaces_) total += space.size();
    return total;
  }

 private:
  std::vector<work_buffer<std::byte>> spaces_;
  static_assert(std::is_nothrow_move_constructible_v<work_buffer<std::byte>>,
                "or numbers would be copied elsewhere as work spaces are added");
  std::size_t depth_ = 0;
};

/// Work space of this thread for n numbers, not initialised, until the end of a scope. A local
/// variable, or a member of one.
template <class T>
class scratch {
  static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= block_pool::alignment);

 public:
  explicit scratch(std::size_t n)
      : stack_(scratch_stack::of_this_thread()),
        data_(static_cast<T*>(stack_.push(n * sizeof(T)))) {}
  ~scratch() { stack_.pop(); }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  T* data() const { return data_; }
  operator T*() const { return data_; }

 private:
  scratch_stack& stack_;
  T* data_;
};

}  // namespace lift::detail
