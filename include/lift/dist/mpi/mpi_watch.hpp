// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <mpi.h>
#include <unistd.h>

#include <lift/core/error.hpp>

namespace lift {

/// What ended a rank, and with which exit code.
struct rank_failure {
  int rank;
  std::string message;
  int code;
};

/// How the ranks of an MPI job know of each other: rank 0 hears every tenth of `timeout` from each
/// that it is there, and each from rank 0. For one thread, which calls `look` often.
class mpi_watch {
 public:
  using seconds = std::chrono::duration<double>;

  /// All ranks together.
  explicit mpi_watch(seconds timeout) : timeout_(timeout) {
    MPI_Comm_dup(MPI_COMM_WORLD, &between_);
    MPI_Comm_rank(between_, &rank_);
    MPI_Comm_size(between_, &size_);
    char host[name_size - 32] = {};
    ::gethostname(host, sizeof host - 1);
    std::string own = text("process ", ::getpid(), " on ", host);
    own.resize(name_size);
    std::string all(name_size * static_cast<std::size_t>(size_), '\0');
    MPI_Allgather(own.data(), name_size, MPI_CHAR, all.data(), name_size, MPI_CHAR, between_);
    for (int r = 0; r < size_; ++r)
      names_.push_back(
          text("rank ", r, " (", all.c_str() + name_size * static_cast<std::size_t>(r), ")"));
    heard_.assign(names_.size(), clock::now());
    looked_ = clock::now();
    said_.assign(names_.size(), MPI_REQUEST_NULL);
  }
  mpi_watch(const mpi_watch&) = delete;
  mpi_watch& operator=(const mpi_watch&) = delete;
  ~mpi_watch() { MPI_Comm_free(&between_); }

  int rank() const { return rank_; }
  int size() const { return size_; }
  seconds timeout() const { return timeout_; }

  /// "rank 1 (process 42 on there): what it failed of".
  std::string text_of(const rank_failure& failure) const {
    return names_[static_cast<std::size_t>(failure.rank)] + ": " + failure.message;
  }

  /// Says that this rank is there, and hears the others. Where one of them has failed, or has not
  /// been heard for too long: that one.
  std::optional<rank_failure> look() {
    const auto now = clock::now();
    // A machine that slept heard nobody.
    if (now - looked_ > timeout_ / 4) std::ranges::fill(heard_, now);
    looked_ = now;
    if (now >= next_word_) {
      next_word_ = now + std::chrono::duration_cast<clock::duration>(timeout_ / 10);
      for (int r = 0; r < size_; ++r)
        if (is_watched(r)) say_here(r);
    }
    for (int there = 0;;) {
      MPI_Status status;
      MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, between_, &there, &status);
      if (!there) break;
      int length = 0;
      MPI_Get_count(&status, MPI_CHAR, &length);
      std::string message(static_cast<std::size_t>(length), '\0');
      MPI_Recv(message.data(), length, MPI_CHAR, status.MPI_SOURCE, status.MPI_TAG, between_,
               MPI_STATUS_IGNORE);
      heard_[static_cast<std::size_t>(status.MPI_SOURCE)] = now;
      if (status.MPI_TAG != failed) continue;
      const std::size_t end = std::min(message.find(' '), message.size() - 1);
      return rank_failure{status.MPI_SOURCE, message.substr(end + 1), std::atoi(message.c_str())};
    }
    for (int r = 0; r < size_; ++r) {
      // Of the ranks that miss rank 0 one speaks before the others do.
      const double patience = rank_ <= 1 ? 0.7 : 0.9;
      const seconds silent = now - heard_[static_cast<std::size_t>(r)];
      if (is_watched(r) && silent > patience * timeout_)
        return rank_failure{r, text("has not answered for ", silent.count(), " s"), 1};
    }
    return std::nullopt;
  }

  /// Tells rank 0 that this one failed, which should end the job; returns where it does not.
  void tell(const rank_failure& own) {
    const std::string message = text(own.code, ' ', own.message);
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Isend(message.data(), static_cast<int>(message.size()), MPI_CHAR, 0, failed, between_,
              &request);
    for (const auto end = clock::now() + 0.7 * timeout_; clock::now() < end;) {
      int sent = 0;
      MPI_Test(&request, &sent, MPI_STATUS_IGNORE);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  using clock = std::chrono::steady_clock;
  enum tag : int { here, failed };
  static constexpr int name_size = 128;

  bool is_watched(int r) const { return r != rank_ && (rank_ == 0 || r == 0); }

  void say_here(int to) {
    MPI_Request& last = said_[static_cast<std::size_t>(to)];
    int sent = 0;
    MPI_Test(&last, &sent, MPI_STATUS_IGNORE);
    if (sent) MPI_Isend(nullptr, 0, MPI_CHAR, to, here, between_, &last);
  }

  const seconds timeout_;
  MPI_Comm between_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::vector<std::string> names_;
  std::vector<clock::time_point> heard_;  // when each rank was heard last
  std::vector<MPI_Request> said_;         // to each
  clock::time_point looked_, next_word_;
};

}  // namespace lift
