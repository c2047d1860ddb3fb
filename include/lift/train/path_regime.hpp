// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <lift/core/error.hpp>
#include <lift/train/regime.hpp>
#include <lift/train/whole_curve.hpp>

namespace lift {

/// Timesteps along a sampling path, and near it: a point that is uniform on the path's curve, and for each
/// scale as much to either side, uniform and independent, as the jitter says. On each piece of the curve
/// (whole_curve) fall as many samples. A scale that the path does not have goes with the coarsest that it
/// has; without a path all are on the diagonal.
class path_regime {
 public:
  static constexpr const char* name = "path";
  static constexpr std::size_t most_scales = 3;

  double jitter = 0;  ///< timesteps

  path_regime() {
    for (std::size_t k = 0; k < points; ++k) curve_[0][k] = 1 - static_cast<double>(k) / (points - 1);
  }
  /// Throws lift::error as whole_curve, and for a jitter that is not from 0.
  template <class Path>
  path_regime(const Path& path, std::size_t num_timesteps, double own_jitter)
      : jitter(own_jitter), scale_count_(Path::value_type::size()) {
    constexpr std::size_t n = Path::value_type::size();
    static_assert(n <= most_scales);
    require(jitter >= 0 && std::isfinite(jitter), "jitter of a path regime", jitter,
            "a number from 0");
    const whole_curve whole(path, num_timesteps);
    const std::size_t pieces = whole.size() - 1;
    const auto last = static_cast<double>(num_timesteps - 1);
    for (std::size_t k = 0; k < points; ++k) {
      const double at = static_cast<double>(k * pieces) / (points - 1);
      const std::size_t left = k + 1 < points ? static_cast<std::size_t>(at) : pieces - 1;
      for (std::size_t s = 0; s < n; ++s)
        curve_[s][k] =
            between(whole[left][s], whole[left + 1][s], at - static_cast<double>(left)) / last;
    }
  }

  template <std::size_t N>
  LIFT_HD scales<std::size_t, N> draw(const random_stream& stream, std::uint64_t sample,
                                      std::size_t num_timesteps) const {
    const double at = stream.uniform(sample, place_element) * (points - 1);
    const auto left = static_cast<std::size_t>(at);  // below points − 1
    const auto count = static_cast<double>(num_timesteps);
    scales<std::size_t, N> t;
    for (std::size_t s = 0; s < N; ++s) {
      const double* const curve = curve_[s < scale_count_ ? s : scale_count_ - 1];
      const double aside = 2 * stream.uniform(sample, s) - 1;
      // Timestep k is all from k to k + 1, and k/(num_timesteps − 1) of num_timesteps is in there.
      const double here =
          between(curve[left], curve[left + 1], at - static_cast<double>(left)) * count +
          jitter * aside;
      t[s] = here < 0 ? 0 : here < count ? static_cast<std::size_t>(here) : num_timesteps - 1;
    }
    return t;
  }

 private:
  static constexpr std::uint64_t place_element = 1000;  // beyond those of all scales
  static constexpr std::size_t points = 65;

  LIFT_HD static double between(double a, double b, double share) { return a + share * (b - a); }

  std::size_t scale_count_ = 1;
  double curve_[most_scales][points] = {};  // at equal shares of the path, over the last timestep
};

static_assert(regime<path_regime>);

}  // namespace lift
