// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <lift/core/available_processors.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/core/stoppable.hpp>

namespace lift {

/// A fixed set of threads that share the iterations of a loop.
///
/// Safe to use from several threads at once: a caller that finds the pool busy, or that is itself
/// one of its workers, runs its loop alone. A thread that waits looks out for work for a moment
/// before it sleeps, since loops follow each other closely and waking up takes longer than many do.
/// Where threads outnumber processors, it sleeps at once, and no more are woken than can run.
///
/// Every thread starts on a share of neighbouring iterations of its own, so that loops over the same
/// images find in a core's caches what it wrote there before; a thread that is done helps the others.
class thread_pool {
 public:
  /// `threads` counts the calling thread; 0 means default_threads().
  explicit thread_pool(std::size_t threads = 0) { start(threads); }
  ~thread_pool() { stop(); }
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  /// The number of threads; while another thread resizes the pool, that before or after.
  std::size_t size() const { return size_; }

  /// Changes the number of threads; waits for a loop in progress.
  void resize(std::size_t threads) {
    const std::lock_guard lock(in_use_);
    stop();
    start(threads);
  }

  /// Calls task(i) once for every i < count and returns when all are done. Which thread runs an
  /// iteration is not defined. The first exception thrown by a task is rethrown here; what asks the
  /// caller to stop (stoppable) asks every thread of the loop.
  template <class Task>
  void run(std::size_t count, const Task& task) {
    run(count, {&task, [](const void* it, std::size_t i) { (*static_cast<const Task*>(it))(i); }});
  }

 private:
  /// A task of any type, so that the loop is compiled once for all.
  struct any_task {
    const void* task = nullptr;
    void (*call)(const void* task, std::size_t i) = nullptr;
    void operator()(std::size_t i) const { call(task, i); }
  };

  void run(std::size_t count, const any_task& task) {
    std::unique_lock lock(in_use_, std::defer_lock);
    if (count < 2 || inside_ || !lock.try_lock() || workers_.empty()) {
      for (std::size_t i = 0; i < count; ++i) {
        stoppable::check();
        task(i);
      }
      return;
    }
    inside_ = true;
    {
      const std::lock_guard state(mutex_);
      task_ = task;
      flag_ = stoppable::flag();
      for (std::size_t i = 0; i < shares_.size(); ++i) {
        shares_[i].next = i * count / shares_.size();
        shares_[i].end = (i + 1) * count / shares_.size();
      }
      failure_ = nullptr;
      open_ = true;
      ++generation_;
    }
    if (crowded_)
      for (std::size_t i = 1; i < std::min(processors_, count); ++i) wake_.notify_one();
    else
      wake_.notify_all();
    work(0);
    {
      const std::lock_guard state(mutex_);
      open_ = false;  // workers that wake up too late are not waited for
    }
    look_out([this] { return active_ == 0; });
    std::unique_lock state(mutex_);
    done_.wait(state, [this] { return active_ == 0; });
    inside_ = false;
    if (failure_) std::rethrow_exception(failure_);
  }

  void start(std::size_t threads) {
    if (threads == 0) threads = default_threads();
    processors_ = available_processors();
    crowded_ = threads > processors_;
    stopping_ = false;
    size_ = threads;
    shares_ = std::vector<share>(threads);
    for (std::size_t i = 1; i < threads; ++i)
      workers_.emplace_back([this, i, seen = generation_.load()]() mutable {
        inside_ = true;
        for (;;) {
          look_out([&] { return generation_ != seen; });
          {
            std::unique_lock state(mutex_);
            wake_.wait(state, [&] { return stopping_ || (open_ && generation_ != seen); });
            if (stopping_) return;
            seen = generation_;
            ++active_;
          }
          work(i);
          const std::lock_guard state(mutex_);
          if (--active_ == 0) done_.notify_one();
        }
      });
  }

  void stop() {
    {
      const std::lock_guard state(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
  }

  /// Waits a moment for something that another thread brings about, unless that thread may need
  /// the processor for it.
  template <class Condition>
  void look_out(const Condition& fulfilled) const {
    if (crowded_) return;
    const auto start = std::chrono::steady_clock::now();
    do
      for (int i = 0; i < 32; ++i) {
        if (fulfilled()) return;
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
      }
    while (std::chrono::steady_clock::now() - start < std::chrono::microseconds(100));
  }

  /// A run of iterations that ends before `end`; `next` is the first that no thread has taken.
  struct alignas(64) share {
    std::atomic<std::size_t> next = 0;
    std::size_t end = 0;
  };

  /// Runs the iterations of one's own share, then those left of the others.
  void work(std::size_t self) {
    for (std::size_t turn = 0; turn < shares_.size(); ++turn) {
      share& from = shares_[(self + turn) % shares_.size()];
      for (std::size_t i; (i = from.next.fetch_add(1)) < from.end;) {
        try {
          const stoppable as_the_caller(flag_);
          stoppable::check();
          task_(i);
        } catch (...) {
          const std::lock_guard state(mutex_);
          if (!failure_) failure_ = std::current_exception();
          for (share& each : shares_) each.next = each.end;
        }
      }
    }
  }

  std::mutex in_use_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;
  any_task task_;
  const std::atomic<bool>* flag_ = nullptr;  // asks the loop in progress to stop
  std::vector<share> shares_;  // one for each thread
  std::atomic<std::size_t> active_ = 0;  // workers in the loop
  std::atomic<std::size_t> generation_ = 0;
  std::exception_ptr failure_;
  std::atomic<std::size_t> size_ = 1;
  std::size_t processors_ = 1;
  bool crowded_ = false;  // whether threads outnumber processors
  bool open_ = false;  // whether workers may join the loop
  bool stopping_ = false;
  inline static thread_local bool inside_ = false;
};

/// The pool that CPU backends share; default_threads() until resized.
inline thread_pool& default_thread_pool() {
  static thread_pool pool;
  return pool;
}

/// Calls body(begin, end) on blocks of at most `grain` iterations that together cover 0 … n − 1.
/// The blocks do not depend on the number of threads.
template <class Body>
void parallel_for(std::size_t n, std::size_t grain, const Body& body) {
  grain = std::max<std::size_t>(grain, 1);
  default_thread_pool().run(ceil_div(n, grain), [&](std::size_t block) {
    body(block * grain, std::min(n, (block + 1) * grain));
  });
}

}  // namespace lift
