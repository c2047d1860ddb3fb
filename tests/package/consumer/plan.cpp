// SPDX-License-Identifier: MIT
#include <cstddef>
#include <iostream>

#include <lift/schedule/cosine.hpp>
#include <lift/schedule/snr.hpp>

std::size_t noisy_timestep(double snr);

int main() {
  const lift::cosine_schedule schedule;
  std::cout << "SNR 100 is timestep " << lift::timestep_from_snr(schedule, 100.0)
            << ", SNR 0.01 is timestep " << noisy_timestep(0.01) << '\n';
  return lift::timestep_from_snr(schedule, 100.0) == 54 && noisy_timestep(0.01) == 943 ? 0 : 1;
}
