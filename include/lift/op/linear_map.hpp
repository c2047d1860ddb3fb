// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/primitive.hpp>

namespace lift::op {

/// The family y = A x that acts on every entry of the batch alike: a primitive gives map(x) = A x
/// and transpose(w, shape of x) = Aᵀ w, which give the layout that they take, and inherits its three
/// rules: dy = A dx, Jᵀw = Aᵀ w. One that has `channels_first_alone` is given no other layout.
template <class Op>
struct linear_map {
  static constexpr std::size_t inputs = 1;

  template <class Tensor>
  auto forward(const Tensor& x) const {
    return evaluation{map(x), x.shape()};
  }
  template <class Tensor>
  Tensor jvp(const shape&, const tangents<Tensor, 1>& dx) const {
    return map(dx[0]);
  }
  template <class Tensor>
  tangents<Tensor, 1> vjp(const shape& x, const Tensor& w, const selection<1>&) const {
    return {self().transpose(taken(w), x).in_layout(w.layout())};
  }

 private:
  template <class Tensor>
  Tensor map(const Tensor& x) const {
    return self().map(taken(x)).in_layout(x.layout());
  }
  template <class Tensor>
  static Tensor taken(const Tensor& x) {
    if constexpr (requires { Op::channels_first_alone; })
      return channels_first(x);
    else
      return x;
  }
  const Op& self() const { return static_cast<const Op&>(*this); }
};

}  // namespace lift::op
