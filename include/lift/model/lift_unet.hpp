// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/nn/time_embedding.hpp>
#include <lift/nn/unet.hpp>
#include <lift/op/slice.hpp>
#include <lift/pyramid/scales.hpp>

namespace lift {

/// Throws lift::error unless a U-Net of these widths can take images of this size.
inline void require_unet_size(const std::vector<std::size_t>& dims, std::size_t size) {
  require(!dims.empty() && dims.size() < 16, "number of hidden dims", dims.size(), "1 to 15");
  for (const std::size_t d : dims)
    require(d > 0 && d % 8 == 0, "hidden dim", d, "a positive multiple of 8");
  const std::size_t factor = std::size_t{1} << dims.size();
  require(size > 0 && size % factor == 0, "image size for these hidden dims", size,
          text("a multiple of ", factor));
}

/// The body that both LIFT networks share: the coarse image is upsampled and joined to the fine
/// one; the last channels of the result are downsampled.
template <class Scope, class F, class C, class Embedding>
auto lift_body(const Scope& p, const std::vector<std::size_t>& dims, const F& x_fine,
               const C& x_coarse, const Embedding& t) {
  const std::size_t c = shape_of(x_fine)[1];
  const auto y = nn::unet(p, dims, apply(op::concat{}, x_fine, refine(x_coarse)), t, 2 * c);
  return scales{apply(op::slice(0, c), y), coarsen(apply(op::slice(c, c), y))};
}

/// The LIFT network: one U-Net sees both scales, each at its own timestep, and predicts for both.
/// x_fine (B, C, S, S), x_coarse (B, C, S/2, S/2) → the same shapes.
struct lift_unet {
  static constexpr const char* name = "lift";
  std::vector<std::size_t> hidden_dims = {64, 128, 256, 512};

  template <class Scope, class F, class C, class Timesteps>
  auto operator()(const Scope& p, const F& x_fine, const C& x_coarse, const Timesteps& t_fine,
                  const Timesteps& t_coarse) const {
    require_unet_size(hidden_dims, shape_of(x_fine)[2]);
    const std::size_t c = hidden_dims[0];
    const auto mlp = p / "time_mlp";
    const auto t = nn::two_layer_mlp(
        p / "time_combine",
        apply(op::concat{}, nn::time_embedding(mlp, x_fine, t_fine, c),
              nn::time_embedding(mlp, x_fine, t_coarse, c)),
        0, 2, 4 * c);
    return lift_body(p, hidden_dims, x_fine, x_coarse, t);
  }
};

/// LIFT with one timestep for both scales: it is told t_fine alone.
struct lift_unet_shared_timestep {
  static constexpr const char* name = "lift-shared-timestep";
  std::vector<std::size_t> hidden_dims = {64, 128, 256, 512};

  template <class Scope, class F, class C, class Timesteps>
  auto operator()(const Scope& p, const F& x_fine, const C& x_coarse, const Timesteps& t_fine,
                  const Timesteps&) const {
    require_unet_size(hidden_dims, shape_of(x_fine)[2]);
    const auto unet = p / "unet";
    return lift_body(unet, hidden_dims, x_fine, x_coarse,
                     nn::time_embedding(unet / "time_mlp", x_fine, t_fine, hidden_dims[0]));
  }
};

}  // namespace lift
