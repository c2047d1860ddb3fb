// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/conv2d_add.hpp>
#include <lift/op/group_norm_silu.hpp>

namespace lift::op {

/// y = group_norm_silu(conv2d(x, A, β) + r) with r (B, O) added to all pixels: how a residual block
/// is told the time. A backend may add β and r as it reads what it normalises, so that the sum is not
/// written; the rules are those of conv2d_add and of group_norm_silu. The inputs are x, r, A, β and
/// the normalisation's scale and offset (O).
struct conv2d_group_norm_silu {
  static constexpr const char* name = "conv2d_group_norm_silu";
  static constexpr std::size_t inputs = 6;

  conv2d_add sum;
  group_norm_silu norm;

  constexpr explicit conv2d_group_norm_silu(extent2d stride = 1, extent2d padding = 0)
      : sum(stride, padding) {}

  shape output_shape(const shape& x, const shape& r, const shape& a, const shape& bias,
                     const shape& gamma, const shape& beta) const {
    require(r.rank() == 2, "conv2d_group_norm_silu: shape of what is added", r, "(B, O)");
    return norm.output_shape(sum.output_shape(x, r, a, bias), gamma, beta);
  }

  template <class Tensor>
  struct saved {
    conv2d_add::saved<Tensor> sum;
    group_norm_silu::saved<Tensor> norm;
  };

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& r, const Tensor& a, const Tensor& bias,
               const Tensor& gamma, const Tensor& beta) const {
    output_shape(x.shape(), r.shape(), a.shape(), bias.shape(), gamma.shape(), beta.shape());
    const conv2d& convolution = sum.convolution;
    const auto normalised =
        norm.adds(x) ? norm.forward(convolution.product(x, a), gamma, beta, {r, bias})
                     : norm.forward(convolution.product(x, a, bias, r), gamma, beta);
    return evaluation{normalised.value, saved<Tensor>{{{x, a}, false}, normalised.saved}};
  }

  template <class Tensor>
  Tensor jvp(const saved<Tensor>& s, const tangents<Tensor, 6>& d) const {
    return norm.jvp(s.norm, {sum.jvp(s.sum, {d[0], d[1], d[2], d[3]}), d[4], d[5]});
  }

  template <class Tensor>
  tangents<Tensor, 6> vjp(const saved<Tensor>& s, const Tensor& w,
                          const selection<6>& wanted) const {
    const auto of_norm = norm.vjp(s.norm, w, {true, wanted[4], wanted[5]});
    const auto of_sum =
        sum.vjp(s.sum, of_norm[0], {wanted[0], wanted[1], wanted[2], wanted[3]});
    return {of_sum[0], of_sum[1], of_sum[2], of_sum[3], of_norm[1], of_norm[2]};
  }
};

}  // namespace lift::op
