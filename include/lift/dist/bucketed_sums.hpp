// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include <lift/backend/recorded_work.hpp>
#include <lift/dist/communicator.hpp>

namespace lift {

/// A communicator that sums while its rank does other work, in host memory: begin_sum(numbers,
/// summed) returns at once, and calls summed(sums) within the finish_sums() that waits for all that
/// were begun.
template <class C, class Tensor>
concept host_summing_communicator =
    communicator<C, Tensor> && !recorded_work<typename Tensor::backend_type>::records &&
    requires(C& joined, std::vector<typename Tensor::value_type> numbers,
             std::function<void(std::span<const typename Tensor::value_type>)> summed) {
      joined.begin_sum(std::move(numbers), std::move(summed));
      joined.finish_sums();
    };

/// Likewise, on a device: begin_sum(tensors) asks for the sums, in place, beside the backend's work,
/// and what is asked of the backend after finish_sums() comes after them. Until then the tensors are
/// to be kept, and left alone.
template <class C, class Tensor>
concept device_summing_communicator =
    communicator<C, Tensor> && requires(C& joined, std::span<Tensor* const> tensors) {
      joined.begin_sum(tensors);
      joined.finish_sums();
    };

template <class C, class Tensor>
concept overlapping_communicator =
    host_summing_communicator<C, Tensor> || device_summing_communicator<C, Tensor>;

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
    if constexpr (!on_device) {
      numbers_.resize(elements_ + x.size());
      Backend::copy_out(std::span(numbers_).subspan(elements_), x.data());
    }
    tensors_.push_back(x);
    elements_ += x.size();
    if (elements_ >= longest_) begin();
  }

  /// Waits for all sums.
  void finish() {
    if (!tensors_.empty()) begin();
    joined_.finish_sums();
    begun_.clear();
  }

 private:
  static constexpr bool on_device = device_summing_communicator<Communicator, Tensor>;

  void begin() {
    elements_ = 0;
    if constexpr (on_device) {
      std::vector<Tensor*> bucket;
      for (Tensor& x : tensors_) bucket.push_back(&x);
      joined_.begin_sum(std::span<Tensor* const>(bucket));
      std::ranges::move(std::exchange(tensors_, {}), std::back_inserter(begun_));
    } else {
      joined_.begin_sum(std::exchange(numbers_, {}),
                        [tensors = std::exchange(tensors_, {})](std::span<const T> sums) mutable {
                          for (Tensor& x : tensors) {
                            Backend::copy_in(x.mutable_data(), sums.first(x.size()));
                            sums = sums.subspan(x.size());
                          }
                        });
    }
  }

  Communicator& joined_;
  const std::size_t longest_;    // bucket
  std::size_t elements_ = 0;     // of the bucket that is being filled
  std::vector<T> numbers_;       // copies of them where the sums are in host memory
  std::vector<Tensor> tensors_;  // that they are of
  std::vector<Tensor> begun_;    // kept until their sums on a device are done
};

/// communicator::sum of one that begins sums.
template <class Tensor, class Communicator>
void sum_in_buckets(Communicator& joined, std::span<Tensor* const> tensors) {
  bucketed_sums<Tensor, Communicator> sums(joined);
  for (const Tensor* const x : tensors) sums.add(*x);
  sums.finish();
}

}  // namespace lift
