// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>

#include <lift/model/model.hpp>
#include <lift/op/weighted_sum.hpp>

namespace lift {

/// A model under a condition, as a denoiser. With guidance w it gives D(x, t) + w·(D(x, t, c) −
/// D(x, t)) (classifier-free guidance, Ho & Salimans 2022), by two evaluations unless w is 1, D(x, t,
/// c) alone, or 0, where the condition means nothing. Of an empty condition it gives D(x, t).
template <class Model>
struct guided {
  Model model;
  condition<> given;
  double guidance = 1;

  template <value X, std::size_t N>
    requires conditional_denoiser<std::decay_t<Model>, X, N>
  scales<X, N> operator()(const scales<X, N>& x, const scales<timesteps, N>& t) const {
    return mixed<X, N>([&](const condition<>& told) { return model(x, t, told); });
  }
  template <value X, std::size_t N>
    requires conditional_denoiser<std::decay_t<Model>, X, N>
  scales<X, N> noise(const scales<X, N>& x, const scales<timesteps, N>& t) const {
    return mixed<X, N>([&](const condition<>& told) { return model.noise(x, t, told); });
  }

 private:
  template <class X, std::size_t N, class Evaluate>
  scales<X, N> mixed(const Evaluate& evaluate) const {
    if (given.empty() || guidance == 0) return evaluate(condition<>());
    const scales<X, N> with = evaluate(given);
    if (guidance == 1) return with;
    // As many labels, so that work that is recorded for the one is replayed for the other.
    const scales<X, N> without = evaluate({class_labels(given.labels.size(), no_label)});
    return make_scales<N>([&](std::size_t s) {
      return apply(op::weighted_sum{{guidance}, {1 - guidance}}, with[s], without[s]);
    });
  }
};

template <class Model>
guided(Model, condition<>) -> guided<Model>;
template <class Model>
guided(Model, condition<>, double) -> guided<Model>;

}  // namespace lift
