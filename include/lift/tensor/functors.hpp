// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/config.hpp>

/// Functors, which a backend's verbs take: the library's own are all here. This header has those that
/// more than one header needs.
namespace lift::kernel {

struct nothing {
  LIFT_HD void operator()(std::size_t) const {}
  template <class Team>
  LIFT_HD void operator()(const Team&, std::size_t) const {}
};
struct identity {
  template <class T>
  LIFT_HD T operator()(T x) const { return x; }
};
struct add {
  template <class T>
  LIFT_HD T operator()(T a, T b) const { return a + b; }
};
struct multiply {
  template <class T>
  LIFT_HD T operator()(T a, T b) const { return a * b; }
};
struct square {
  template <class T>
  LIFT_HD T operator()(T a) const { return a * a; }
};
/// a·x, a the same for all elements.
template <class Number>
struct scale {
  Number a;
  template <class T>
  LIFT_HD T operator()(T x) const { return T(a) * x; }
};
/// a·x + b·y, a and b the same for all elements.
template <class Number>
struct axpby {
  Number a, b;
  template <class T>
  LIFT_HD T operator()(T x, T y) const { return T(a) * x + T(b) * y; }
};
/// a·x + b·y, all four read element by element.
struct weighted_sum {
  template <class T>
  LIFT_HD T operator()(T x, T y, T a, T b) const { return a * x + b * y; }
};
template <class Number>
struct constant {
  Number value;
  template <class T>
  LIFT_HD T operator()(T) const { return T(value); }
};

}  // namespace lift::kernel
