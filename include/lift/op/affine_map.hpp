// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/primitive.hpp>

namespace lift::op {

/// The family y = x∗A + β with ∗ bilinear and one bias β_c per channel c (axis 1 of y).
///
/// A primitive gives output_shape(x, A, β), product(x, A, β) = x∗A + β, where an empty β is zero,
/// and the two adjoints image_gradient(w, A, shape of x) and weight_gradient(x, w, A), which is as
/// A is, and inherits its rules: dy = dx∗A + x∗dA + dβ and the three gradients. Tangents of A and β
/// are not stacked.
template <class Op>
struct affine_map {
  static constexpr std::size_t inputs = 3;

  template <class Tensor>
  struct saved {
    Tensor x, a;
  };

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& a, const Tensor& bias) const {
    self().output_shape(x.shape(), a.shape(), bias.shape());
    return evaluation{self().product(x, a, bias), saved<Tensor>{x, a}};
  }

  template <class Tensor>
  Tensor jvp(const saved<Tensor>& s, const tangents<Tensor, 3>& d) const {
    require(d[1].empty() || d[1].shape() == s.a.shape(), text(Op::name, ": tangent of the weight"),
            d[1].shape(), s.a.shape());
    Tensor dy;
    if (!d[0].empty()) dy = self().product(d[0], s.a);
    if (!d[1].empty()) accumulate(dy, self().product(s.x, d[1]));
    if (d[2].empty()) return dy;
    if (dy.empty())
      dy = zeros<Tensor>(self().output_shape(s.x.shape(), s.a.shape(), d[2].shape()), s.x.layout());
    add_bias(dy, d[2]);
    return dy;
  }

  template <class Tensor>
  tangents<Tensor, 3> vjp(const saved<Tensor>& s, const Tensor& w,
                          const selection<3>& wanted) const {
    tangents<Tensor, 3> g;
    if (wanted[0]) g[0] = self().image_gradient(w, s.a, s.x.shape());
    if (wanted[1]) g[1] = self().weight_gradient(s.x, w.in_layout(s.x.layout()), s.a);
    if (wanted[2]) g[2] = sum_of_channels(w);
    return g;
  }

 protected:
  template <class Tensor>
  static void add_bias(Tensor& y, const Tensor& bias) {
    Tensor::backend_type::map(y.size(), y.mutable_data(), kernel::add{}, each(y),
                              per_channel(bias, y));
  }

 private:
  const Op& self() const { return static_cast<const Op&>(*this); }
};

}  // namespace lift::op
