// SPDX-License-Identifier: MIT
#include <cmath>
#include <iostream>

#include "compute.hpp"

int main() {
  const float norm = predicted_norm(small_network(lift::lift_unet{{{8, 16}}}, 42));
  std::cout << "squared norm of the prediction " << norm << '\n';
  return std::isfinite(norm) && norm > 0 ? 0 : 1;
}
