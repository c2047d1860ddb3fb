// SPDX-License-Identifier: MIT
#include <cstddef>

#include <lift/schedule/cosine.hpp>
#include <lift/schedule/snr.hpp>

std::size_t noisy_timestep(double snr) {
  return lift::timestep_from_snr(lift::cosine_schedule(), snr);
}
