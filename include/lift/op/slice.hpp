// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/concat.hpp>
#include <lift/op/linear_map.hpp>

namespace lift::op {

/// The channels first … first + count − 1; the transpose puts them back among zeros.
struct slice : linear_map<slice> {
  static constexpr const char* name = "slice";

  std::size_t first = 0;
  std::size_t count = 1;

  constexpr slice(std::size_t first_, std::size_t count_) : first(first_), count(count_) {}

  shape output_shape(const shape& x) const {
    require(x.rank() >= 2 && first + count <= x[1], "slice: channels of the input", x,
            text("at least ", first + count));
    shape y = x;
    y[1] = count;
    return y;
  }

  template <class Tensor>
  Tensor map(const Tensor& x) const {
    output_shape(x.shape());
    return channels_of(x, first, count);
  }
  template <class Tensor>
  Tensor transpose(const Tensor& w, const shape& x) const {
    Tensor g = zeros<Tensor>(x, w.layout());
    copy_channels(count, w, 0, g, first);
    return g;
  }
};

}  // namespace lift::op
