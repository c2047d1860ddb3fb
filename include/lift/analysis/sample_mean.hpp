// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <lift/tensor/maps.hpp>

namespace lift {

/// A mean of measurements and how far it is from the true one, as one standard deviation; the
/// error is NaN where there was a single measurement.
struct sample_mean {
  double mean = 0;
  double standard_error = std::numeric_limits<double>::quiet_NaN();
};

/// The mean of n independent values, and s/√n with s² = Σ(x − mean)²/(n − 1).
inline sample_mean mean_of(std::span<const double> values) {
  require(!values.empty(), "values to average", 0, "at least one");
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double x : values) sum += x;
  for (const double x : values) squares += (x - sum / n) * (x - sum / n);
  return {sum / n, std::sqrt(squares / (n - 1) / n)};
}

/// For every image of a batch, the sum of f(x...) over its elements.
template <class F, class Backend, class T, class... More>
std::vector<double> image_sums(const F& f, const tensor<Backend, T>& x, const More&... more) {
  const std::size_t images = x.shape()[0];
  tensor<Backend, T> sums(shape{images});
  Backend::reduce(sum{}, 1, images, x.size() / images, sums.mutable_data(), f, each(x),
                  each(more)...);
  const std::vector<T> host = sums.to_host();
  return {host.begin(), host.end()};
}

}  // namespace lift
