// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/grid.hpp>
#include <lift/core/scales.hpp>

namespace lift {

/// One thing for each block of a denoiser's Jacobian: [output scale][input scale].
template <class T, std::size_t N = 2>
using jacobian_blocks = scales<scales<T, N>, N>;

/// How files and messages call a block: "fine", "coarse" for a scale with respect to its own input,
/// "fine_wrt_coarse" for one with respect to another's.
inline std::string block_name(std::size_t output, std::size_t input, std::size_t n) {
  return scale_name(output, n) + (output == input ? "" : "_wrt_" + scale_name(input, n));
}

/// A cell of a heatmap: its index along the axis of each scale.
template <std::size_t N = 2>
using cell = scales<std::size_t, N>;

/// Discretisation error of each scale over a cube of SNRs, factor and weighting applied. A cell has
/// an index for each scale, finest first, each from noisy to clean.
template <std::size_t N = 2>
struct error_heatmap {
  std::vector<double> gamma;           ///< SNR along every axis, rising
  std::vector<std::size_t> timesteps;  ///< the timestep evaluated for each γ
  /// Error of an output scale with respect to an input; empty off the diagonal if not measured.
  jacobian_blocks<grid<N>, N> error;
  /// Standard error of each grid above; empty if unknown.
  jacobian_blocks<grid<N>, N> standard_error;

  std::size_t size() const { return gamma.size(); }

  /// Error of a scale with respect to its own input.
  grid<N>& of(std::size_t scale) { return error[scale][scale]; }
  const grid<N>& of(std::size_t scale) const { return error[scale][scale]; }
  const grid<N>& fine() const { return of(0); }
  const grid<N>& coarse() const { return of(N - 1); }
};

/// The sum over scales of each one's error with respect to its own input, cell by cell.
template <std::size_t N>
grid<N> total(const error_heatmap<N>& heatmap) {
  grid<N> sum = heatmap.fine();
  for (std::size_t scale = 1; scale < N; ++scale)
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum.values()[i] += heatmap.of(scale).values()[i];
  return sum;
}

/// Throws lift::error, naming the cell, unless γ rises over two points or more, timesteps never
/// rise, the grids that are there have that size, and every value is finite.
template <std::size_t N>
void validate(const error_heatmap<N>& heatmap) {
  const std::size_t n = heatmap.size();
  require(n >= 2, "points along an axis of the heatmap", n, "at least 2");
  require(heatmap.timesteps.size() == n, "timesteps of the heatmap", heatmap.timesteps.size(), n);
  for (std::size_t i = 0; i < n; ++i) {
    const double previous = i == 0 ? 0 : heatmap.gamma[i - 1];
    require(std::isfinite(heatmap.gamma[i]) && heatmap.gamma[i] > previous,
            text("heatmap gamma[", i, "]"), heatmap.gamma[i], text("a number above ", previous));
    require(i == 0 || heatmap.timesteps[i] <= heatmap.timesteps[i - 1],
            text("heatmap timesteps[", i, "]"), heatmap.timesteps[i],
            "no more than the one before");
  }

  const auto joined = [](const char* between, const auto& number_of) {
    std::string result;
    for (std::size_t axis = 0; axis < N; ++axis)
      result += (axis == 0 ? "" : between) + std::to_string(number_of(axis));
    return result;
  };
  const auto check = [&](const std::string& name, const grid<N>& values, bool optional) {
    if (optional && values.empty()) return;
    bool fits = true;
    for (std::size_t axis = 0; axis < N; ++axis) fits = fits && values.length(axis) == n;
    require(fits, text("size of heatmap ", name),
            joined("×", [&](std::size_t axis) { return values.length(axis); }),
            joined("×", [&](std::size_t) { return n; }));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto cell = values.index_at(i);
      if (!std::isfinite(values[cell]))
        throw error(text("heatmap ", name, "(",
                         joined(", ", [&](std::size_t axis) { return cell[axis]; }), "): got ",
                         values[cell], ", want a finite number"));
    }
  };
  for (std::size_t output = 0; output < N; ++output)
    for (std::size_t input = 0; input < N; ++input) {
      const std::string name = block_name(output, input, N);
      check(name, heatmap.error[output][input], output != input);
      check(name + "_error", heatmap.standard_error[output][input], true);
    }
}

}  // namespace lift
