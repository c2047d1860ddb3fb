// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <lift/backend/recorded_work.hpp>
#include <lift/dist/communicator.hpp>

namespace lift {

/// A communicator that sums while its rank does other work: begin_sum(numbers, summed) returns at
/// once, and calls summed(sums) within the finish_sums() that waits for all that were begun.
template <class C, class Tensor>
concept overlapping_communicator =
    communicator<C, Tensor> && !recorded_work<typename Tensor::backend_type>::records &&
    requires(C& joined, std::vector<typename Tensor::value_type> numbers,
             std::function<void(std::span<const typename Tensor::value_type>)> summed) {
      joined.begin_sum(std::move(numbers), std::move(summed));
      joined.finish_sums();
    };

/// Sums tensors over ranks that are known one after another, in the same order on every rank: as
/// soon as a bucket is full its sum begins. A bucket holds 2¹⁸ elements, and more for many ranks, as
/// a message to each of them takes its time.
template <class Tensor, class Communicator>
  requires(overlapping_communicator<Communicator, Tensor>)
class bucketed_sums {
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;

 public:
  explicit bucketed_sums(Communicator& joined)
      : joined_(joined),
        longest_(std::max(std::size_t{1} << 18, std::size_t{joined.size()} << 14)) {}

  /// The elements of x are to be left alone until `finish`, which replaces them.
  void add(const Tensor& x) {
    const std::size_t first = numbers_.size();
    numbers_.resize(first + x.size());
    Backend::copy_out(std::span(numbers_).subspan(first), x.data());
    tensors_.push_back(x);
    if (numbers_.size() >= longest_) begin();
  }

  /// Waits for all sums.
  void finish() {
    if (!tensors_.empty()) begin();
    joined_.finish_sums();
  }

 private:
  void begin() {
    joined_.begin_sum(std::exchange(numbers_, {}),
                      [tensors = std::exchange(tensors_, {})](std::span<const T> sums) mutable {
                        for (Tensor& x : tensors) {
                          Backend::copy_in(x.mutable_data(), sums.first(x.size()));
                          sums = sums.subspan(x.size());
                        }
                      });
  }

  Communicator& joined_;
  const std::size_t longest_;  // bucket
  std::vector<T> numbers_;
  std::vector<Tensor> tensors_;
};

/// communicator::sum of one that begins sums.
template <class Tensor, class Communicator>
void sum_in_buckets(Communicator& joined, std::span<Tensor* const> tensors) {
  bucketed_sums<Tensor, Communicator> sums(joined);
  for (const Tensor* const x : tensors) sums.add(*x);
  sums.finish();
}

}  // namespace lift
