// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <lift/core/config.hpp>

namespace lift {

// Reductions of the `reduce` verb and of teams: what they start from, and how two results become
// one. T is a number or a vector of them.

struct sum {
  template <class T>
  LIFT_HD static T identity() { return T(0); }
  template <class T>
  LIFT_HD static T combine(T a, T b) { return a + b; }
};

struct maximum {
  template <class T>
  LIFT_HD static T identity() {
    if constexpr (requires { typename T::value_type; }) {
      return T(identity<typename T::value_type>());
    } else {
      return -T(INFINITY);  // nvcc calls no function of std::numeric_limits here
    }
  }
  template <class T>
  LIFT_HD static T combine(T a, T b) {
    using std::fmax;
    return fmax(a, b);
  }
};

}  // namespace lift
