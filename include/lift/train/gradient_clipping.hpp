// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <lift/backend/tensor.hpp>

namespace lift {

/// The L2 norm of each tensor, 0 for an empty one; not finite where an element is not.
template <class Tensor>
std::vector<double> norms(const std::vector<Tensor>& tensors) {
  // One tensor of results, so that they come to the host in one copy.
  auto squares = zeros<Tensor>({tensors.size()});
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (!tensors[i].empty())
      Tensor::backend_type::reduce(sum{}, 1, 1, tensors[i].size(), squares.mutable_data() + i,
                                   square_functor{}, each(tensors[i]));
  std::vector<double> result;
  for (const auto square : squares.to_host())
    result.push_back(std::sqrt(static_cast<double>(square)));
  return result;
}

/// The norm of all tensors together, from the norm of each.
inline double global_norm(const std::vector<double>& norms) {
  double squares = 0;
  for (const double norm : norms) squares += norm * norm;
  return std::sqrt(squares);
}

/// What gradients of this global norm are multiplied by to bring it down to `max_norm`:
/// min(1, max_norm/(norm + 10⁻⁶)), as PyTorch; an infinite max_norm leaves them alone.
inline double clip_coefficient(double norm, double max_norm) {
  return std::min(1.0, max_norm / (norm + 1e-6));
}

}  // namespace lift
