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
  /// Of several ranks each keeps the optimiser's states of some of the parameters alone, and updates
  /// these: less memory, for sending the weights as well (ZeRO stage 1, arXiv 1910.02054).
  bool shard_states = false;
};

}  // namespace lift
