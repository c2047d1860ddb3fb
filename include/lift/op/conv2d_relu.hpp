// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/conv2d.hpp>
#include <lift/op/relu.hpp>

namespace lift::op {

/// A convolution and max(·, 0) in one pass, y = relu(conv2d(x, A, β)), with the rules of the two.
struct conv2d_relu {
  static constexpr const char* name = "conv2d_relu";
  static constexpr std::size_t inputs = 3;

  conv2d convolution;

  constexpr explicit conv2d_relu(extent2d stride = 1, extent2d padding = 0)
      : convolution(stride, padding) {}

  shape output_shape(const shape& x, const shape& a, const shape& bias) const {
    return convolution.output_shape(x, a, bias);
  }

  template <class Tensor>
  struct saved {
    conv2d::saved<Tensor> convolution;
    Tensor y;  // which is positive where relu's argument is
  };

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& a, const Tensor& bias) const {
    output_shape(x.shape(), a.shape(), bias.shape());
    const Tensor y = convolution.product(x, a, bias, {}, true);
    return evaluation{y, saved<Tensor>{{x, a}, y}};
  }
  template <class Tensor>
  Tensor jvp(const saved<Tensor>& s, const tangents<Tensor, 3>& d) const {
    return relu{}.jvp(s.y, {convolution.jvp(s.convolution, d)});
  }
  template <class Tensor>
  tangents<Tensor, 3> vjp(const saved<Tensor>& s, const Tensor& w,
                          const selection<3>& wanted) const {
    return convolution.vjp(s.convolution, relu{}.vjp(s.y, w, {true})[0], wanted);
  }
};

}  // namespace lift::op
