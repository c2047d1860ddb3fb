// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <lift/nn/parameters.hpp>

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
  parameters<Tensor> first_moment, second_moment;  ///< of the gradients
  std::uint64_t seed = 42;
  std::uint64_t step = 0;     ///< steps taken
  std::uint64_t samples = 0;  ///< training samples seen: number of the next one
  std::uint64_t epoch = 0;    ///< number of the epoch under way, from 0
  std::uint64_t cursor = 0;   ///< images of that epoch already seen
  std::uint64_t images = 0;   ///< size of the data set; 0 before training begins

  training_state() = default;
  /// The state before the first step; holds its own copy of the weights.
  explicit training_state(const parameters<Tensor>& initial, std::uint64_t training_seed = 42)
      : weights(initial.clone()), average(initial.clone()), first_moment(initial),
        second_moment(initial), seed(training_seed) {
    for (auto* moments : {&first_moment, &second_moment})
      for (auto& entry : moments->entries()) entry.value = zeros<Tensor>(entry.value.shape());
  }

  training_state clone() const {
    training_state copy = *this;
    for (auto part : {&training_state::weights, &training_state::average,
                      &training_state::first_moment, &training_state::second_moment})
      copy.*part = (this->*part).clone();
    return copy;
  }
};

}  // namespace lift
