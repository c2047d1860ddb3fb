// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/sample/uni_pc.hpp>

namespace lift {

namespace detail {
template <class Tensor, std::size_t N>
class suited_solver_run;
}  // namespace detail

/// The multistep solver that suits the steps of a path: UniPC, of third order from 9 on and of second for
/// fewer, of which a polynomial of higher order asks too much. With the spacing of log_snr_diagonal it is the
/// nearest to Gaussian images of the solvers here (docs/paths.md).
struct suited_solver {
  static constexpr bool third_order(std::size_t steps) { return steps >= 9; }

  template <class Tensor, std::size_t N>
  detail::suited_solver_run<Tensor, N> start() const { return {}; }
};

namespace detail {

template <class Tensor, std::size_t N>
class suited_solver_run {
 public:
  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) {
    return suited_solver::third_order(step.count) ? third_(step) : second_(step);
  }

 private:
  uni_pc_run<Tensor, N> second_ = uni_pc{2}.start<Tensor, N>();
  uni_pc_run<Tensor, N> third_ = uni_pc{3, uni_pc_variant::exact}.start<Tensor, N>();
};

}  // namespace detail

}  // namespace lift
