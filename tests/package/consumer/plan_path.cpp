// SPDX-License-Identifier: MIT
#include "plan.hpp"

lift::timestep_path<> plan_path(const lift::cosine_schedule& schedule) {
  return lift::diagonal{}({}, schedule, 8);
}
