// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
#include <functional>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <mpi.h>

#include <lift/core/error.hpp>
#include <lift/core/printable.hpp>
#include <lift/core/unwinding.hpp>
#include <lift/dist/mpi/mpi_watch.hpp>

namespace lift {

/// This process as one of an MPI job: a thread that alone calls MPI, does what it is given in turn,
/// and meanwhile watches the other ranks.
///
/// A rank that fails (abort), or does not answer for `timeout` seconds as it is stopped or its
/// machine is gone, ends the job on all ranks with one message, that names it. On rank 0 what waits
/// for the thread throws the message, so that the program can put in order what it has begun; where
/// it does not abort soon the job is ended without. That a rank computes for long is no failure.
///
/// MPI is initialised unless the program has done so, then for calls of all threads
/// (MPI_THREAD_MULTIPLE), and finalised by who initialised it.
class mpi_process {
 public:
  using seconds = mpi_watch::seconds;

  /// Joins the job; throws lift::error where MPI is not to be had.
  explicit mpi_process(seconds timeout) : timeout_(timeout), thread_([this] { live(); }) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, timeout, [this] { return begun_; })) {
      say(text("MPI did not start within ", timeout.count(), " s"));
      std::_Exit(1);
    }
    if (!problem_) return;
    lock.unlock();
    thread_.join();
    std::rethrow_exception(problem_);
  }
  mpi_process(const mpi_process&) = delete;
  mpi_process& operator=(const mpi_process&) = delete;

  /// Waits until all ranks come to this; where an exception leaves the scope it ends the job, as
  /// the others would wait in vain.
  ~mpi_process() {
    std::unique_lock lock(mutex_);
    const bool in_vain = size_ > 1 && (exception_.began() || problem_);
    leaving_ = !in_vain;
    lock.unlock();
    if (in_vain) abort("", 1);
    changed_.notify_all();
    thread_.join();
  }

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// Has the thread do the work, which may call MPI and wait(), after what it was given before.
  /// Throws as check().
  void begin(std::function<void()> work) {
    {
      const std::scoped_lock lock(mutex_);
      if (problem_) std::rethrow_exception(problem_);
      tasks_.push_back(std::move(work));
    }
    changed_.notify_all();
  }
  /// Waits until all that was begun is done. Throws as check().
  void finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.empty() || problem_; });
    if (problem_) std::rethrow_exception(problem_);
  }
  void run(std::function<void()> work) {
    begin(std::move(work));
    finish();
  }
  /// Throws what the thread's work threw or, on rank 0, lift::error where another rank has failed.
  void check() {
    const std::scoped_lock lock(mutex_);
    if (problem_) std::rethrow_exception(problem_);
  }

  /// Has the thread call this again and again, in the midst of other work too, until it is another;
  /// it may ask MPI for what returns at once. Waits for a call of the one before to end.
  void keep_calling(std::function<void()> chore) {
    const std::scoped_lock lock(chore_mutex_);
    chore_ = std::move(chore);
  }

  /// For work of the thread: waits for a request, and watches and calls the chore meanwhile.
  void wait(MPI_Request request) {
    wait_and(request, [this] { look_around(); });
  }
  /// For a chore: waits for a request, and watches meanwhile.
  void wait_in_chore(MPI_Request request) {
    wait_and(request, [this] { watch(); });
  }

  /// Returns when all ranks are there.
  void barrier() {
    run([this] { meet(); });
  }

  /// For work of the thread: where collective calls are made, and where a chore sends and receives.
  MPI_Comm communicator() const { return for_work_; }
  MPI_Comm communicator_of_chores() const { return for_chores_; }

  /// Ends the job on all ranks with that exit code and one message, which is rank 0's where it has
  /// one at the same time.
  [[noreturn]] void abort(const std::string& message, int code) {
    {
      const std::scoped_lock lock(mutex_);
      if (!own_) own_ = rank_failure{rank_, message, code};
    }
    changed_.notify_all();
    for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
  }

 private:
  using clock = std::chrono::steady_clock;

  void live() {
    attempt([this] { join(); });
    {
      const std::scoped_lock lock(mutex_);
      begun_ = true;
    }
    changed_.notify_all();
    if (!watch_) return;
    while (const auto* work = next()) {
      attempt(*work);
      {
        const std::scoped_lock lock(mutex_);
        if (!tasks_.empty()) tasks_.pop_front();
      }
      changed_.notify_all();
    }
    leave();
  }

  void join() {
    int initialised = 0, threads = 0;
    MPI_Initialized(&initialised);
    if (initialised)
      MPI_Query_thread(&threads);
    else
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &threads);
    finalises_ = !initialised;
    require(finalises_ || threads == MPI_THREAD_MULTIPLE, "threads that may call MPI",
            "not all, as the program has initialised it", "all (MPI_THREAD_MULTIPLE)");
    MPI_Comm_dup(MPI_COMM_WORLD, &for_work_);
    MPI_Comm_dup(MPI_COMM_WORLD, &for_chores_);
    watch_.emplace(timeout_);
    rank_ = watch_->rank();
    size_ = watch_->size();
  }

  void leave() {
    meet();
    watch();
    meet();
    watch_.reset();
    MPI_Comm_free(&for_work_);
    MPI_Comm_free(&for_chores_);
    if (finalises_) MPI_Finalize();
  }

  void meet() {
    MPI_Request all_here = MPI_REQUEST_NULL;
    MPI_Ibarrier(for_work_, &all_here);
    wait(all_here);
  }

  /// Does the thread's work; what it throws is the program's.
  template <class Work>
  void attempt(const Work& work) {
    try {
      work();
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!problem_) problem_ = std::current_exception();
    }
  }

  /// The next work; null when there is none any more.
  const std::function<void()>* next() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        if (problem_) tasks_.clear();
        if (!tasks_.empty()) return &tasks_.front();
        if (leaving_) return nullptr;
        changed_.notify_all();
        changed_.wait_for(lock, std::chrono::milliseconds(5));
      }
      attempt([this] { look_around(); });
    }
  }

  template <class Meanwhile>
  static void wait_and(MPI_Request request, const Meanwhile& meanwhile) {
    int done = 0;
    for (int tries = 0; MPI_Test(&request, &done, MPI_STATUS_IGNORE), !done; ++tries) {
      meanwhile();
      if (tries < 64)
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  void look_around() {
    watch();
    if (given_up_) return;
    const std::scoped_lock lock(chore_mutex_);
    if (chore_) chore_();
  }

  /// Ends the job where this rank aborts. On rank 0, where another has failed, it waits for a
  /// moment, as all ranks may be about to fail alike, and throws; then the thread calls MPI no
  /// more: what it may still write to may be gone.
  void watch() {
    std::optional<rank_failure> own;
    {
      const std::scoped_lock lock(mutex_);
      own = own_;
    }
    if (own) end(*own);
    if (size_ == 1) return;
    if (!theirs_) {
      theirs_ = watch_->look();
      if (theirs_ && theirs_->rank == 0) end(*theirs_);
      failed_ = clock::now();
    }
    if (!theirs_) return;
    const seconds since = clock::now() - failed_;
    if (since > std::min(seconds(10), 0.2 * timeout_)) end(*theirs_);
    if (given_up_ || since < std::min(seconds(1), 0.05 * timeout_)) return;
    given_up_ = true;
    throw error(watch_->text_of(*theirs_));
  }

  [[noreturn]] void end(rank_failure why) {
    if (theirs_ && why.message.empty()) why = *theirs_;
    if (why.message.empty())
      why.message = "an exception left the part of the program that is one of several ranks";
    if (why.rank == rank_ && rank_ != 0) watch_->tell(why);
    say(why.rank == 0 && rank_ == 0 ? why.message : watch_->text_of(why));
    const int code = theirs_ ? theirs_->code : why.code;
    MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
  }

  static void say(const std::string& message) {
    std::cerr << "lift: " + printable(message) + "\n" << std::flush;
  }

  const seconds timeout_;
  const unwinding exception_;
  std::mutex mutex_;
  std::condition_variable changed_;  // any of the next
  bool begun_ = false, leaving_ = false;
  std::exception_ptr problem_;               // of the thread
  std::deque<std::function<void()>> tasks_;  // the first is under way
  std::optional<rank_failure> own_;
  std::mutex chore_mutex_;
  std::function<void()> chore_;
  // The thread's own.
  bool finalises_ = false;
  int rank_ = 0, size_ = 1;
  MPI_Comm for_work_ = MPI_COMM_NULL, for_chores_ = MPI_COMM_NULL;
  std::optional<mpi_watch> watch_;
  std::optional<rank_failure> theirs_;
  clock::time_point failed_;  // since when that is known
  bool given_up_ = false;
  std::thread thread_;  // after what it uses
};

}  // namespace lift
