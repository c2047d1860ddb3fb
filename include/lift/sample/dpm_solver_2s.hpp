// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>

#include <lift/sample/ddim.hpp>
#include <lift/sample/solver.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// The single-step DPM-Solver++ of second order, 2S (Lu et al. 2022, algorithm 1): the step of DDIM with
/// (1 − 1/2r)·x̂₀ + 1/2r·x̂₀', where x̂₀' is found where DDIM gets to in a share r of the step's log-SNR, for
/// which all scales are evaluated once more, each at its own. A step from ᾱ = 0 or to a clean image is
/// DDIM's. Throws lift::error unless 0 < r ≤ 1.
struct dpm_solver_2s {
  double middle = 0.5;  ///< r

  template <class Tensor, std::size_t N>
  scales<Tensor, N> operator()(solver_step<Tensor, N> step) const {
    require(middle > 0 && middle <= 1, "middle of a step of DPM-Solver++(2S)", middle,
            "above 0, and at most 1");
    each_scale<ddim, N> first_order(ddim{});
    solver_step<Tensor, N> part = step;
    bool any = false;
    for (std::size_t s = 0; s < N; ++s) {
      const double from = log_snr_from_alpha_bar(step.alpha_bar[s]);
      const double way = log_snr_from_alpha_bar(step.next[s]) - from;
      part.moves[s] = step.moves[s] && std::isfinite(way);
      part.next[s] = part.moves[s] ? alpha_bar_from_log_snr(from + middle * way) : step.alpha_bar[s];
      any = any || part.moves[s];
    }
    if (any) {
      const scales<Tensor, N> there = step.evaluate(first_order(part), part.next);
      for (std::size_t s = 0; s < N; ++s)
        if (part.moves[s])
          step.denoised[s] = axpby(1 - 0.5 / middle, step.denoised[s], 0.5 / middle, there[s]);
    }
    return first_order(step);
  }
};

}  // namespace lift
