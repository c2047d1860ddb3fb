// SPDX-License-Identifier: MIT
#pragma once

// A backend on the host that records work as a device does: what is asked of it while work
// is recorded is only noted, with the memory it was asked for, and done at every repetition.

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/backend/cpu/recycling_allocator.hpp>
#include <lift/backend/recorded_work.hpp>
#include <lift/backend/team.hpp>
#include <lift/backend/thrust/thrust_backend.hpp>
#include <lift/backend/upload.hpp>

namespace lift::test {

using host_memory = std::shared_ptr<block_pool>;

struct recorder {
  std::vector<std::function<void()>>* tasks = nullptr;  // of the record under way
  host_memory memory = std::make_shared<block_pool>();  // where blocks come from now

  static recorder& get() {
    static recorder& all = *new recorder;
    return all;
  }
  static void ask(std::function<void()> task) {
    if (get().tasks)
      get().tasks->push_back(std::move(task));
    else
      task();
  }
};

/// A record, see work_recorder.
class host_record {
 public:
  static bool recording() { return recorder::get().tasks != nullptr; }
  bool made() const { return made_; }

  template <class F>
  void try_out(const F& work) {
    within(nullptr, work);
  }
  template <class F>
  void make(const F& work) {
    memory_->keep_segments();
    forget();
    within(&tasks_, work);
    made_ = true;
  }
  void forget() {
    tasks_.clear();
    made_ = false;
  }
  void replay() {
    for (const auto& task : tasks_) task();
  }

 private:
  template <class F>
  void within(std::vector<std::function<void()>>* tasks, const F& work) {
    recorder& now = recorder::get();
    struct back {
      recorder* to;
      host_memory memory;
      ~back() { to->tasks = nullptr, to->memory = memory; }
    } const afterwards{&now, std::exchange(now.memory, memory_)};
    now.tasks = tasks;
    work();
  }

  std::vector<std::function<void()>> tasks_;
  host_memory memory_ = std::make_shared<block_pool>();
  bool made_ = false;
};

struct recording_system {
  static constexpr const char* name = "recording";
  static constexpr std::size_t patch_bytes = std::size_t{1} << 20;

  struct block : pool_block<host_memory> {
    explicit block(std::size_t bytes) : pool_block(recorder::get().memory, bytes) {}
  };
  static void copy_in(void* to, const void* from, std::size_t bytes) {
    const auto* const first = static_cast<const std::byte*>(from);
    recorder::ask([to, kept = std::vector<std::byte>(first, first + bytes)] {
      if (!kept.empty()) std::memcpy(to, kept.data(), kept.size());
    });
  }
  static void copy_out(void* to, const void* from, std::size_t bytes) {
    if (recorder::get().tasks) throw error("copied to the host while work is recorded");
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  template <class F>
  static void for_each(std::size_t n, const F& f) {
    recorder::ask([=] {
      for (std::size_t i = 0; i < n; ++i) f(i);
    });
  }
  template <class F>
  static void for_each_team(std::size_t n, const F& f) {
    for_each(n, [f](std::size_t i) { f(lift::detail::single_thread_team{}, i); });
  }
  template <class T>
  static void gemm(std::size_t batch, std::size_t m, std::size_t n, std::size_t k, T alpha,
                   const matrices<const T>& a, const matrices<const T>& b, T beta,
                   const matrices<T>& c) {
    recorder::ask([=] {
      lift::detail::blas_products(batch, m, n, k, alpha, a, b, beta, c,
                                  [](std::size_t count, const auto& task) {
                                    for (std::size_t i = 0; i < count; ++i) task(i);
                                  });
    });
  }
};

/// Copies when it is sent, as a device may.
class host_upload {
 public:
  template <class T>
  std::span<T> stage(std::size_t n) {
    staged_.resize(n * sizeof(T));
    return {reinterpret_cast<T*>(staged_.data()), n};
  }
  void mark() { marked_ = true; }
  void send(void* to) {
    if (!marked_) throw error("sent without a mark");
    std::memcpy(to, staged_.data(), staged_.size());
  }

 private:
  std::vector<std::byte> staged_;
  bool marked_ = false;
};

struct recording_backend : thrust_backend<recording_system> {
  using recorded_work = work_recorder<host_record>;
  using upload = host_upload;
};
static_assert(backend<recording_backend>);
static_assert(uploading_backend<recording_backend>);

}  // namespace lift::test
