// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <lift/pyramid/copies.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/tensor/noise.hpp>
#include <lift/train/draw_timesteps.hpp>
#include <lift/train/independent_regime.hpp>
#include <lift/train/noise_images.hpp>

namespace lift {

/// What a network is trained for: how clean images become noisy inputs and targets.
template <class Schedule = cosine_schedule, class Regime = independent_regime,
          class Pyramid = copies>
struct objective {
  static_assert(is_noise_schedule<Schedule>());

  Schedule schedule{};
  Regime regime{};
  lift::prediction prediction = predicts_noise{};
  Pyramid pyramid{};
  double label_dropout = 0.1;  ///< share of the images that are shown without their label
  loss_weighting weighting{};

  /// Clean images (B, C, S, S) in [−1, 1] as training samples first_sample, … of the N scales that
  /// the pyramid makes of them: timesteps and noise are functions of seed and sample number, made
  /// where the tensors are.
  template <std::size_t N, class Tensor>
  scales<noised<Tensor>, N> batch(const Tensor& clean, std::uint64_t seed,
                                  sample_number first_sample) const {
    static_assert(is_regime<Regime, N>() && is_pyramid<Pyramid, Tensor, N>());
    const auto t = draw_timesteps<Tensor, N>(
        regime, {.seed = seed, .use = purpose::training_timestep}, first_sample,
        clean.shape()[0], schedule.num_timesteps());
    const auto images = pyramid.template split<N>(clean);
    return make_scales<N>([&](std::size_t scale) {
      const random_stream stream{.seed = seed, .use = purpose::training_noise,
                                 .scale = static_cast<std::uint32_t>(scale)};
      return noise_images(prediction, images[scale],
                          normal_noise<Tensor>(images[scale].shape(), stream, first_sample),
                          t[scale], schedule, weighting);
    });
  }
};

template <class S>
objective(S) -> objective<S>;
template <class S, class R>
objective(S, R) -> objective<S, R>;
template <class S, class R>
objective(S, R, prediction) -> objective<S, R>;
template <class S, class R, class P>
objective(S, R, prediction, P) -> objective<S, R, P>;

}  // namespace lift
