// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <lift/tensor/functors.hpp>
#include <lift/tensor/operand.hpp>
#include <lift/tensor/reduction.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

/// Reads a tensor element by element, repeated when the result is longer (stacked tangents).
template <class Backend, class T>
operand<T> each(const tensor<Backend, T>& x) {
  return {x.data(), 1, x.size()};
}

/// Reads every element of a tensor `run` times in a row: one number per channel, row or image.
template <class Backend, class T>
operand<T> spread(const tensor<Backend, T>& x, std::size_t run) {
  return {x.data(), run, x.size()};
}

/// A new tensor f(in...), element by element.
template <class Tensor, class F, class... In>
Tensor mapped(const shape& s, const F& f, const In&... in) {
  Tensor out(s);
  Tensor::backend_type::map(s.size(), out.mutable_data(), f, in...);
  return out;
}

template <class Tensor>
Tensor full(const shape& s, typename Tensor::value_type value) {
  Tensor out(s);
  Tensor::backend_type::map(s.size(), out.mutable_data(),
                            kernel::constant<typename Tensor::value_type>{value}, each(out));
  return out;
}

template <class Tensor>
Tensor zeros(const shape& s) {
  return full<Tensor>(s, 0);
}

template <class Backend, class T>
tensor<Backend, T> sum_of(const tensor<Backend, T>& a, const tensor<Backend, T>& b) {
  require(a.shape() == b.shape(), "sum of two tensors", b.shape(), a.shape());
  return mapped<tensor<Backend, T>>(a.shape(), kernel::add{}, each(a), each(b));
}

/// a·x, a rounded to the tensor's type.
template <class Backend, class T>
tensor<Backend, T> scaled(const tensor<Backend, T>& x, double a) {
  return mapped<tensor<Backend, T>>(x.shape(), kernel::scale<T>{static_cast<T>(a)}, each(x));
}

/// a·x + b·y, a and b rounded to the tensors' type.
template <class Backend, class T>
tensor<Backend, T> axpby(double a, const tensor<Backend, T>& x, double b,
                         const tensor<Backend, T>& y) {
  require(x.shape() == y.shape(), "axpby of two tensors", y.shape(), x.shape());
  const kernel::axpby<T> f{static_cast<T>(a), static_cast<T>(b)};
  return mapped<tensor<Backend, T>>(x.shape(), f, each(x), each(y));
}

/// Sum of the squares of all elements, in the tensor's own precision.
template <class Backend, class T>
T squared_norm(const tensor<Backend, T>& x) {
  tensor<Backend, T> out(shape{1});
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
  tensor<Backend, T> out(s);
  std::size_t at = 0;
  for (const auto& part : parts) {
    Backend::copy_rows(std::size_t{1}, part.size(), out.mutable_data() + at, part.size(),
                       part.data(), part.size());
    at += part.size();
  }
  return out;
}

}  // namespace lift
