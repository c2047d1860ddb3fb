// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/backend/recorded_work.hpp>
#include <lift/dist/bucketed_sums.hpp>
#include <lift/dist/communicator.hpp>
#include <lift/dist/mpi/mpi_hand_out.hpp>
#include <lift/dist/mpi/mpi_process.hpp>
#include <lift/dist/mpi/mpi_sum.hpp>

namespace lift {

/// The processes of an MPI job, started by mpirun or srun, each of them a rank. Tensors are those
/// of a backend that keeps no record of work; they cross in host memory.
///
/// Copies are the same rank of the same job, which all ranks leave together; see mpi_process for
/// how it ends where one of them fails.
class mpi_communicator {
 public:
  /// Joins the job of this process. A rank that does not answer for `timeout` seconds ends it.
  /// Throws lift::error where the program has initialised MPI for calls of one thread.
  explicit mpi_communicator(double timeout = 300)
      : process_(std::make_shared<mpi_process>(mpi_process::seconds(timeout))) {}

  std::size_t rank() const { return static_cast<std::size_t>(process_->rank()); }
  std::size_t size() const { return static_cast<std::size_t>(process_->size()); }

  /// Over ranks by pairs, as mpi_sum.
  template <class Tensor>
  void sum(std::span<Tensor* const> tensors) {
    static_assert(!recorded_work<typename Tensor::backend_type>::records,
                  "MPI's sums cannot be recorded");
    if (size() > 1) sum_in_buckets(*this, tensors);
  }

  /// As overlapping_communicator: in the process's thread, one after the other.
  template <class T>
  void begin_sum(std::vector<T> numbers,
                 std::type_identity_t<std::function<void(std::span<const T>)>> summed) {
    const auto all = std::make_shared<std::vector<T>>(std::move(numbers));
    process_->begin([&process = *process_, all] { mpi_sum(process, std::span<T>(*all)); });
    begun_.push_back([all, told = std::move(summed)] { told(*all); });
  }
  void finish_sums() {
    process_->finish();
    for (const auto& told : std::exchange(begun_, {})) told();
  }

  void broadcast(std::string& bytes) {
    process_->run([&] {
      auto count = static_cast<std::uint64_t>(bytes.size());
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Ibcast(&count, 1, MPI_UINT64_T, 0, process_->communicator(), &request);
      process_->wait(request);
      bytes.resize(count);
      for (std::size_t first = 0; first < bytes.size(); first += message_bytes) {
        MPI_Ibcast(bytes.data() + first, part(first, bytes.size()), MPI_BYTE, 0,
                   process_->communicator(), &request);
        process_->wait(request);
      }
    });
  }

  std::vector<std::string> gather(std::string_view own) {
    std::vector<std::string> all(rank() == 0 ? size() : 0);
    process_->run([&] {
      auto count = static_cast<std::uint64_t>(own.size());
      std::vector<std::uint64_t> counts(size());
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Igather(&count, 1, MPI_UINT64_T, counts.data(), 1, MPI_UINT64_T, 0,
                  process_->communicator(), &request);
      process_->wait(request);
      if (rank() == 0) {
        all[0] = own;
        for (std::size_t r = 1; r < size(); ++r) {
          all[r].resize(counts[r]);
          for (std::size_t first = 0; first < counts[r]; first += message_bytes) {
            MPI_Irecv(all[r].data() + first, part(first, counts[r]), MPI_BYTE, static_cast<int>(r),
                      0, process_->communicator(), &request);
            process_->wait(request);
          }
        }
      } else {
        for (std::size_t first = 0; first < own.size(); first += message_bytes) {
          MPI_Isend(own.data() + first, part(first, own.size()), MPI_BYTE, 0, 0,
                    process_->communicator(), &request);
          process_->wait(request);
        }
      }
    });
    return all;
  }

  void barrier() { process_->barrier(); }

  /// Has the work of 0 … count − 1 done, each by a rank that is free, and take(i, bytes) called on
  /// rank 0 with what work(i) gives, in any order. Bytes are 2 GiB at most.
  template <class Work, class Take>
  void hand_out(std::size_t count, const Work& work, const Take& take) {
    mpi_hand_out(*process_, count, work, take);
  }

  /// Does not return; the job's exit code is `code`.
  [[noreturn]] void abort(const std::string& message, int code = 1) {
    process_->abort(message, code);
  }

 private:
  static constexpr std::size_t message_bytes = std::size_t{1} << 30;

  static int part(std::size_t first, std::size_t size) {
    return static_cast<int>(std::min(message_bytes, size - first));
  }

  std::shared_ptr<mpi_process> process_;
  std::vector<std::function<void()>> begun_;  // what finish_sums is to tell
};

}  // namespace lift
