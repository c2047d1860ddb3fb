// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <lift/core/error.hpp>
#include <lift/train/regime.hpp>

namespace lift {

/// Timesteps along a sampling path, and near it: a point that is uniform on the path's curve, and for each
/// scale as much to either side, uniform and independent, as the jitter says. The curve goes straight from
/// the noisiest timestep of all scales through the path's steps, as many samples falling on each piece, to
/// timestep 0. A scale that the path does not have goes with the coarsest that it has; without a path all
/// are on the diagonal.
class path_regime {
 public:
  static constexpr const char* name = "path";
  static constexpr std::size_t most_scales = 3;

  double jitter = 0;  ///< timesteps

  path_regime() {
    for (std::size_t k = 0; k < points; ++k) curve_[0][k] = 1 - static_cast<double>(k) / (points - 1);
  }
  /// Of a path of timesteps of a schedule: a timestep_path, or any other array of lift::scales. Throws
  /// lift::error for timesteps that rise or are not in the schedule, and a jitter that is not from 0.
  template <class Path>
  path_regime(const Path& path, std::size_t num_timesteps, double own_jitter)
      : jitter(own_jitter), scale_count_(Path::value_type::size()) {
    constexpr std::size_t n = Path::value_type::size();
    static_assert(n <= most_scales);
    require(jitter >= 0 && std::isfinite(jitter), "jitter of a path regime", jitter,
            "a number from 0");
    require(num_timesteps >= 2, "number of timesteps of a path regime", num_timesteps, "at least 2");
    const double last = static_cast<double>(num_timesteps - 1);
    const auto noisiest = make_scales<n>([&](std::size_t) { return last; });
    const auto cleanest = make_scales<n>([](std::size_t) { return 0.0; });
    // With its ends, where it has not got them itself.
    const std::size_t before = path.size() > 0 && path[0] == noisiest ? 0 : 1;
    const std::size_t after = path.size() > 0 && path[path.size() - 1] == cleanest ? 0 : 1;
    const std::size_t pieces = before + path.size() + after - 1;
    const auto point = [&](std::size_t i) {
      return i < before ? noisiest : i - before < path.size() ? path[i - before] : cleanest;
    };
    for (std::size_t i = 0; i < pieces; ++i)
      for (std::size_t s = 0; s < n; ++s)
        require(point(i + 1)[s] >= 0 && point(i + 1)[s] <= point(i)[s],
                text("timestep ", i + 1, " of a path regime"), point(i + 1)[s],
                text("0 to ", point(i)[s]));
    for (std::size_t k = 0; k < points; ++k) {
      const double at = static_cast<double>(k * pieces) / (points - 1);
      const std::size_t left = k + 1 < points ? static_cast<std::size_t>(at) : pieces - 1;
      for (std::size_t s = 0; s < n; ++s)
        curve_[s][k] =
            between(point(left)[s], point(left + 1)[s], at - static_cast<double>(left)) / last;
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
