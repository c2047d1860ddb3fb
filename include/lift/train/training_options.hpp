// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/train/adamw.hpp>
#include <lift/train/ema.hpp>

namespace lift {

/// How a trainer changes the weights.
template <class Optimiser = adamw>
struct training_options {
  std::size_t batch_size = 64;
  /// A batch is evaluated in so many equal parts whose gradients are added up: less memory.
  std::size_t accumulation = 1;
  double max_gradient_norm = 1;  ///< infinity: no clipping
  Optimiser optimiser = {};
  ema average = {};
};

}  // namespace lift
