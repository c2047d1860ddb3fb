// SPDX-License-Identifier: MIT
#include <iostream>

#include <lift/backend/tensor.hpp>
#include <lift/backend/xtensor_backend.hpp>

using tensor = lift::tensor<lift::xtensor_backend, float>;

float norm(const tensor& x);

int main() {
  const float result = norm(lift::full<tensor>({2, 3, 4, 4}, 0.5F));
  std::cout << "squared norm " << result << '\n';
  return result == 24 ? 0 : 1;
}
