// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/schedule/schedule.hpp>

namespace lift {

/// A schedule given by a table of ᾱ, one value a timestep.
class tabulated_schedule {
 public:
  /// Throws lift::error as validate(schedule) does.
  explicit tabulated_schedule(std::vector<double> alpha_bar) : alpha_bar_(std::move(alpha_bar)) {
    validate(*this);
  }

  std::size_t num_timesteps() const { return alpha_bar_.size(); }

  /// Throws lift::error if there is no such timestep.
  double alpha_bar(std::size_t timestep) const {
    require(timestep < alpha_bar_.size(), "timestep", timestep,
            "below the number of timesteps");
    return alpha_bar_[timestep];
  }

  /// Noise added by step t: β_t = 1 − ᾱ_t / ᾱ_{t−1}, with ᾱ_{−1} = 1.
  double beta(std::size_t timestep) const {
    return 1 - alpha_bar(timestep) / (timestep == 0 ? 1 : alpha_bar(timestep - 1));
  }

 private:
  std::vector<double> alpha_bar_;
};

static_assert(noise_schedule<tabulated_schedule>);

/// ᾱ_t = Π_{s ≤ t} (1 − β_s) from the β of each timestep, rounded as the PyTorch reference does:
/// factors in float32, running product in double, results in float32.
template <class Beta>
std::vector<double> alpha_bar_from_beta(std::size_t num_timesteps, Beta beta) {
  std::vector<double> result;
  double product = 1;
  for (std::size_t t = 0; t < num_timesteps; ++t) {
    product *= static_cast<double>(1.0F - static_cast<float>(beta(t)));
    result.push_back(static_cast<double>(static_cast<float>(product)));
  }
  return result;
}

}  // namespace lift
