// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/primitive.hpp>

namespace lift::op {

/// Copies channels [from, from + n) of x to channels [to, to + n) of y, both (B, C, …) in one layout.
template <class Tensor>
void copy_channels(std::size_t n, const Tensor& x, std::size_t from, Tensor& y, std::size_t to) {
  const shape &a = x.shape(), &b = y.shape();
  const std::size_t pixels = a.product(2, a.rank());
  if (x.layout() == memory_layout::channels_last) {
    Tensor::backend_type::copy_rows(a[0] * pixels, n, y.mutable_data() + to, b[1], x.data() + from,
                                    a[1]);
    return;
  }
  Tensor::backend_type::copy_rows(a[0], n * pixels, y.mutable_data() + to * pixels,
                                  b[1] * pixels, x.data() + from * pixels, a[1] * pixels);
}

/// The channels [first, first + n) of x as a new tensor.
template <class Tensor>
Tensor channels_of(const Tensor& x, std::size_t first, std::size_t n) {
  shape s = x.shape();
  s[1] = n;
  Tensor y(s, x.layout());
  copy_channels(n, x, first, y, 0);
  return y;
}

/// Joins along the channels: y = (a, b);  dy = (da, db),  Jᵀw = the two parts of w.
struct concat {
  static constexpr const char* name = "concat";
  static constexpr std::size_t inputs = 2;

  shape output_shape(const shape& a, const shape& b) const {
    shape y = a, want = b;
    if (y.rank() >= 2 && b.rank() == y.rank()) {
      y[1] = a[1] + b[1];
      want[1] = a[1];
    }
    require(a.rank() >= 2 && a == want, "concat: shape of the second input", b,
            text(a, " but for the channels"));
    return y;
  }

  struct saved {
    shape a, b;
  };

  template <class Tensor>
  auto forward(const Tensor& a, const Tensor& b) const {
    return evaluation{join(saved{a.shape(), b.shape()}, a, b), saved{a.shape(), b.shape()}};
  }
  template <class Tensor>
  Tensor jvp(const saved& s, const tangents<Tensor, 2>& d) const {
    const auto or_zeros = [](const Tensor& x, shape alone, const Tensor& other) {
      if (!x.empty()) return x;
      alone[0] = other.shape()[0];
      return zeros<Tensor>(alone, other.layout());
    };
    return join(s, or_zeros(d[0], s.a, d[1]), or_zeros(d[1], s.b, d[0]));
  }
  template <class Tensor>
  tangents<Tensor, 2> vjp(const saved& s, const Tensor& w, const selection<2>& wanted) const {
    tangents<Tensor, 2> g;
    if (wanted[0]) g[0] = channels_of(w, 0, s.a[1]);
    if (wanted[1]) g[1] = channels_of(w, s.a[1], s.b[1]);
    return g;
  }

 private:
  template <class Tensor>
  Tensor join(const saved& s, const Tensor& a, const Tensor& b) const {
    Tensor y(output_shape(a.shape(), b.shape()), a.layout());
    copy_channels(s.a[1], a, 0, y, 0);
    copy_channels(s.b[1], b.in_layout(a.layout()), 0, y, s.a[1]);
    return y;
  }
};

}  // namespace lift::op
