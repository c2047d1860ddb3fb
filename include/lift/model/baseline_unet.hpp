// SPDX-License-Identifier: MIT
#pragma once

#include <lift/model/lift_unet.hpp>

namespace lift {

/// The single-scale network that LIFT is compared with: the same U-Net on one image and one
/// timestep. x (B, C, S, S) → the same shape.
struct baseline_unet {
  static constexpr const char* name = "baseline";
  std::vector<std::size_t> hidden_dims = {64, 128, 256, 512};

  template <class Scope, class X, class Timesteps>
  auto operator()(const Scope& p, const X& x, const Timesteps& t) const {
    require_unet_size(hidden_dims, shape_of(x)[2]);
    return nn::unet(p, hidden_dims, x,
                    nn::time_embedding(p / "time_mlp", x, t, hidden_dims[0]), shape_of(x)[1]);
  }
};

}  // namespace lift
