// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/core/scales.hpp>
#include <lift/nn/time_embedding.hpp>
#include <lift/nn/unet.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/slice.hpp>
#include <lift/pyramid/copies.hpp>

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

/// The body that the LIFT networks share: coarser images are upsampled and joined to the finest one,
/// and of the channels of the result each scale's own are downsampled.
template <std::size_t N, class Scope, class X, class Embedding>
auto lift_body(const Scope& p, const std::vector<std::size_t>& dims, const scales<X, N>& x,
               const Embedding& t) {
  const std::size_t c = shape_of(x.fine())[1];
  auto all = x.fine();
  for (std::size_t scale = 1; scale < N; ++scale) {
    auto image = x[scale];
    for (std::size_t i = 0; i < scale; ++i) image = refine(image);
    all = apply(op::concat{}, all, image);  // (B, (scale + 1)·C, S, S)
  }
  const auto y = nn::unet(p, dims, all, t, N * c);  // (B, N·C, S, S)
  return make_scales<N>([&](std::size_t scale) {
    auto image = apply(op::slice(scale * c, c), y);
    for (std::size_t i = 0; i < scale; ++i) image = coarsen(image);
    return image;
  });
}

/// The LIFT network of N scales: one U-Net sees all of them, each at its own timestep, and predicts
/// for all. x (B, C, S, S), (B, C, S/2, S/2), … → the same shapes.
template <std::size_t N>
struct multiscale_unet {
  static_assert(N == 2 || N == 3, "named for two and three scales");
  static constexpr const char* name = N == 2 ? "lift" : "lift-3-scales";
  static constexpr std::size_t scale_count = N;
  std::vector<std::size_t> hidden_dims = {64, 128, 256, 512};

  template <class Scope, class X, class Timesteps>
  auto operator()(const Scope& p, const scales<X, N>& x, const scales<Timesteps, N>& t) const {
    require_unet_size(hidden_dims, shape_of(x.fine())[2]);
    const std::size_t c = hidden_dims[0];
    const auto embedded = [&](std::size_t scale) {
      return nn::time_embedding(p / "time_mlp", x.fine(), t[scale], c);
    };
    auto times = embedded(0);  // (B, N·4c) in the end
    for (std::size_t scale = 1; scale < N; ++scale)
      times = apply(op::concat{}, times, embedded(scale));
    return lift_body(p, hidden_dims, x,
                     nn::two_layer_mlp(p / "time_combine", times, 0, 2, 4 * c));
  }
};

/// The LIFT network of an image and its half.
using lift_unet = multiscale_unet<2>;

/// LIFT with one timestep for both scales: it is told the fine one alone.
struct lift_unet_shared_timestep {
  static constexpr const char* name = "lift-shared-timestep";
  static constexpr std::size_t scale_count = 2;
  std::vector<std::size_t> hidden_dims = {64, 128, 256, 512};

  template <class Scope, class X, class Timesteps>
  auto operator()(const Scope& p, const scales<X>& x, const scales<Timesteps>& t) const {
    require_unet_size(hidden_dims, shape_of(x.fine())[2]);
    const auto unet = p / "unet";
    return lift_body(unet, hidden_dims, x,
                     nn::time_embedding(unet / "time_mlp", x.fine(), t.fine(), hidden_dims[0]));
  }
};

}  // namespace lift
