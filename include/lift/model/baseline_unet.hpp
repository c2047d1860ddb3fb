// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/model/lift_unet.hpp>

namespace lift {

/// The single-scale network that LIFT is compared with: the same U-Net on one image and one
/// timestep. x (B, C, S, S) → the same shape.
struct baseline_unet {
  static constexpr const char* name = "baseline";
  static constexpr std::size_t scale_count = 1;
  std::vector<std::size_t> hidden_dims = {64, 128, 256, 512};

  template <class Scope, class X, class Timesteps>
  auto operator()(const Scope& p, const scales<X, 1>& x, const scales<Timesteps, 1>& t) const {
    const X& image = x.fine();
    require_unet_size(hidden_dims, shape_of(image)[2]);
    return scales{nn::unet(p, hidden_dims, image,
                           nn::time_embedding(p / "time_mlp", image, t.fine(), hidden_dims[0]),
                           shape_of(image)[1])};
  }
};

}  // namespace lift
