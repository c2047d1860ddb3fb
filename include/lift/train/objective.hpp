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
#include <lift/pyramid/copies.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/train/independent_regime.hpp>

namespace lift {

/// Images of one scale as a network trains on them: what it is shown, the output wanted for it, and
/// what it is told of the timestep.
template <class Tensor>
struct noised {
  Tensor input, target;
  Tensor t;  ///< (B)
};

namespace kernel {
/// Writes the timesteps of one sample.
template <class Regime, class T, std::size_t N>
struct draw_timesteps {
  Regime regime;
  random_stream stream;
  sample_number first_sample;
  std::size_t num_timesteps;
  scales<T*, N> out;
  LIFT_HD void operator()(std::size_t i) const {
    const scales<std::size_t, N> drawn =
        regime.template draw<N>(stream, first_sample + i, num_timesteps);
    for (std::size_t scale = 0; scale < N; ++scale) out[scale][i] = static_cast<T>(drawn[scale]);
  }
};
}  // namespace kernel

/// The timesteps (B) of N scales that a regime draws for samples first_sample, …
template <class Tensor, std::size_t N, regime<N> Regime>
scales<Tensor, N> draw_timesteps(const Regime& regime, const random_stream& stream,
                                 sample_number first_sample, std::size_t batch,
                                 std::size_t num_timesteps) {
  using T = typename Tensor::value_type;
  auto t = make_scales<N>([&](std::size_t) { return Tensor(shape{batch}); });
  const auto draw = [&]<class R>(const R& chosen) {
    scales<T*, N> out;
    for (std::size_t scale = 0; scale < N; ++scale) out[scale] = t[scale].mutable_data();
    Tensor::backend_type::for_each(
        batch, kernel::draw_timesteps<R, T, N>{chosen, stream, first_sample, num_timesteps, out},
        16);
  };
  if constexpr (requires { regime.visit(draw); })
    regime.visit(draw);
  else
    draw(regime);
  return t;
}

namespace kernel {
/// Row t of a table, for one image: out[k·batch + i] = table[k][t[i]].
template <class T>
struct look_up {
  const T* table;
  std::size_t length;  // of a column
  const T* t;
  std::size_t batch;
  T* out;
  LIFT_HD void operator()(std::size_t i) const {
    out[i] = table[i / batch * length + static_cast<std::size_t>(t[i % batch])];
  }
};
}  // namespace kernel

/// c_in·x_t of x_t = √ᾱ·x₀ + √(1−ᾱ)·ε, what the prediction wants the network to make of it, and
/// what it tells the network of t. `t` (B) holds whole numbers below the schedule's number of
/// timesteps.
template <noise_schedule Schedule, class Tensor>
noised<Tensor> noise_images(const prediction& predicted, const Tensor& clean, const Tensor& noise,
                            const Tensor& t, const Schedule& schedule) {
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;
  constexpr std::size_t columns = 5;  // weights of x₀ and ε in input and target, and the time
  const std::size_t length = schedule.num_timesteps(), batch = t.size();
  std::vector<T> table(columns * length);
  for (std::size_t i = 0; i < length; ++i) {
    const double alpha_bar = schedule.alpha_bar(i), scale = predicted.input(alpha_bar);
    const combination target = predicted.target(alpha_bar);
    const double row[columns] = {scale * std::sqrt(alpha_bar), scale * std::sqrt(1 - alpha_bar),
                                 target.a, target.b,
                                 predicted.time(alpha_bar, static_cast<double>(i))};
    for (std::size_t k = 0; k < columns; ++k) table[k * length + i] = static_cast<T>(row[k]);
  }
  const Tensor all({columns, length}, table);
  Tensor found(shape{columns, batch});
  Backend::for_each(found.size(), kernel::look_up<T>{all.data(), length, t.data(), batch,
                                                     found.mutable_data()});
  const auto sum = [&](std::size_t column) {
    const std::size_t run = clean.size() / batch;
    const T* const a = found.data() + column * batch;
    return mapped<Tensor>(clean.shape(), kernel::weighted_sum{}, each(clean), each(noise),
                          operand<T>{a, run, batch}, operand<T>{a + batch, run, batch});
  };
  return {sum(0), sum(2), found.rows(4, 5).reshaped({batch})};
}

/// Throws lift::error, naming the timestep, where the prediction has no finite target, input or time
/// there.
template <noise_schedule Schedule>
void require_trainable(const prediction& predicted, const Schedule& schedule) {
  for (std::size_t t = 0; t < schedule.num_timesteps(); ++t) {
    const double alpha_bar = schedule.alpha_bar(t);
    const combination target = predicted.target(alpha_bar);
    require(std::isfinite(target.a) && std::isfinite(target.b) &&
                std::isfinite(predicted.input(alpha_bar)) &&
                std::isfinite(predicted.time(alpha_bar, static_cast<double>(t))),
            text("alpha_bar at timestep ", t, " for a network that predicts ", predicted.name()),
            alpha_bar, "one at which that can be trained");
  }
}

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
                          t[scale], schedule);
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

namespace kernel {
/// Writes the label of one sample, or none with probability `share`.
template <class T>
struct drop_label {
  const T* labels;
  random_stream stream;
  sample_number first_sample;
  double share;
  T* out;
  LIFT_HD void operator()(std::size_t i) const {
    const bool dropped = stream.uniform(first_sample + i, 0) < share;
    out[i] = dropped ? static_cast<T>(no_label) : labels[i];
  }
};
}  // namespace kernel

/// The labels (B) of samples first_sample, …, each but for a share of them that is drawn by seed and
/// sample number, so that a network learns to do without (classifier-free guidance, Ho & Salimans
/// 2022).
template <class Tensor>
condition<Tensor> drop_labels(const Tensor& labels, double dropped, std::uint64_t seed,
                              sample_number first_sample) {
  using T = typename Tensor::value_type;
  require(dropped >= 0 && dropped <= 1, "label dropout", dropped, "0 to 1");
  Tensor kept(labels.shape());
  const random_stream stream{.seed = seed, .use = purpose::label_dropout};
  Tensor::backend_type::for_each(labels.size(),
                                 kernel::drop_label<T>{labels.data(), stream, first_sample,
                                                       dropped, kept.mutable_data()},
                                 16);
  return {kept};
}

/// The losses of a batch, tensors of one element, and the gradient of their weighted sum with
/// respect to every parameter, in the order of the parameters; an empty tensor is zero.
template <class Tensor, std::size_t N = 2>
struct loss_gradient {
  scales<Tensor, N> loss;
  std::vector<Tensor> gradients;
};

/// Loss of a scale = mean over all elements of (output − target)²; the gradient is that of
/// Σ weights[scale]·loss[scale]. A condition is given to an architecture that takes one.
template <class Architecture, class Tensor, std::size_t N>
loss_gradient<Tensor, N> loss_and_gradients(const Architecture& architecture,
                                            const parameters<Tensor>& parameters,
                                            const scales<noised<Tensor>, N>& batch,
                                            const scales<double, N>& weights,
                                            const condition<Tensor>& given = {}) {
  using T = typename Tensor::value_type;
  tape_of<Tensor> tape;
  taped_parameters leaves(parameters, tape);
  const scope root(leaves);
  const auto x = make_scales<N>([&](std::size_t s) { return batch[s].input; });
  const auto t = make_scales<N>([&](std::size_t s) { return batch[s].t; });
  const auto y = [&] {
    if constexpr (conditional_architecture<Architecture>) {
      return architecture(root, x, t, given);
    } else {
      require(given.empty(), "labels of an architecture without condition", given.labels.size(), 0);
      return architecture(root, x, t);
    }
  }();
  const auto losses = make_scales<N>([&](std::size_t s) {
    return apply(op::mean_squared_error{}, y[s], batch[s].target);
  });
  if constexpr (N == 1) {
    tape.backward(losses[0], full<Tensor>({1}, static_cast<T>(weights[0])));
  } else {
    auto total = apply(op::weighted_sum{{weights[0]}, {weights[1]}}, losses[0], losses[1]);
    for (std::size_t s = 2; s < N; ++s)
      total = apply(op::weighted_sum{{1}, {weights[s]}}, total, losses[s]);
    tape.backward(total, full<Tensor>({1}, 1));
  }
  return {make_scales<N>([&](std::size_t s) { return losses[s].value; }), leaves.gradients()};
}

}  // namespace lift
