// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>

#include <lift/core/scales.hpp>
#include <lift/sample/stepper.hpp>

namespace lift {

/// What a solver knows of one step of N scales.
template <class Tensor, std::size_t N = 2>
struct solver_step {
  scales<Tensor, N> x, denoised;      ///< the samples, and x̂₀ there
  scales<double, N> alpha_bar, next;  ///< from where to where
  scales<double, N> first, last;      ///< ᾱ where the path begins, and where it ends
  scales<bool, N> moves;              ///< false where a scale is held, or its ᾱ stays the same
  std::size_t count = 0, left = 0;    ///< steps of the path, and those after this one
  /// Unit noise of a scale, always the same in one step.
  std::function<Tensor(std::size_t scale)> noise;
  /// x̂₀ of other samples at the end of the step; empty where that is clean, ᾱ' = 1.
  std::function<scales<Tensor, N>(const scales<Tensor, N>& x)> evaluate_next;
  /// x̂₀ of other samples at other powers ᾱ, those of scales that do not move as they are here.
  std::function<scales<Tensor, N>(const scales<Tensor, N>& x, const scales<double, N>& alpha_bar)>
      evaluate;
};

/// A solver takes all scales of a step from ᾱ to ᾱ': solver(step) → x'. It leaves scales that do not
/// move as they are. Each run has its own copy, which may remember earlier steps.
template <class Solver, class Tensor, std::size_t N = 2>
concept solver = std::copyable<Solver> && requires(Solver s, const solver_step<Tensor, N>& step) {
  { s(step) } -> std::same_as<scales<Tensor, N>>;
};

/// A solver that may put noise back: before x̂₀ is found, renoise(step) changes x and ᾱ of scales that move
/// to those from where the step is then made.
template <class Solver, class Tensor, std::size_t N = 2>
concept renoising_solver =
    requires(const Solver& s, solver_step<Tensor, N>& step) { s.renoise(step); };

/// What describes a solver whose runs remember earlier steps: start<Tensor, N>() gives a solver for one
/// run, whose type then need not be named.
template <class Solver, class Tensor, std::size_t N = 2>
concept starts_solver = std::copyable<Solver> && requires(const Solver& s) {
  { s.template start<Tensor, N>() } -> solver<Tensor, N>;
};

/// The solver that moves every scale by a stepper of its own.
template <class Stepper, std::size_t N = 2>
class each_scale {
 public:
  explicit each_scale(const Stepper& stepper)
      : steppers_(make_scales<N>([&](std::size_t) { return stepper; })) {}

  template <class Tensor>
  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) {
    return make_scales<N>([&](std::size_t s) {
      if (!step.moves[s]) return step.x[s];
      return steppers_[s](step.x[s], step.denoised[s], step.alpha_bar[s], step.next[s],
                          [&] { return step.noise(s); });
    });
  }

 private:
  scales<Stepper, N> steppers_;
};

/// True of a solver or a stepper; of anything else it does not compile, and says what is wanted.
template <class Solver, class Tensor, std::size_t N = 2>
constexpr bool is_solver() {
  constexpr bool holds = solver<Solver, Tensor, N> || starts_solver<Solver, Tensor, N> ||
                         stepper<Solver, Tensor>;
  static_assert(holds,
                "a solver is to be copyable and callable as solve(lift::solver_step) -> "
                "lift::scales<Tensor, N>, or for each scale alone as step(x, denoised, alpha_bar, "
                "next_alpha_bar, noise) -> Tensor, noise() -> Tensor");
  return holds;
}

namespace detail {
template <class Tensor, std::size_t N, class Solver>
auto joint_solver(const Solver& given) {
  if constexpr (solver<Solver, Tensor, N>)
    return given;
  else if constexpr (starts_solver<Solver, Tensor, N>)
    return given.template start<Tensor, N>();
  else
    return each_scale<Solver, N>(given);
}
}  // namespace detail

}  // namespace lift
