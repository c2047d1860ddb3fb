// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/scales.hpp>
#include <lift/nn/label_embedding.hpp>
#include <lift/nn/time_embedding.hpp>
#include <lift/nn/unet.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/slice.hpp>
#include <lift/pyramid/copies.hpp>

namespace lift {

/// Throws lift::error unless a network can take images whose scales have the shapes of x.
template <class X, std::size_t N>
void require_size(const unet_config& config, const scales<X, N>& x) {
  const auto shapes = make_scales<N>([&](std::size_t scale) { return shape_of(x[scale]); });
  config.require_size(size_of_images(make_pyramid(config.pyramid).join(shapes)));
}

/// The body that the LIFT networks share. Of copies the coarser images are upsampled and joined to the
/// finest one, and of the channels of the result each scale's own are downsampled; of Haar's parts the image
/// that they make is changed, and the result split.
template <std::size_t N, class Scope, class X, class Embedding>
auto lift_body(const Scope& p, const unet_config& config, const scales<X, N>& x,
               const Embedding& t) {
  const any_pyramid pyramid = make_pyramid(config.pyramid);
  const std::size_t c = shape_of(x.coarse())[1];
  if (!pyramid.scales_are_images())
    return pyramid.template split<N>(nn::unet(p, config, pyramid.join(x), t, c));
  auto all = x.fine();
  for (std::size_t scale = 1; scale < N; ++scale) {
    auto image = x[scale];
    for (std::size_t i = 0; i < scale; ++i) image = refine(image);
    all = apply(op::concat{}, all, image);  // (B, (scale + 1)·C, H, W)
  }
  const auto y = nn::unet(p, config, all, t, N * c);  // (B, N·C, H, W)
  return make_scales<N>([&](std::size_t scale) {
    auto image = apply(op::slice(scale * c, c), y);
    for (std::size_t i = 0; i < scale; ++i) image = coarsen(image);
    return image;
  });
}

/// The LIFT network of N scales: one U-Net sees all of them, each at its own timestep, and predicts
/// for all; one that is told fewer timesteps (told_timesteps) is an ablation. x (B, C, H, W),
/// (B, C, H/2, W/2), … of copies, or the parts that `haar` makes → the same shapes.
template <std::size_t N>
struct multiscale_unet {
  static_assert(N == 2 || N == 3, "named for two and three scales");
  static constexpr const char* name = N == 2 ? "lift" : "lift-3-scales";
  static constexpr std::size_t scale_count = N;
  unet_config config = {};

  template <class Scope, class X, class Timesteps, class Labels = class_labels>
  auto operator()(const Scope& p, const scales<X, N>& x, const scales<Timesteps, N>& t,
                  const condition<Labels>& given = {}) const {
    require_size(config, x);
    const auto told = make_told_timesteps(config.told_timesteps);
    const auto outputs = [&](std::size_t of) {
      return evaluate(p, x, nn::hide_timesteps(told, t, of), given);
    };
    if (told != told_timesteps::own) return outputs(0);
    return make_scales<N>([&](std::size_t scale) { return outputs(scale)[scale]; });
  }

 private:
  template <class Scope, class X, class Timesteps, class Labels>
  auto evaluate(const Scope& p, const scales<X, N>& x, const scales<Timesteps, N>& t,
                const condition<Labels>& given) const {
    const std::size_t c = config.hidden_dims[0];
    const auto embedded = [&](std::size_t scale) {
      return nn::time_embedding(p / "time_mlp", x.fine(), t[scale], c);
    };
    auto times = embedded(0);  // (B, N·4c) in the end
    for (std::size_t scale = 1; scale < N; ++scale)
      times = apply(op::concat{}, times, embedded(scale));
    const auto told = nn::add_label_embedding(
        p / "label_embedding", x.fine(), nn::two_layer_mlp(p / "time_combine", times, 0, 2, 4 * c),
        given, config.classes);
    return lift_body(p, config, x, told);
  }
};

/// The LIFT network of an image and its half.
using lift_unet = multiscale_unet<2>;

/// The reference's LIFT with one timestep for both scales: it is told the fine one alone, as a `lift_unet`
/// can be too, which keeps its other parameters.
struct lift_unet_shared_timestep {
  static constexpr const char* name = "lift-shared-timestep";
  static constexpr std::size_t scale_count = 2;
  unet_config config = {};

  template <class Scope, class X, class Timesteps, class Labels = class_labels>
  auto operator()(const Scope& p, const scales<X>& x, const scales<Timesteps>& t,
                  const condition<Labels>& given = {}) const {
    require_size(config, x);
    const auto unet = p / "unet";
    const auto read = nn::hide_timesteps(make_told_timesteps(config.told_timesteps), t);
    const auto told = nn::add_label_embedding(
        unet / "label_embedding", x.fine(),
        nn::time_embedding(unet / "time_mlp", x.fine(), read.fine(), config.hidden_dims[0]), given,
        config.classes);
    return lift_body(unet, config, x, told);
  }
};

}  // namespace lift
