// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <initializer_list>

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

/// The channels of all, one after another, in the layout of the first. Tensors (B, C, …) that differ
/// in C alone.
template <class Backend, class T>
tensor<Backend, T> joined_channels(std::initializer_list<tensor<Backend, T>> parts) {
  using Tensor = tensor<Backend, T>;
  const Tensor& first = *parts.begin();
  shape s = first.shape();
  s[1] = 0;
  for (const Tensor& x : parts) s[1] += x.shape()[1];
  Tensor y(s, first.layout());
  std::size_t to = 0;
  for (const Tensor& x : parts) {
    copy_channels(x.shape()[1], x.in_layout(y.layout()), 0, y, to);
    to += x.shape()[1];
  }
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
    output_shape(a.shape(), b.shape());  // whether they fit
    return evaluation{joined_channels({a, b}), saved{a.shape(), b.shape()}};
  }
  template <class Tensor>
  Tensor jvp(const saved& s, const tangents<Tensor, 2>& d) const {
    const auto or_zeros = [](const Tensor& x, shape alone, const Tensor& other) {
      if (!x.empty()) return x;
      alone[0] = other.shape()[0];
      return zeros<Tensor>(alone, other.layout());
    };
    return joined_channels({or_zeros(d[0], s.a, d[1]), or_zeros(d[1], s.b, d[0])});
  }
  template <class Tensor>
  tangents<Tensor, 2> vjp(const saved& s, const Tensor& w, const selection<2>& wanted) const {
    tangents<Tensor, 2> g;
    if (wanted[0]) g[0] = channels_of(w, 0, s.a[1]);
    if (wanted[1]) g[1] = channels_of(w, s.a[1], s.b[1]);
    return g;
  }
};

}  // namespace lift::op
