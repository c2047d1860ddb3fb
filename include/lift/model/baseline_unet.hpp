// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/scales.hpp>
#include <lift/nn/label_embedding.hpp>
#include <lift/nn/time_embedding.hpp>
#include <lift/nn/unet.hpp>

namespace lift {

/// The single-scale network that LIFT is compared with: the same U-Net on one image and one
/// timestep. x (B, C, H, W) → the same shape.
struct baseline_unet {
  static constexpr const char* name = "baseline";
  static constexpr std::size_t scale_count = 1;
  unet_config config = {};

  template <class Scope, class X, class Timesteps, class Labels = class_labels>
  auto operator()(const Scope& p, const scales<X, 1>& x, const scales<Timesteps, 1>& t,
                  const condition<Labels>& given = {}) const {
    const X& image = x.fine();
    config.require_size(size_of_images(shape_of(image)));
    const auto read = nn::hide_timesteps(make_told_timesteps(config.told_timesteps), t);
    const auto told = nn::add_label_embedding(
        p / "label_embedding", image,
        nn::time_embedding(p / "time_mlp", image, read.fine(), config.hidden_dims[0]), given,
        config.classes);
    return scales{nn::unet(p, config, image, told, shape_of(image)[1])};
  }
};

}  // namespace lift
