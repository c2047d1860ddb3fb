// SPDX-License-Identifier: MIT
#include <lift/backend/thrust/thrust_host.hpp>

#include "work_on.hpp"

namespace lift::bench {

std::vector<backend_work> thrust_work() {
  return {work_of<thrust_cpp_backend>(), work_of<thrust_omp_backend>()};
}

}  // namespace lift::bench
