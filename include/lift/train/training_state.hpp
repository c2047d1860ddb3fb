// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <lift/nn/parameters.hpp>
#include <lift/train/adamw.hpp>
#include <lift/train/optimiser.hpp>

namespace lift {

/// Everything that the rest of a training depends on: a training that goes on from a copy ends
/// with the same bytes. Every random number and the data order are functions of the seed and the
/// counters, so there is no other random state.
///
/// Training writes the tensors in place: copies made by `clone` share none of them, plain copies
/// share all.
template <class Tensor>
struct training_state {
  parameters<Tensor> weights;
  parameters<Tensor> average;  ///< moving average of the weights
  optimiser_names optimiser;                        ///< of the one that goes on from here
  std::vector<parameters<Tensor>> optimiser_state;  ///< for each of its states
  std::uint64_t seed = 42;
  std::uint64_t step = 0;     ///< steps taken
  std::uint64_t samples = 0;  ///< training samples seen: number of the next one
  std::uint64_t epoch = 0;    ///< number of the epoch under way, from 0
  std::uint64_t cursor = 0;   ///< images of that epoch already seen
  std::uint64_t images = 0;   ///< size of the data set; 0 before training begins

  training_state() = default;
  /// The state before the first step; holds its own copy of the weights.
  template <class Optimiser = adamw>
  explicit training_state(const parameters<Tensor>& initial, std::uint64_t training_seed = 42,
                          const Optimiser& of = {})
      : weights(initial.clone()), average(initial.clone()), optimiser(of),
        optimiser_state(optimiser.states.size(), initial), seed(training_seed) {
    static_assert(is_optimiser<Optimiser, Tensor>());
    for (auto& part : optimiser_state)
      for (auto& entry : part.entries()) entry.value = zeros<Tensor>(entry.value.shape());
  }

  training_state clone() const {
    training_state copy = *this;
    for (auto part : {&training_state::weights, &training_state::average})
      copy.*part = (this->*part).clone();
    for (auto& part : copy.optimiser_state) part = part.clone();
    return copy;
  }
};

}  // namespace lift
