// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <lift/op/primitive.hpp>

namespace lift::op {

/// z = a_i·x + b_i·y with two numbers for every image i of the batch (or one pair for all):
/// the forward noise √ᾱ·x₀ + √(1−ᾱ)·ε and every change between noise, x̂ and v.
/// dz = a_i·dx + b_i·dy,  Jᵀw = (a_i·w, b_i·w).
struct weighted_sum {
  static constexpr const char* name = "weighted_sum";
  static constexpr std::size_t inputs = 2;

  std::vector<double> a, b;

  shape output_shape(const shape& x, const shape& y) const {
    require(x == y, "weighted_sum: shape of the second input", y, x);
    require(a.size() == b.size() && (a.size() == 1 || a.size() == x[0]),
            "weighted_sum: number of weights", a.size(), text("1 or ", x[0]));
    return x;
  }

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& y) const {
    output_shape(x.shape(), y.shape());
    return evaluation{combine(x, y), 0};
  }
  template <class Tensor>
  Tensor jvp(int, const tangents<Tensor, 2>& d) const {
    if (d[1].empty()) return weighted(d[0], a);
    if (d[0].empty()) return weighted(d[1], b);
    return combine(d[0], d[1]);
  }
  template <class Tensor>
  tangents<Tensor, 2> vjp(int, const Tensor& w, const selection<2>& wanted) const {
    tangents<Tensor, 2> g;
    if (wanted[0]) g[0] = weighted(w, a);
    if (wanted[1]) g[1] = weighted(w, b);
    return g;
  }

 private:
  template <class Tensor>
  static Tensor on_backend(const std::vector<double>& weights) {
    return Tensor(shape{weights.size()},
                  std::vector<typename Tensor::value_type>(weights.begin(), weights.end()));
  }
  template <class Tensor>
  Tensor combine(const Tensor& x, const Tensor& y) const {
    const Tensor wa = on_backend<Tensor>(a), wb = on_backend<Tensor>(b);
    const std::size_t run = x.shape().product(1, x.shape().rank());
    return mapped<Tensor>(x.shape(), x.layout(), kernel::weighted_sum{}, each(x),
                          each(y.in_layout(x.layout())), spread(wa, run), spread(wb, run));
  }
  template <class Tensor>
  static Tensor weighted(const Tensor& x, const std::vector<double>& weights) {
    const Tensor w = on_backend<Tensor>(weights);
    return mapped<Tensor>(x.shape(), x.layout(), kernel::multiply{}, each(x),
                          spread(w, x.shape().product(1, x.shape().rank())));
  }
};

}  // namespace lift::op
