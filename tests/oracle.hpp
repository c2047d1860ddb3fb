// SPDX-License-Identifier: MIT
#pragma once

// The Gaussian field of the golden file oracle.json, on a schedule that has its SNRs exactly.

#include <vector>

#include <lift/model/gaussian_field.hpp>
#include <lift/schedule/tabulated_schedule.hpp>

#include "golden.hpp"

namespace lift::test {

struct oracle {
  std::vector<double> gamma{0.01, 1, 3, 4, 20, 100};  // rising
  tabulated_schedule schedule{alpha_bars_of({100, 20, 4, 3, 1, 0.01})};
  gaussian_field<tabulated_schedule> field{schedule, 8};
  /// Exact values at some pairs of those SNRs, "snr64" and "snr32".
  nlohmann::json points = golden_json("oracle.json")["cases"][0]["points"];

  std::size_t index(double snr) const {
    for (std::size_t i = 0; i < gamma.size(); ++i)
      if (gamma[i] == snr) return i;
    throw error(text("no SNR ", snr));
  }
  double timestep(double snr) const { return static_cast<double>(gamma.size() - 1 - index(snr)); }

 private:
  static std::vector<double> alpha_bars_of(std::vector<double> snrs) {
    for (double& snr : snrs) snr = alpha_bar_from_snr(snr);
    return snrs;
  }
};

}  // namespace lift::test
