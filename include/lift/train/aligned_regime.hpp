// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <lift/core/error.hpp>
#include <lift/train/regime.hpp>
#include <lift/train/whole_curve.hpp>

namespace lift {

/// The finest timestep is uniform, and the others are read off a sampling path there: on the straight line
/// between two points of its curve (whole_curve), rounded to the nearest; where the finest rests while others
/// go on, at the last point. A scale that the path does not have goes with the coarsest that it has; without
/// a path all are on the diagonal. What a network that is told the finest timestep alone is to be trained on.
class aligned_regime {
 public:
  static constexpr const char* name = "aligned";
  static constexpr std::size_t most_scales = 3, most_points = 130;

  aligned_regime() = default;
  /// Throws lift::error as whole_curve, and for a path of more than 128 steps.
  template <class Path>
  aligned_regime(const Path& path, std::size_t num_timesteps)
      : scale_count_(Path::value_type::size()) {
    static_assert(Path::value_type::size() <= most_scales);
    const whole_curve whole(path, num_timesteps);
    require(path.size() + 2 <= most_points, "steps of the path of an aligned regime", path.size(),
            text("at most ", most_points - 2));
    count_ = whole.size();
    for (std::size_t s = 0; s < scale_count_; ++s)
      for (std::size_t k = 0; k < count_; ++k) points_[s][k] = whole[k][s];
  }

  template <std::size_t N>
  LIFT_HD scales<std::size_t, N> draw(const random_stream& stream, std::uint64_t sample,
                                      std::size_t num_timesteps) const {
    scales<std::size_t, N> t;
    t[0] = uniform_timestep(stream, sample, 0, num_timesteps);
    const auto fine = static_cast<double>(t[0]);
    std::size_t left = 0;  // the last point that is not below
    while (left + 1 < count_ && points_[0][left + 1] >= fine) ++left;
    for (std::size_t s = 1; s < N; ++s)
      t[s] = s < scale_count_ ? at(points_[s], left, fine) : t[s - 1];
    return t;
  }

 private:
  LIFT_HD std::size_t at(const double* coarser, std::size_t left, double fine) const {
    double here = coarser[left];
    if (left + 1 < count_ && points_[0][left] > fine)
      here += (coarser[left + 1] - here) * (points_[0][left] - fine) /
              (points_[0][left] - points_[0][left + 1]);
    return static_cast<std::size_t>(here + 0.5);
  }

  std::size_t scale_count_ = 1, count_ = 0;
  double points_[most_scales][most_points] = {};  // timesteps, the noisiest first
};

static_assert(regime<aligned_regime>);

}  // namespace lift
