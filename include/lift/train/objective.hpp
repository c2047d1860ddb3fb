// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
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
  Tensor t;  ///< (B)
};

/// Writes the timesteps of one sample.
template <class Regime, class T>
struct draw_timesteps_functor {
  Regime regime;
  random_stream stream;
  sample_number first_sample;
  std::size_t num_timesteps;
  T *fine, *coarse;
  LIFT_HD void operator()(std::size_t i) const {
    const timestep_pair drawn = regime.draw(stream, first_sample + i, num_timesteps);
    fine[i] = static_cast<T>(drawn.fine);
    coarse[i] = static_cast<T>(drawn.coarse);
  }
};

/// The timesteps (B) of both scales that a regime draws for samples first_sample, …
template <class Tensor, regime Regime>
scales<Tensor> draw_timesteps(const Regime& regime, const random_stream& stream,
                              sample_number first_sample, std::size_t batch,
                              std::size_t num_timesteps) {
  scales<Tensor> t{Tensor(shape{batch}), Tensor(shape{batch})};
  const auto draw = [&]<class R>(const R& chosen) {
    Tensor::backend_type::for_each(
        batch,
        draw_timesteps_functor<R, typename Tensor::value_type>{
            chosen, stream, first_sample, num_timesteps, t.fine.mutable_data(),
            t.coarse.mutable_data()},
        16);
  };
  if constexpr (requires { regime.visit(draw); })
    regime.visit(draw);
  else
    draw(regime);
  return t;
}

/// Row t of a table, for one image: out[k·batch + i] = table[k][t[i]].
template <class T>
struct look_up_functor {
  const T* table;
  std::size_t length;  // of a column
  const T* t;
  std::size_t batch;
  T* out;
  LIFT_HD void operator()(std::size_t i) const {
    out[i] = table[i / batch * length + static_cast<std::size_t>(t[i % batch])];
  }
};

/// x_t = √ᾱ·x₀ + √(1−ᾱ)·ε and what the prediction policy wants the network to make of it. `t` (B)
/// holds whole numbers below the schedule's number of timesteps.
template <prediction Prediction, noise_schedule Schedule, class Tensor>
noised<Tensor> noise_images(const Tensor& clean, const Tensor& noise, const Tensor& t,
                            const Schedule& schedule) {
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;
  constexpr std::size_t columns = 4;  // √ᾱ, √(1−ᾱ), and the weights of the target
  const std::size_t length = schedule.num_timesteps(), batch = t.size();
  std::vector<T> table(columns * length);
  for (std::size_t i = 0; i < length; ++i) {
    const double alpha_bar = schedule.alpha_bar(i);
    const combination target = Prediction::target(alpha_bar);
    const double row[columns] = {std::sqrt(alpha_bar), std::sqrt(1 - alpha_bar), target.a, target.b};
    for (std::size_t k = 0; k < columns; ++k) table[k * length + i] = static_cast<T>(row[k]);
  }
  const Tensor all({columns, length}, table);
  Tensor weights(shape{columns, batch});
  Backend::for_each(weights.size(), look_up_functor<T>{all.data(), length, t.data(), batch,
                                                       weights.mutable_data()});
  const auto sum = [&](std::size_t column) {
    const std::size_t run = clean.size() / batch;
    const T* const a = weights.data() + column * batch;
    return mapped<Tensor>(clean.shape(), op::weighted_sum_functor{}, each(clean), each(noise),
                          operand<T>{a, run, batch}, operand<T>{a + batch, run, batch});
  };
  return {sum(0), sum(2), t};
}

/// An architecture of one image and one timestep, as the baseline.
template <class A>
concept single_scale_architecture =
    requires(const A& a, const scope<parameter_list>& p, const shape& x, const timesteps& t) {
      a(p, x, t);
    };

/// What a network is trained for: how clean images become noisy inputs and targets.
template <class Schedule = cosine_schedule, class Regime = independent_regime,
          class Prediction = predicts_noise>
struct objective {
  static_assert(is_noise_schedule<Schedule>() && is_regime<Regime>());
  static_assert(is_prediction<Prediction>());

  Schedule schedule{};
  Regime regime{};
  Prediction prediction{};

  /// Clean fine images (B, C, S, S) in [−1, 1] as training samples first_sample, …: timesteps and
  /// noise are functions of seed and sample number, made where the tensors are. The coarse images
  /// are the 2×2 means of the fine ones; a single-scale architecture gets none.
  template <class Architecture, class Tensor>
  scales<noised<Tensor>> batch(const Tensor& clean, std::uint64_t seed,
                               sample_number first_sample) const {
    const auto t = draw_timesteps<Tensor>(
        regime, {.seed = seed, .use = purpose::training_timestep}, first_sample,
        clean.shape()[0], schedule.num_timesteps());
    const auto noise = [&](const Tensor& images, const Tensor& times, std::uint32_t scale) {
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

template <class S>
objective(S) -> objective<S>;
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
