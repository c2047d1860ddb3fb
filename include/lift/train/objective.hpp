// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <lift/backend/noise.hpp>
#include <lift/model/network.hpp>
#include <lift/model/prediction.hpp>
#include <lift/op/mean_squared_error.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/train/independent_regime.hpp>

namespace lift {

/// Images of one scale as a network trains on them: x_t, the output wanted for it, and t.
template <class Tensor>
struct noised {
  Tensor input, target;
  timesteps t;
};

/// x_t = √ᾱ·x₀ + √(1−ᾱ)·ε and what the prediction policy wants the network to make of it.
template <prediction Prediction, noise_schedule Schedule, class Tensor>
noised<Tensor> noise_images(const Tensor& clean, const Tensor& noise, const timesteps& t,
                            const Schedule& schedule) {
  std::vector<double> alpha_bars;
  std::vector<combination> targets;
  for (const double step : t) {
    alpha_bars.push_back(schedule.alpha_bar(static_cast<std::size_t>(step)));
    targets.push_back(Prediction::target(alpha_bars.back()));
  }
  return {add_noise(alpha_bars, clean, noise), combined(targets, clean, noise), t};
}

/// An architecture of one image and one timestep, as the baseline.
template <class A>
concept single_scale_architecture =
    requires(const A& a, const scope<parameter_list>& p, const shape& x, const timesteps& t) {
      a(p, x, t);
    };

/// What a network is trained for: how clean images become noisy inputs and targets.
template <noise_schedule Schedule = cosine_schedule, regime Regime = independent_regime,
          prediction Prediction = predicts_noise>
struct objective {
  Schedule schedule{};
  Regime regime{};
  Prediction prediction{};

  /// Clean fine images (B, C, S, S) in [−1, 1] as training samples first_sample, …: timesteps and
  /// noise are functions of seed and sample number. The coarse images are the 2×2 means of the
  /// fine ones; a single-scale architecture gets none.
  template <class Architecture, class Tensor>
  scales<noised<Tensor>> batch(const Tensor& clean, std::uint64_t seed,
                               std::uint64_t first_sample) const {
    const random_stream draws{.seed = seed, .use = purpose::training_timestep};
    scales<timesteps> t;
    for (std::size_t b = 0; b < clean.shape()[0]; ++b) {
      const auto drawn = regime.draw(draws, first_sample + b, schedule.num_timesteps());
      t.fine.push_back(static_cast<double>(drawn.fine));
      t.coarse.push_back(static_cast<double>(drawn.coarse));
    }
    const auto noise = [&](const Tensor& images, const timesteps& times, std::uint32_t scale) {
      const random_stream stream{.seed = seed, .use = purpose::training_noise, .scale = scale};
      return noise_images<Prediction>(
          images, normal_noise<Tensor>(images.shape(), stream, first_sample), times, schedule);
    };
    scales<noised<Tensor>> result{noise(clean, t.fine, 0), {}};
    if constexpr (!single_scale_architecture<Architecture>)
      result.coarse = noise(coarsen(clean), t.coarse, 1);
    return result;
  }
};

template <class S, class R>
objective(S, R) -> objective<S, R>;
template <class S, class R, class P>
objective(S, R, P) -> objective<S, R, P>;

/// The losses of a batch, tensors of one element, and the gradient of their weighted sum with
/// respect to every parameter, in the order of the parameters; an empty tensor is zero.
template <class Tensor>
struct loss_gradient {
  scales<Tensor> loss;
  std::vector<Tensor> gradients;
};

/// Loss of a scale = mean over all elements of (output − target)²; the gradient is that of
/// weights.fine·loss.fine + weights.coarse·loss.coarse. A single-scale architecture sees only
/// batch.fine, and its coarse loss is 0.
template <class Architecture, class Tensor>
loss_gradient<Tensor> loss_and_gradients(const Architecture& architecture,
                                         const parameters<Tensor>& parameters,
                                         const scales<noised<Tensor>>& batch,
                                         const scales<double>& weights) {
  tape_of<Tensor> tape;
  taped_parameters leaves(parameters, tape);
  const scope root(leaves);
  const auto& [fine, coarse] = batch;
  const auto loss = [](const auto& y, const noised<Tensor>& images) {
    return apply(op::mean_squared_error{}, y, images.target);
  };
  if constexpr (single_scale_architecture<Architecture>) {
    const auto total = loss(architecture(root, fine.input, fine.t), fine);
    using T = typename Tensor::value_type;
    tape.backward(total, full<Tensor>({1}, static_cast<T>(weights.fine)));
    return {{total.value, {}}, leaves.gradients()};
  } else {
    const auto y = architecture(root, fine.input, coarse.input, fine.t, coarse.t);
    const scales each{loss(y.fine, fine), loss(y.coarse, coarse)};
    const op::weighted_sum sum{{weights.fine}, {weights.coarse}};
    tape.backward(apply(sum, each.fine, each.coarse), full<Tensor>({1}, 1));
    return {{each.fine.value, each.coarse.value}, leaves.gradients()};
  }
}

}  // namespace lift
