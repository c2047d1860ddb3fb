// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/model/prediction.hpp>
#include <lift/op/weighted_sum.hpp>
#include <lift/schedule/schedule.hpp>
#include <lift/tensor/maps.hpp>
#include <lift/train/loss_weighting.hpp>

namespace lift {

/// Images of one scale as a network trains on them: what it is shown, the output wanted for it, and
/// what it is told of the timestep.
template <class Tensor>
struct noised {
  Tensor input, target;
  Tensor t;                 ///< (B)
  Tensor error_scale = {};  ///< (B), of output − target in the loss; empty where all are 1
};

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

/// c_in·x_t of x_t = √ᾱ·x₀ + √(1−ᾱ)·ε, what the prediction wants the network to make of it,
/// what it tells the network of t, and how much that counts. `t` (B) holds whole numbers below the
/// schedule's number of timesteps.
template <noise_schedule Schedule, class Tensor>
noised<Tensor> noise_images(const prediction& predicted, const Tensor& clean, const Tensor& noise,
                            const Tensor& t, const Schedule& schedule,
                            const loss_weighting& weighting = {}) {
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;
  // Weights of x₀ and ε in input and target, the time, and the scale of the error.
  constexpr std::size_t most = 6;
  const std::size_t columns = weighting.weighs() ? most : most - 1;
  const std::size_t length = schedule.num_timesteps(), batch = t.size();
  std::vector<T> table(columns * length);
  for (std::size_t i = 0; i < length; ++i) {
    const double alpha_bar = schedule.alpha_bar(i), scale = predicted.input(alpha_bar);
    const combination target = predicted.target(alpha_bar);
    const double row[most] = {scale * std::sqrt(alpha_bar),
                              scale * std::sqrt(1 - alpha_bar),
                              target.a,
                              target.b,
                              predicted.time(alpha_bar, static_cast<double>(i)),
                              std::sqrt(weighting.of_output(predicted, alpha_bar))};
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
  const auto column = [&](std::size_t i) { return found.rows(i, i + 1).reshaped({batch}); };
  return {sum(0), sum(2), column(4), weighting.weighs() ? column(5) : Tensor()};
}

/// Throws lift::error, naming the timestep, where the prediction has no finite target, input or time
/// there, or the loss no finite weight from 0.
template <noise_schedule Schedule>
void require_trainable(const prediction& predicted, const Schedule& schedule,
                       const loss_weighting& weighting = {}) {
  for (std::size_t t = 0; t < schedule.num_timesteps(); ++t) {
    const double alpha_bar = schedule.alpha_bar(t);
    const combination target = predicted.target(alpha_bar);
    require(std::isfinite(target.a) && std::isfinite(target.b) &&
                std::isfinite(predicted.input(alpha_bar)) &&
                std::isfinite(predicted.time(alpha_bar, static_cast<double>(t))),
            text("alpha_bar at timestep ", t, " for a network that predicts ", predicted.name()),
            alpha_bar, "one at which that can be trained");
    const double weight = weighting.of_output(predicted, alpha_bar);
    require(weight >= 0 && std::isfinite(weight),
            text("weight by ", weighting.name(), " of the loss at timestep ", t,
                 " of a network that predicts ", predicted.name()),
            weight, "a finite number from 0");
  }
}

}  // namespace lift
