// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/dist/mpi/mpi_process.hpp>

namespace lift {

namespace detail {

/// What ranks say to each other of work that is handed out: who is free, the number of the work
/// for it, and what the work gave, after its number.
enum hand_out_tag : int { is_free, next_number, gave };

/// Rank 0's side. Its process's thread answers the others, so that none waits for what rank 0 has
/// in hand itself.
class handing_out {
 public:
  handing_out(mpi_process& process, std::size_t count) : process_(process), count_(count) {
    process_.keep_calling([this] { answer(); });
  }
  handing_out(const handing_out&) = delete;
  handing_out& operator=(const handing_out&) = delete;
  ~handing_out() { process_.keep_calling({}); }

  template <class Work, class Take>
  void run(const Work& work, const Take& take) {
    std::size_t taken = 0;
    for (std::uint64_t i; (i = next_++) < count_;) {
      process_.check();
      take(static_cast<std::size_t>(i), work(static_cast<std::size_t>(i)));
      taken += 1 + take_given(take);
    }
    while (taken < count_ || !all_know()) {
      taken += take_given(take);
      process_.check();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  template <class Take>
  std::size_t take_given(const Take& take) {
    std::vector<std::pair<std::uint64_t, std::string>> given;
    {
      const std::scoped_lock lock(mutex_);
      given.swap(given_);
    }
    for (auto& [i, bytes] : given) take(static_cast<std::size_t>(i), std::move(bytes));
    return given.size();
  }

  /// Whether all others know that nothing is left.
  bool all_know() const { return done_ + 1 == process_.size(); }

  void answer() {
    const MPI_Comm between = process_.communicator_of_chores();
    for (;;) {
      int there = 0, length = 0;
      MPI_Status status;
      MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, between, &there, &status);
      if (!there) return;
      MPI_Get_count(&status, MPI_BYTE, &length);
      std::string bytes(static_cast<std::size_t>(length), '\0');
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Irecv(bytes.data(), length, MPI_BYTE, status.MPI_SOURCE, status.MPI_TAG, between,
                &request);
      process_.wait_in_chore(request);
      if (status.MPI_TAG == is_free) {
        const std::uint64_t i = next_++;
        MPI_Isend(&i, 1, MPI_UINT64_T, status.MPI_SOURCE, next_number, between, &request);
        process_.wait_in_chore(request);
        if (i >= count_) ++done_;
      } else {
        std::uint64_t i = 0;
        std::memcpy(&i, bytes.data(), sizeof i);
        const std::scoped_lock lock(mutex_);
        given_.emplace_back(i, bytes.substr(sizeof i));
      }
    }
  }

  mpi_process& process_;
  const std::size_t count_;
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<int> done_ = 0;  // ranks that know
  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, std::string>> given_;
};

}  // namespace detail

/// Has the work of 0 … count − 1 done, each by a rank that is free: work(i) gives bytes, less than
/// 2 GiB, which rank 0 is given, take(i, bytes), in any order. All ranks call it with the same
/// count.
template <class Work, class Take>
void mpi_hand_out(mpi_process& process, std::size_t count, const Work& work, const Take& take) {
  const MPI_Comm between = process.communicator_of_chores();
  if (process.rank() == 0) detail::handing_out(process, count).run(work, take);
  while (process.rank() != 0) {
    std::uint64_t i = 0;
    process.run([&] {
      MPI_Request asked = MPI_REQUEST_NULL, told = MPI_REQUEST_NULL;
      MPI_Irecv(&i, 1, MPI_UINT64_T, 0, detail::next_number, between, &told);
      MPI_Isend(nullptr, 0, MPI_BYTE, 0, detail::is_free, between, &asked);
      process.wait(asked);
      process.wait(told);
    });
    if (i >= count) break;
    std::string bytes(sizeof i, '\0');
    std::memcpy(bytes.data(), &i, sizeof i);
    bytes += work(static_cast<std::size_t>(i));
    constexpr auto longest = static_cast<std::size_t>(std::numeric_limits<int>::max());
    require(bytes.size() <= longest, "bytes that a rank gives", bytes.size(),
            text("at most ", longest));
    process.run([&] {
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Isend(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, 0, detail::gave, between,
                &request);
      process.wait(request);
    });
  }
  process.barrier();  // nobody asks for what is handed out next before this has ended
}

}  // namespace lift
