// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include <lift/tensor/functors.hpp>
#include <lift/tensor/memory_layout.hpp>
#include <lift/tensor/operand.hpp>
#include <lift/tensor/reduction.hpp>
#include <lift/tensor/storage.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

/// Reads a tensor element by element, repeated when the result is longer (stacked tangents).
template <class Backend, class T>
operand<T> each(const tensor<Backend, T>& x) {
  return {x.data(), 1, x.size()};
}

/// Reads every element of a tensor `run` times in a row: one number per row or image, or per
/// channel where channels are first.
template <class Backend, class T>
operand<T> spread(const tensor<Backend, T>& x, std::size_t run) {
  return {x.data(), run, x.size()};
}

/// Reads one number for each channel of the images y (B, C, …), in the layout of y.
template <class Backend, class T>
operand<T> per_channel(const tensor<Backend, T>& x, const tensor<Backend, T>& y) {
  const bool last = y.layout() == memory_layout::channels_last;
  return {x.data(), last ? 1 : y.shape().product(2, y.shape().rank()), x.size()};
}

/// A new tensor f(in...), element by element, in the layout that the operands are in.
template <class Tensor, class F, class... In>
Tensor mapped(const shape& s, memory_layout layout, const F& f, const In&... in) {
  Tensor out(s, layout);
  Tensor::backend_type::map(s.size(), out.mutable_data(), f, in...);
  return out;
}
template <class Tensor, class F, class... In>
  requires(!std::is_same_v<F, memory_layout>)
Tensor mapped(const shape& s, const F& f, const In&... in) {
  return mapped<Tensor>(s, memory_layout::channels_first, f, in...);
}

template <class Tensor>
Tensor full(const shape& s, accumulator_t<typename Tensor::value_type> value,
            memory_layout layout = memory_layout::channels_first) {
  Tensor out(s, layout);
  Tensor::backend_type::map(s.size(), out.mutable_data(), kernel::constant<decltype(value)>{value},
                            each(out));
  return out;
}

template <class Tensor>
Tensor zeros(const shape& s, memory_layout layout = memory_layout::channels_first) {
  return full<Tensor>(s, 0, layout);
}

/// The sums over the batch and all pixels of images (B, C, …): one for each channel.
template <class Backend, class T>
tensor<Backend, T> sum_of_channels(const tensor<Backend, T>& x) {
  const shape& s = x.shape();
  const std::size_t pixels = s.product(2, s.rank());
  const bool last = x.layout() == memory_layout::channels_last;
  tensor<Backend, T> out(shape{s[1]});
  Backend::reduce(sum{}, last ? s[0] * pixels : s[0], s[1], last ? 1 : pixels, out.mutable_data(),
                  kernel::identity{}, each(x));
  return out;
}

/// The sums over all pixels of images (B, C, …): (B, C), not rounded. A backend may have
/// sum_rows(batch, rows, columns, x, sums), sums (batch, columns) of matrices (batch, rows, columns),
/// for it.
template <class Backend, class T>
tensor<Backend, accumulator_t<T>> pixel_sums(const tensor<Backend, T>& x) {
  const shape& s = x.shape();
  const std::size_t pixels = s.product(2, s.rank()), image = s[1] * pixels;
  tensor<Backend, accumulator_t<T>> out(shape{s[0], s[1]});
  if (x.layout() == memory_layout::channels_first)
    Backend::reduce(sum{}, 1, s[0] * s[1], pixels, out.mutable_data(), kernel::identity{}, each(x));
  else if constexpr (requires { Backend::sum_rows(1, 1, 1, x.data(), out.mutable_data()); })
    Backend::sum_rows(s[0], pixels, s[1], x.data(), out.mutable_data());
  else
    for (std::size_t b = 0; b < s[0]; ++b)
      Backend::reduce(sum{}, pixels, s[1], 1, out.mutable_data() + b * s[1], kernel::identity{},
                      operand<T>{x.data() + b * image, 1, image});
  return out;
}

/// Vectors or matrices of sums, rounded to what is stored: themselves where that is as they are.
template <class T, class Backend, class Sum>
tensor<Backend, T> rounded_to(const tensor<Backend, Sum>& x) {
  if constexpr (std::is_same_v<T, Sum>)
    return x;
  else
    return mapped<tensor<Backend, T>>(x.shape(), kernel::identity{}, each(x));
}

/// pixel_sums, rounded.
template <class Backend, class T>
tensor<Backend, T> sum_of_pixels(const tensor<Backend, T>& x) {
  return rounded_to<T>(pixel_sums(x));
}

template <class Backend, class T>
tensor<Backend, T> sum_of(const tensor<Backend, T>& a, const tensor<Backend, T>& b) {
  require(a.shape() == b.shape(), "sum of two tensors", b.shape(), a.shape());
  return mapped<tensor<Backend, T>>(a.shape(), a.layout(), kernel::add{}, each(a),
                                    each(b.in_layout(a.layout())));
}

/// a·x, a rounded to the type of its sums.
template <class Backend, class T>
tensor<Backend, T> scaled(const tensor<Backend, T>& x, double a) {
  using A = accumulator_t<T>;
  return mapped<tensor<Backend, T>>(x.shape(), x.layout(), kernel::scale<A>{static_cast<A>(a)},
                                    each(x));
}

/// a·x + b·y, a and b rounded to the type of their sums.
template <class Backend, class T>
tensor<Backend, T> axpby(double a, const tensor<Backend, T>& x, double b,
                         const tensor<Backend, T>& y) {
  require(x.shape() == y.shape(), "axpby of two tensors", y.shape(), x.shape());
  using A = accumulator_t<T>;
  const kernel::axpby<A> f{static_cast<A>(a), static_cast<A>(b)};
  return mapped<tensor<Backend, T>>(x.shape(), x.layout(), f, each(x),
                                    each(y.in_layout(x.layout())));
}

/// Sum of the squares of all elements.
template <class Backend, class T>
accumulator_t<T> squared_norm(const tensor<Backend, T>& x) {
  tensor<Backend, accumulator_t<T>> out(shape{1});
  Backend::reduce(sum{}, 1, 1, x.size(), out.mutable_data(), kernel::square{}, each(x));
  return out.to_host()[0];
}

/// The tensors joined along the first axis.
template <class Backend, class T>
tensor<Backend, T> stacked(std::span<const tensor<Backend, T>> parts) {
  require(!parts.empty(), "tensors to stack", 0, "at least one");
  lift::shape s = parts[0].shape();
  s[0] = 0;
  for (const auto& part : parts) s[0] += part.shape()[0];
  tensor<Backend, T> out(s, parts[0].layout());
  std::size_t at = 0;
  for (const auto& part : parts) {
    const tensor<Backend, T> same = part.in_layout(out.layout());
    Backend::copy_rows(std::size_t{1}, same.size(), out.mutable_data() + at, same.size(),
                       same.data(), same.size());
    at += same.size();
  }
  return out;
}

}  // namespace lift
