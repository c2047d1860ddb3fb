// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <lift/op/pointwise.hpp>

namespace lift::op {

/// y = x·s(x), s(x) = 1/(1 + e⁻ˣ);  dy/dx = s(x)·(1 + x·(1 − s(x))).
struct silu : pointwise<silu> {
  static constexpr const char* name = "silu";

  template <class T>
  LIFT_HD static T s(const T& x) {
    using std::exp;
    return T(1) / (T(1) + exp(-x));
  }
  template <class T>
  LIFT_HD static T f(const T& x) { return x * s(x); }
  template <class T>
  LIFT_HD static T df(const T& x) {
    const T y = s(x);
    return y * (T(1) + x * (T(1) - y));
  }
};

}  // namespace lift::op
