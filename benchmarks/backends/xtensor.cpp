// SPDX-License-Identifier: MIT
#include <lift/backend/cpu/xtensor_backend.hpp>

#include "work_on.hpp"

namespace lift::bench {

std::vector<backend_work> xtensor_work() {
  return {work_of<xtensor_backend>(), work_of<plain_xtensor_backend>()};
}

}  // namespace lift::bench
