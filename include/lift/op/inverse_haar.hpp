// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/haar.hpp>

namespace lift::op {

/// The inverse of `haar`, (B, 4C, H, W) → (B, C, 2H, 2W), which is its transpose.
struct inverse_haar : linear_map<inverse_haar> {
  static constexpr const char* name = "inverse_haar";

  shape output_shape(const shape& x) const {
    require(x.rank() == 4 && x[1] % 4 == 0, "inverse_haar: shape of the coefficients", x,
            "(B, 4C, H, W)");
    return {x[0], x[1] / 4, 2 * x[2], 2 * x[3]};
  }

  template <class Tensor>
  Tensor map(const Tensor& x) const {
    return haar::transformed(x, output_shape(x.shape()), x.shape(), true);
  }
  template <class Tensor>
  Tensor transpose(const Tensor& w, const shape& x) const {
    return haar::transformed(w, x, x, false);
  }
};

}  // namespace lift::op
