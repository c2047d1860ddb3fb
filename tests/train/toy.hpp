// SPDX-License-Identifier: MIT
#pragma once

// The smallest networks that can be trained, for tests of what is around a network.

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <lift/op/add.hpp>
#include <lift/train/trainer.hpp>

namespace lift::test {

struct toy_config {
  std::size_t image_channels = 3;

  std::size_t size_factor() const { return 2; }
  template <class Config, class Visit>
  static void for_each_field(Config& config, const Visit& visit) {
    visit("image_channels", config.image_channels);
  }
};

/// One convolution for each scale, and a shift by the timesteps.
struct toy_network {
  static constexpr const char* name = "toy";
  static constexpr std::size_t scale_count = 2;
  toy_config config = {};

  template <class Scope, class X, class Timesteps>
  auto operator()(const Scope& p, const scales<X>& x, const scales<Timesteps>& t) const {
    return scales{apply(op::add{}, layer(p / "fine", x.fine(), t.fine()), refine(x.coarse())),
                  layer(p / "coarse", x.coarse(), t.coarse())};
  }

  template <class Scope, class X, class Timesteps>
  static auto layer(const Scope& p, const X& x, const Timesteps& t) {
    return nn::conv2d_add(p / "conv", x,
                          nn::linear(p / "time", nn::sinusoidal_embedding(x, t, 8), 3), 3, 3, 1);
  }
};

/// The fine half of it.
struct toy_baseline {
  static constexpr const char* name = "toy-baseline";
  static constexpr std::size_t scale_count = 1;
  toy_config config = {};

  template <class Scope, class X, class Timesteps>
  auto operator()(const Scope& p, const scales<X, 1>& x, const scales<Timesteps, 1>& t) const {
    return scales{toy_network::layer(p / "fine", x.fine(), t.fine())};
  }
};

/// `count` images of noise, of the given size.
template <class Tensor>
tensor_images<Tensor> noise_source(std::size_t count, std::size_t size) {
  const random_stream stream{.seed = 9, .use = purpose::evaluation_noise};
  return {scaled(normal_noise<Tensor>({count, 3, size, size}, stream, 0), 0.3)};
}

/// Images of a source until image `bad` is asked for, which holds a NaN.
template <class Tensor>
struct spoilt_source {
  tensor_images<Tensor> good;
  std::size_t bad;

  std::size_t size() const { return good.size(); }
  Tensor operator()(std::span<const std::size_t> indices) const {
    auto values = good(indices).to_host();
    const std::size_t width = values.size() / indices.size();
    for (std::size_t i = 0; i < indices.size(); ++i)
      if (indices[i] == bad) values[i * width] = NAN;
    shape s = good.images.shape();
    s[0] = indices.size();
    return {s, values};
  }
};

/// Every number of a state, in order.
template <class Tensor>
std::vector<typename Tensor::value_type> numbers_of(const training_state<Tensor>& state) {
  std::vector<typename Tensor::value_type> all;
  std::vector<const parameters<Tensor>*> parts{&state.weights, &state.average};
  for (const auto& part : state.optimiser_state) parts.push_back(&part);
  for (const auto* part : parts)
    for (const auto& entry : part->entries()) {
      const auto values = entry.value.to_host();
      all.insert(all.end(), values.begin(), values.end());
    }
  return all;
}

template <class Tensor>
bool same_state(const training_state<Tensor>& a, const training_state<Tensor>& b) {
  return numbers_of(a) == numbers_of(b) && a.optimiser == b.optimiser && a.seed == b.seed && a.step == b.step &&
         a.samples == b.samples && a.epoch == b.epoch && a.cursor == b.cursor &&
         a.images == b.images;
}

}  // namespace lift::test
