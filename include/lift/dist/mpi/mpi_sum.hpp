// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <lift/dist/mpi/mpi_process.hpp>

namespace lift {

/// Sums numbers in host memory over all ranks, in place; for work of the process's thread.
///
/// Every number is summed by pairs of ranks, ((0 + 1) + (2 + 3)) + …: the order of a trainer that
/// accumulates as many parts. A rank sums its share of the numbers and tells all, so that it sends
/// and receives twice their bytes, however many ranks there are.
template <class T>
void mpi_sum(mpi_process& process, std::span<T> numbers) {
  const auto ranks = static_cast<std::size_t>(process.size());
  const std::size_t longest = std::max(std::size_t{1} << 20, ranks << 16);  // at a time
  if (numbers.size() > longest) {
    for (std::size_t first = 0; first < numbers.size(); first += longest)
      mpi_sum(process, numbers.subspan(first, std::min(longest, numbers.size() - first)));
    return;
  }
  const auto begin = [&](std::size_t r) { return numbers.size() * r / ranks; };  // of r's share
  const auto count = [&](std::size_t r) { return begin(r + 1) - begin(r); };
  const std::size_t own = count(static_cast<std::size_t>(process.rank()));
  std::vector<T> of_all(own * ranks);  // of each rank the numbers of this one's share
  std::vector<int> share_bytes, share_at, own_bytes, own_at;
  for (std::size_t r = 0; r < ranks; ++r) {
    share_bytes.push_back(static_cast<int>(count(r) * sizeof(T)));
    share_at.push_back(static_cast<int>(begin(r) * sizeof(T)));
    own_bytes.push_back(static_cast<int>(own * sizeof(T)));
    own_at.push_back(static_cast<int>(own * r * sizeof(T)));
  }
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ialltoallv(numbers.data(), share_bytes.data(), share_at.data(), MPI_BYTE, of_all.data(),
                 own_bytes.data(), own_at.data(), MPI_BYTE, process.communicator(), &request);
  process.wait(request);
  for (std::size_t pair = 1; pair < ranks; pair *= 2)
    for (std::size_t r = 0; r + pair < ranks; r += 2 * pair) {
      T* const to = of_all.data() + r * own;
      const T* const other = of_all.data() + (r + pair) * own;
      for (std::size_t i = 0; i < own; ++i) to[i] += other[i];
    }
  MPI_Iallgatherv(of_all.data(), own_bytes[0], MPI_BYTE, numbers.data(), share_bytes.data(),
                  share_at.data(), MPI_BYTE, process.communicator(), &request);
  process.wait(request);
}

}  // namespace lift
