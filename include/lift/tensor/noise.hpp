// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <lift/core/random.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

/// The number of a sample of a stream: one that is known, or that and one found in the backend's
/// memory when the work is done, for work that is recorded once for many samples.
struct sample_number {
  std::uint64_t known = 0;
  const std::uint64_t* found = nullptr;

  sample_number() = default;
  sample_number(std::uint64_t number, const std::uint64_t* in_memory = nullptr)
      : known(number), found(in_memory) {}
  LIFT_HD std::uint64_t operator+(std::uint64_t i) const {
    return known + (found ? *found : 0) + i;
  }
};

namespace kernel {
/// Writes the normal numbers of one pair of elements of one sample.
template <class T>
struct normal {
  T* out;
  random_stream stream;
  sample_number first_sample;
  std::size_t elements, pairs;  // per sample
  LIFT_HD void operator()(std::size_t i) const {
    const std::size_t sample = i / pairs, pair = i % pairs;
    const auto z = stream.normal_pair(first_sample + sample, pair);
    T* to = out + sample * elements + 2 * pair;
    to[0] = rounded_to<T>(z[0]);
    if (2 * pair + 1 < elements) to[1] = rounded_to<T>(z[1]);
  }
};

/// Writes one element of ±1.
template <class T>
struct rademacher {
  T* out;
  random_stream stream;
  sample_number first_sample;
  std::size_t elements;
  LIFT_HD void operator()(std::size_t i) const {
    out[i] = rounded_to<T>(stream.rademacher(first_sample + i / elements, i % elements));
  }
};

/// Writes one element, uniform on (−bound, bound).
template <class T>
struct uniform {
  T* out;
  random_stream stream;
  std::uint64_t sample;
  double bound;
  LIFT_HD void operator()(std::size_t i) const {
    out[i] = rounded_to<T>(bound * (2 * stream.uniform(sample, i) - 1));
  }
};
}  // namespace kernel

/// Numbers uniform on (−bound, bound): the elements of one sample of the stream.
template <class Tensor>
Tensor uniform_noise(const shape& s, const random_stream& stream, std::uint64_t sample,
                     double bound) {
  Tensor out(s);
  Tensor::backend_type::for_each(
      s.size(),
      kernel::uniform<typename Tensor::value_type>{out.mutable_data(), stream, sample, bound}, 8);
  return out;
}

/// Standard normal numbers; entry b of the first axis is sample first_sample + b of the stream.
template <class Tensor>
Tensor normal_noise(const shape& s, const random_stream& stream, sample_number first_sample) {
  Tensor out(s);
  const std::size_t elements = s.product(1, s.rank()), pairs = (elements + 1) / 2;
  Tensor::backend_type::for_each(
      s[0] * pairs,
      kernel::normal<typename Tensor::value_type>{out.mutable_data(), stream, first_sample,
                                                  elements, pairs},
      16);
  return out;
}

/// Numbers ±1; entry b of the first axis is sample first_sample + b of the stream.
template <class Tensor>
Tensor rademacher_noise(const shape& s, const random_stream& stream, sample_number first_sample) {
  Tensor out(s);
  Tensor::backend_type::for_each(
      s.size(),
      kernel::rademacher<typename Tensor::value_type>{out.mutable_data(), stream, first_sample,
                                                      s.product(1, s.rank())},
      8);
  return out;
}

}  // namespace lift
