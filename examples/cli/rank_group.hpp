// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/dist/bucketed_sums.hpp>
#include <lift/dist/nccl/device_sums.hpp>

namespace lift::cli {

/// The ranks of a job, of which this process is one: as lift::communicator, of numbers in host
/// memory.
class rank_group {
 public:
  virtual ~rank_group() = default;
  virtual std::size_t rank() const = 0;
  virtual std::size_t size() const = 0;
  /// As lift::overlapping_communicator.
  virtual void begin_sum(std::vector<float> numbers,
                         std::function<void(std::span<const float>)> summed) = 0;
  virtual void finish_sums() = 0;
  virtual void broadcast(std::string& bytes) = 0;
  virtual std::vector<std::string> gather(std::string_view bytes) = 0;
  virtual void barrier() = 0;
  virtual void hand_out(std::size_t count, const std::function<std::string(std::size_t)>& work,
                        const std::function<void(std::size_t, std::string)>& take) = 0;
  [[noreturn]] virtual void abort(const std::string& message, int code) = 0;
};

/// The ranks as a trainer's communicator; without any, the only one.
struct ranks_of_training {
  rank_group* ranks = nullptr;
  const device_sums_library* devices = nullptr;  ///< where tensors are on devices

  std::size_t rank() const { return ranks ? ranks->rank() : 0; }
  std::size_t size() const { return ranks ? ranks->size() : 1; }
  template <class Tensor>
  void sum(std::span<Tensor* const> tensors) const {
    sum_in_buckets(*this, tensors);
  }
  void begin_sum(std::vector<float> numbers,
                 std::function<void(std::span<const float>)> summed) const {
    if (ranks) ranks->begin_sum(std::move(numbers), std::move(summed));
  }
  void finish_sums() const {
    if (ranks) ranks->finish_sums();
  }
  void broadcast(std::string& bytes) const {
    if (ranks) ranks->broadcast(bytes);
  }
  std::vector<std::string> gather(std::string_view bytes) const {
    return ranks ? ranks->gather(bytes) : std::vector{std::string(bytes)};
  }
  void barrier() const {
    if (ranks) ranks->barrier();
  }
  [[noreturn]] void abort(const std::string& message) const {
    if (ranks) ranks->abort(message, 1);
    throw error(message);
  }
};

}  // namespace lift::cli

/// Joins the job, of the library liblift_mpi.
extern "C" lift::cli::rank_group* lift_mpi_ranks(double timeout);
/// NCCL's, of the library liblift_nccl.
extern "C" const lift::device_sums_library* lift_nccl_sums();
