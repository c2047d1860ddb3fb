// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <lift/core/shape.hpp>
#include <lift/tensor/memory_layout.hpp>
#include <lift/tensor/storage.hpp>

namespace lift {

/// An array of a backend (lift/backend/backend.hpp), images as (B, C, H, W), of numbers that are
/// stored as T and computed with as accumulator_t<T>. In memory it is row-major, or holds images
/// with the channels last; its shape and what the host sees of it are the same in both. Primitives
/// and maps of tensors take either and give the layout of their first image; what else reads data()
/// takes channels first.
///
/// A tensor is a handle: copies share the elements, which live as long as any handle does.
/// Functions take tensors as values and return new ones; only `mutable_data` writes in place.
/// A default-constructed tensor is empty and stands for "none" or "zero".
template <class Backend, class T>
class tensor {
 public:
  using backend_type = Backend;
  using value_type = T;
  /// A tensor of the numbers that this one's are computed in.
  using accumulators = tensor<Backend, accumulator_t<T>>;

  tensor() = default;
  /// A tensor whose elements are not initialised.
  explicit tensor(const lift::shape& s, memory_layout layout = memory_layout::channels_first)
      : shape_(s),
        layout_(s.rank() < 3 ? memory_layout::channels_first : layout),
        buffer_(std::make_shared<buffer>(s.size())) {}
  /// A tensor with the given elements, row by row; throws when their number does not fit the shape.
  tensor(const lift::shape& s, std::span<const T> host) : tensor(s) {
    require(host.size() == s.size(), "elements of a tensor", host.size(), s.size());
    Backend::copy_in(mutable_data(), host);
  }
  tensor(const lift::shape& s, const std::vector<T>& host) : tensor(s, std::span<const T>(host)) {}

  bool empty() const { return !buffer_; }
  const lift::shape& shape() const { return shape_; }
  memory_layout layout() const { return layout_; }
  std::size_t size() const { return empty() ? 0 : shape_.size(); }
  /// The elements, in the backend's memory and the tensor's layout; null for an empty tensor.
  const T* data() const { return buffer_ ? buffer_->data() : nullptr; }
  T* mutable_data() { return buffer_->data(); }

  /// The elements in host memory, row by row.
  std::vector<T> to_host() const {
    std::vector<T> host(size());
    copy_to(host);
    return host;
  }
  /// The same, written to memory of the caller's; throws lift::error unless it is of their number.
  void copy_to(std::span<T> host) const {
    require(host.size() == size(), "elements to copy out of a tensor", host.size(), size());
    if (!empty()) Backend::copy_out(host, in_layout(memory_layout::channels_first).data());
  }

  /// The same images in a layout: this tensor, or a copy where it has another.
  tensor in_layout(memory_layout layout) const {
    if (layout == layout_ || empty() || shape_.rank() < 3) return *this;
    return converted<T>(layout);
  }
  /// The elements stored as another type, each rounded to it: a copy, unless the type and the
  /// layout are this tensor's.
  template <class To>
  tensor<Backend, To> stored_as(memory_layout layout) const {
    if constexpr (std::is_same_v<To, T>)
      return in_layout(layout);
    else
      return converted<To>(shape_.rank() < 3 ? layout_ : layout);
  }
  template <class To>
  tensor<Backend, To> stored_as() const {
    return stored_as<To>(layout_);
  }

  /// What writes the elements to a tensor of the same shape, in its layout.
  template <class To>
  kernel::rearrange<To, T> rearranged(tensor<Backend, To>& to) const {
    require(layout_ != memory_layout::packed_kernels && to.layout() != memory_layout::packed_kernels,
            "layout of a tensor to rearrange", "packed kernels", "channels first or last");
    const std::size_t channels = shape_.rank() < 3 ? 1 : shape_[1];
    const std::size_t pixels = shape_.rank() < 3 ? shape_.size() : shape_.product(2, shape_.rank());
    return {to.mutable_data(),
            data(),
            strides_of(to.layout(), channels, pixels),
            strides_of(layout_, channels, pixels),
            channels,
            pixels};
  }

  /// A copy with its own elements.
  tensor clone() const {
    tensor copy(shape_, layout_);
    copy.assign(*this);
    return copy;
  }

  /// Writes the elements of a tensor of the same shape in place.
  void assign(const tensor& from) {
    require(from.shape() == shape_, "elements to assign to a tensor", from.shape(), shape_);
    const tensor same = from.in_layout(layout_);
    Backend::copy_rows(std::size_t{1}, same.size(), mutable_data(), same.size(), same.data(),
                       same.size());
  }

  /// The same elements seen with another shape of the same size.
  tensor reshaped(const lift::shape& s) const {
    require(s.size() == shape_.size(), "reshape", shape_, s);
    tensor view = in_layout(memory_layout::channels_first);
    view.shape_ = s;
    return view;
  }

  /// A copy of entries first … last − 1 of the first axis.
  tensor rows(std::size_t first, std::size_t last) const {
    lift::shape s = shape_;
    require(s.rank() > 0 && first <= last && last <= s[0], "rows of a tensor", last, s);
    s[0] = last - first;
    tensor part(s, layout_);
    const std::size_t row = shape_.product(1, shape_.rank());
    Backend::copy_rows(std::size_t{1}, part.size(), part.mutable_data(), part.size(),
                       data() + first * row, part.size());
    return part;
  }

 private:
  using buffer = typename Backend::template buffer<T>;

  template <class To>
  tensor<Backend, To> converted(memory_layout layout) const {
    if (empty()) return {};
    tensor<Backend, To> to(shape_, layout);
    Backend::for_each(shape_.size(), rearranged(to), 8);
    return to;
  }

  lift::shape shape_;
  memory_layout layout_ = memory_layout::channels_first;
  std::shared_ptr<buffer> buffer_;
};

}  // namespace lift
