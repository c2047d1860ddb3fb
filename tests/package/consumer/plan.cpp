// SPDX-License-Identifier: MIT
#include <iostream>

#include "plan.hpp"

int main() {
  const lift::cosine_schedule schedule;
  const lift::timestep_path<> path = plan_path(schedule);
  for (const auto& t : path) std::cout << t.fine() << ' ' << t.coarse() << '\n';
  const bool ends = lift::timestep_from_snr(schedule, 0.01) == 943 && path.front().fine() == 999;
  return path.size() == 8 && ends ? 0 : 1;
}
