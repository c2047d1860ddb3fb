// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/pointwise.hpp>

namespace lift::kernel {

/// a where the condition holds, else b; a library of vectors has the same for them.
template <class T>
LIFT_HD T select(bool condition, const T& a, const T& b) { return condition ? a : b; }

}  // namespace lift::kernel

namespace lift::op {

/// y = max(x, 0);  dy/dx = 1 where x > 0, else 0. What is not a number stays so.
struct relu : pointwise<relu> {
  static constexpr const char* name = "relu";

  template <class T>
  LIFT_HD static T f(const T& x) {
    using kernel::select;
    return select(x < T(0), T(0), x);
  }
  template <class T>
  LIFT_HD static T df(const T& x) {
    using kernel::select;
    return select(x <= T(0), T(0), T(1));
  }
};

}  // namespace lift::op
