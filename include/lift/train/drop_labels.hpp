// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <lift/nn/condition.hpp>
#include <lift/tensor/noise.hpp>

namespace lift {

namespace kernel {
/// Writes the label of one sample, or none with probability `share`.
template <class T>
struct drop_label {
  const T* labels;
  random_stream stream;
  sample_number first_sample;
  double share;
  T* out;
  LIFT_HD void operator()(std::size_t i) const {
    const bool dropped = stream.uniform(first_sample + i, 0) < share;
    out[i] = dropped ? static_cast<T>(no_label) : labels[i];
  }
};
}  // namespace kernel

/// The labels (B) of samples first_sample, …, each but for a share of them that is drawn by seed and
/// sample number, so that a network learns to do without (classifier-free guidance, Ho & Salimans
/// 2022).
template <class Tensor>
condition<Tensor> drop_labels(const Tensor& labels, double dropped, std::uint64_t seed,
                              sample_number first_sample) {
  using T = typename Tensor::value_type;
  require(dropped >= 0 && dropped <= 1, "label dropout", dropped, "0 to 1");
  Tensor kept(labels.shape());
  const random_stream stream{.seed = seed, .use = purpose::label_dropout};
  Tensor::backend_type::for_each(labels.size(),
                                 kernel::drop_label<T>{labels.data(), stream, first_sample,
                                                       dropped, kept.mutable_data()},
                                 16);
  return {kept};
}

}  // namespace lift
