// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/core/error.hpp>

namespace lift::test {

/// ‖a − b‖₂ / ‖b‖₂.
template <class A, class B>
double relative_l2(const std::vector<A>& a, const std::vector<B>& b) {
  require(a.size() == b.size(), "elements to compare", a.size(), b.size());
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    error += (x - y) * (x - y);
    norm += y * y;
  }
  return std::sqrt(error / norm);
}

}  // namespace lift::test
