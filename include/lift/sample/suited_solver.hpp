// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>

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
  static constexpr uni_pc of(std::size_t steps) {
    return steps < 9 ? uni_pc{2} : uni_pc{3, uni_pc_variant::exact};
  }

  template <class Tensor, std::size_t N>
  detail::suited_solver_run<Tensor, N> start() const { return {}; }
};

namespace detail {

template <class Tensor, std::size_t N>
class suited_solver_run {
 public:
  scales<Tensor, N> operator()(const solver_step<Tensor, N>& step) {
    if (!run_) run_ = suited_solver::of(step.count).template start<Tensor, N>();
    return (*run_)(step);
  }

 private:
  std::optional<uni_pc_run<Tensor, N>> run_;  // from the first step on, which tells how many there are
};

}  // namespace detail

}  // namespace lift
