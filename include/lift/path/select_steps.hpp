// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

#include <lift/path/cheapest_path.hpp>
#include <lift/path/path.hpp>
#include <lift/path/step_costs.hpp>

namespace lift {

/// The `steps` evaluations of a fine path that are worth most, by dynamic programming over what single steps
/// between its points err by, as GITS (Chen et al. 2024, arXiv 2405.11326): of all ways from the first point
/// to the landing in so many steps the one of least Σ_k growth^k·√errors(i_k, i_{k+1}), k = 0, 1, … As errors
/// of one sign add up, what is added is their root; a growth above 1 keeps later ones small, one below 1 those
/// of the first steps. `errors` is a table of mean squares, of all points and the landing after them
/// (truncation_errors); only what lies above its diagonal is read. Throws lift::error for a table of another
/// size, for values that are no squares, for no step and for more steps than points.
template <std::size_t N>
timestep_path<N> select_steps(const timestep_path<N>& fine, const grid<2>& errors, std::size_t steps,
                              double growth = 1) {
  require_steps(steps);
  require(steps <= fine.size(), "number of steps", steps,
          text("at most the ", fine.size(), " points of the fine path"));
  require(errors.rows() == fine.size() + 1, "points of a table of truncation errors", errors.rows(),
          text(fine.size() + 1, ": those of the path and the landing"));
  grid<2> costs = errors;
  for (double& value : costs.values()) {
    require(value >= 0 && std::isfinite(value), "truncation error", value, "a finite number from 0");
    value = std::sqrt(value);
  }
  const auto found = find_cheapest_path<1>(table_cost(costs), steps,
                                           std::numeric_limits<std::size_t>::max(), growth);
  timestep_path<N> path;
  for (std::size_t k = 0; k < steps; ++k) path.push_back(fine[found.cells[k].fine()]);
  return path;
}

}  // namespace lift
