// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/grid.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/op/mean_squared_error.hpp>
#include <lift/sample/reference_trajectory.hpp>

namespace lift {

/// What single steps between the points of a trajectory err by: at (i, j), i < j, the mean squared difference
/// between where a step of DDIM from point i gets to and the trajectory's own x_j, and 0 elsewhere. x_i and x̂₀
/// there are known, so no network is asked. The table of GITS (Chen et al. 2024, arXiv 2405.11326), squared, for
/// select_steps.
///
/// Errors are those of samples as they are, x = √ᾱ·x₀ + √(1−ᾱ)·ε, where GITS has x/√ᾱ. In x an error lasts: the
/// way from ᾱ to a clean image of variance S multiplies it by √(S/(ᾱ·S + 1 − ᾱ)), which is 1 for S = 1, where in
/// x/√ᾱ it is multiplied by √ᾱ more, so that errors amid noise would count far more than is left of them.
///
/// The mean is over the elements of all scales, each as often as its scale's weight. Throws lift::error for
/// weights below 0 or all 0.
template <class Tensor, std::size_t N>
grid<2> truncation_errors(const trajectory<Tensor, N>& along,
                          const scales<double, N>& weights = make_scales<N>([](std::size_t) { return 1.0; })) {
  double elements = 0;
  for (std::size_t s = 0; s < N; ++s) {
    require(weights[s] >= 0, text("weight of the ", scale_name(s, N), " scale"), weights[s], "0 or more");
    elements += weights[s] * static_cast<double>(along.x.at(0)[s].size());
  }
  require(elements > 0, "weights of the scales", 0, "one above 0");
  const std::size_t count = along.size();
  grid<2> errors(count + 1, count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    stoppable::check();
    typename Tensor::accumulators squares(shape{(count - i) * N});  // summed, of each j > i and scale
    for (std::size_t j = i + 1; j <= count; ++j)
      for (std::size_t s = 0; s < N; ++s) {
        const Tensor there = ddim{}(along.x[i][s], along.denoised[i][s], along.alpha_bars[i][s],
                                    along.alpha_bars[j][s], [] { return Tensor(); });
        Tensor::backend_type::reduce(sum{}, 1, 1, there.size(),
                                     squares.mutable_data() + (j - i - 1) * N + s,
                                     kernel::squared_difference{}, each(there),
                                     each(along.x[j][s].in_layout(there.layout())));
      }
    const auto host = squares.to_host();
    for (std::size_t k = 0; k < host.size(); ++k)
      errors(i, i + 1 + k / N) += weights[k % N] * static_cast<double>(host[k]) / elements;
  }
  return errors;
}

}  // namespace lift
