// SPDX-License-Identifier: MIT
// A noise schedule and its SNRs. These headers need the standard library alone.

#include <cmath>
#include <cstdio>

#include <lift/schedule/cosine.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/schedule/zero_terminal_snr.hpp>

int main() {
  const lift::cosine_schedule schedule;  // 1000 timesteps; 0 is clean, 999 is noise
  const lift::zero_terminal_snr<lift::cosine_schedule> to_zero(schedule);

  std::printf("%8s %10s %10s %22s\n", "timestep", "ᾱ", "SNR", "SNR, rescaled to end at 0");
  for (std::size_t t = 0; t < schedule.num_timesteps(); t += 111)
    std::printf("%8zu %9.4f %10.4g %22.4g\n", t, schedule.alpha_bar(t), lift::snr(schedule, t),
                lift::snr(to_zero, t));

  // And back: the timestep nearest to an SNR, and the fractional one of a log-SNR.
  for (const double snr : {0.01, 1.0, 100.0})
    std::printf("SNR %6g is nearest to timestep %zu, exactly at %.2f\n", snr,
                lift::timestep_from_snr(schedule, snr),
                lift::timestep_from_log_snr(schedule, std::log(snr)));
}
