// SPDX-License-Identifier: MIT
#pragma once

// Paths that are found by running a network: the policies gits and fitted.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "any_scales.hpp"
#include "model_file.hpp"
#include "options.hpp"
#include "report.hpp"

namespace lift::cli {

/// The names of these policies.
inline const std::vector<std::string> network_policies = {"gits", "fitted"};

inline bool runs_network(const std::string& policy) {
  return std::ranges::find(network_policies, policy) != network_policies.end();
}

/// The flags of paths that are found by running a network.
struct network_path_options {
  model_options model;
  path along;
  std::optional<std::string> solver, clocks;
  std::size_t reference_steps = 100, num_images = 32, batch_size = 32, search_steps = 50;
  double growth = 1;
  std::uint64_t seed = 42;

  void add(CLI::App& app);

  /// A path, what its file says of how it was made, and what else there is to report.
  struct result {
    any_path path;
    json settings, told;
  };
  /// Throws `misuse` for more steps than the reference has, and lift::error for what is wrong with the network
  /// or the path to go along.
  result find(const session& s, const std::string& policy, std::size_t steps) const;
};

}  // namespace lift::cli
