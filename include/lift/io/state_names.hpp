// SPDX-License-Identifier: MIT
#pragma once

// What the parts and counters of a training state are called in a file.

#include <cstddef>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <lift/train/adamw.hpp>
#include <lift/train/optimiser.hpp>

namespace lift::detail {

/// The optimiser whose state a file holds, if any: AdamW where the metadata name none.
inline optimiser_names optimiser_of(const std::map<std::string, std::string>& metadata) {
  const auto name = metadata.find("optimiser"), states = metadata.find("optimiser_states");
  if (name == metadata.end() || states == metadata.end()) return optimiser_names(adamw{});
  optimiser_names result{name->second, {}};
  std::istringstream each(states->second);
  for (std::string state; std::getline(each, state, ',');) result.states.push_back(state);
  return result;
}
inline void note_optimiser(std::map<std::string, std::string>& metadata,
                           const optimiser_names& names) {
  metadata.erase("optimiser");
  metadata.erase("optimiser_states");
  if (names == optimiser_names(adamw{})) return;
  metadata["optimiser"] = names.optimiser;
  std::string& states = metadata["optimiser_states"];
  for (const std::string& state : names.states) states += (states.empty() ? "" : ",") + state;
}

/// What stands before the names of the tensors of a training state's parts: the weights, their
/// average, and each state of the optimiser.
inline std::vector<std::string> part_prefixes(const optimiser_names& optimiser) {
  std::vector<std::string> result{"", "ema."};
  for (std::size_t i = 0; i < optimiser.states.size(); ++i) result.push_back(optimiser.prefix(i));
  return result;
}

// The parts of a training state after those prefixes, with whether all their elements are to be
// finite, and its counters after their own names: one list for writing and reading.
template <class State, class Visit>
void for_each_part(State& state, const Visit& visit) {
  visit("", state.weights, true);
  visit("ema.", state.average, true);
  for (std::size_t i = 0; i < state.optimiser_state.size(); ++i)
    visit(state.optimiser.prefix(i), state.optimiser_state[i], false);
}
template <class State, class Visit>
void for_each_counter(State& state, const Visit& visit) {
  visit("seed", state.seed);
  visit("step", state.step);
  visit("samples", state.samples);
  visit("epoch", state.epoch);
  visit("cursor", state.cursor);
  visit("images", state.images);
}

}  // namespace lift::detail
