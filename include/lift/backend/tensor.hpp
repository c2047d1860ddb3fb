// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <lift/backend/backend.hpp>
#include <lift/core/shape.hpp>

namespace lift {

/// A row-major array of a backend, images as (B, C, H, W).
///
/// A tensor is a handle: copies share the elements, which live as long as any handle does.
/// Functions take tensors as values and return new ones; only `mutable_data` writes in place.
/// A default-constructed tensor is empty and stands for "none" or "zero".
template <backend Backend, class T>
class tensor {
 public:
  using backend_type = Backend;
  using value_type = T;

  tensor() = default;
  /// A tensor whose elements are not initialised.
  explicit tensor(const lift::shape& s) : shape_(s), buffer_(std::make_shared<buffer>(s.size())) {}
  /// A tensor with the given elements; throws when their number does not fit the shape.
  tensor(const lift::shape& s, std::span<const T> host) : tensor(s) {
    require(host.size() == s.size(), "elements of a tensor", host.size(), s.size());
    Backend::copy_in(mutable_data(), host);
  }
  tensor(const lift::shape& s, const std::vector<T>& host) : tensor(s, std::span<const T>(host)) {}

  bool empty() const { return !buffer_; }
  const lift::shape& shape() const { return shape_; }
  std::size_t size() const { return empty() ? 0 : shape_.size(); }
  /// The elements, in the backend's memory; null for an empty tensor.
  const T* data() const { return buffer_ ? buffer_->data() : nullptr; }
  T* mutable_data() { return buffer_->data(); }

  /// The elements in host memory.
  std::vector<T> to_host() const {
    std::vector<T> host(size());
    copy_to(host);
    return host;
  }
  /// The same, written to memory of the caller's; throws lift::error unless it is of their number.
  void copy_to(std::span<T> host) const {
    require(host.size() == size(), "elements to copy out of a tensor", host.size(), size());
    if (!empty()) Backend::copy_out(host, data());
  }

  /// A copy with its own elements.
  tensor clone() const {
    tensor copy(shape_);
    copy.assign(*this);
    return copy;
  }

  /// Writes the elements of a tensor of the same shape in place.
  void assign(const tensor& from) {
    require(from.shape() == shape_, "elements to assign to a tensor", from.shape(), shape_);
    Backend::copy_rows(std::size_t{1}, from.size(), mutable_data(), from.size(), from.data(),
                       from.size());
  }

  /// The same elements seen with another shape of the same size.
  tensor reshaped(const lift::shape& s) const {
    require(s.size() == shape_.size(), "reshape", shape_, s);
    tensor view = *this;
    view.shape_ = s;
    return view;
  }

  /// A copy of entries first … last − 1 of the first axis.
  tensor rows(std::size_t first, std::size_t last) const {
    lift::shape s = shape_;
    require(s.rank() > 0 && first <= last && last <= s[0], "rows of a tensor", last, s);
    s[0] = last - first;
    tensor part(s);
    const std::size_t row = shape_.product(1, shape_.rank());
    Backend::copy_rows(std::size_t{1}, part.size(), part.mutable_data(), part.size(),
                       data() + first * row, part.size());
    return part;
  }

 private:
  using buffer = typename Backend::template buffer<T>;
  lift::shape shape_;
  std::shared_ptr<buffer> buffer_;
};

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

// The functors that more than one header needs.
namespace kernel {
struct add {
  template <class T>
  LIFT_HD T operator()(T a, T b) const { return a + b; }
};
struct multiply {
  template <class T>
  LIFT_HD T operator()(T a, T b) const { return a * b; }
};
struct square {
  template <class T>
  LIFT_HD T operator()(T a) const { return a * a; }
};
/// a·x, a the same for all elements.
template <class Number>
struct scale {
  Number a;
  template <class T>
  LIFT_HD T operator()(T x) const { return T(a) * x; }
};
/// a·x + b·y, a and b the same for all elements.
template <class Number>
struct axpby {
  Number a, b;
  template <class T>
  LIFT_HD T operator()(T x, T y) const { return T(a) * x + T(b) * y; }
};
template <class Number>
struct constant {
  Number value;
  template <class T>
  LIFT_HD T operator()(T) const { return T(value); }
};
}  // namespace kernel

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
