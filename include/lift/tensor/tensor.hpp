// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <lift/core/shape.hpp>

namespace lift {

/// A row-major array of a backend (lift/backend/backend.hpp), images as (B, C, H, W).
///
/// A tensor is a handle: copies share the elements, which live as long as any handle does.
/// Functions take tensors as values and return new ones; only `mutable_data` writes in place.
/// A default-constructed tensor is empty and stands for "none" or "zero".
template <class Backend, class T>
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

}  // namespace lift
