// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>

#include <lift/sample/solver.hpp>

namespace lift {

/// A solver of N scales chosen at run time, made from any other or a stepper. A program that offers
/// several compiles the sampling loop once.
template <class Tensor, std::size_t N = 2>
class any_solver {
 public:
  template <class Solver>
    requires(!std::same_as<Solver, any_solver> &&
             (solver<Solver, Tensor, N> || starts_solver<Solver, Tensor, N> ||
              stepper<Solver, Tensor>))
  any_solver(const Solver& given) : solve_(detail::joint_solver<Tensor, N>(given)) {
    if constexpr (renoising_solver<Solver, Tensor, N>)
      renoise_ = [given](solver_step<Tensor, N>& step) { given.renoise(step); };
  }

  void renoise(solver_step<Tensor, N>& step) const {
    if (renoise_) renoise_(step);
  }
  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) { return solve_(step); }

 private:
  std::function<scales<Tensor, N>(const solver_step<Tensor, N>&)> solve_;
  std::function<void(solver_step<Tensor, N>&)> renoise_;
};

}  // namespace lift
