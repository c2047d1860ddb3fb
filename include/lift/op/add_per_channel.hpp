// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/primitive.hpp>

namespace lift::op {

/// y[b, c, …] = x[b, c, …] + v[b, c];  dy = dx + dv spread over the pixels,
/// Jᵀw = (w, Σ over the pixels of w).
struct add_per_channel {
  static constexpr const char* name = "add_per_channel";
  static constexpr std::size_t inputs = 2;

  shape output_shape(const shape& x, const shape& v) const {
    require(v.rank() == 2 && x.rank() >= 2 && v[0] == x[0] && v[1] == x[1],
            "add_per_channel: shape of the vectors", v, x);
    return x;
  }

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& v) const {
    const shape s = output_shape(x.shape(), v.shape());
    return evaluation{mapped<Tensor>(s, add_functor{}, each(x), spread(v, pixels(s))), s};
  }
  template <class Tensor>
  Tensor jvp(const shape& s, const tangents<Tensor, 2>& d) const {
    if (d[1].empty()) return d[0];
    const operand dv = spread(d[1], pixels(s));
    shape out = s;
    out[0] = d[1].shape()[0];
    if (d[0].empty()) return mapped<Tensor>(out, lift::detail::identity_functor{}, dv);
    return mapped<Tensor>(out, add_functor{}, each(d[0]), dv);
  }
  template <class Tensor>
  tangents<Tensor, 2> vjp(const shape& s, const Tensor& w, const selection<2>& wanted) const {
    tangents<Tensor, 2> g{w, {}};
    if (wanted[1]) {
      g[1] = Tensor(shape{s[0], s[1]});
      Tensor::backend_type::reduce(sum{}, 1, s[0] * s[1], pixels(s), g[1].mutable_data(),
                                   lift::detail::identity_functor{}, each(w));
    }
    return g;
  }

 private:
  static std::size_t pixels(const shape& s) { return s.product(2, s.rank()); }
};

}  // namespace lift::op
