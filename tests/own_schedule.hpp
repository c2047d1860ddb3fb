// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "message_of.hpp"

namespace lift::test {

/// A schedule of a type of one's own, which checks nothing.
struct own_schedule {
  std::vector<double> table;
  std::vector<std::size_t>* asked = nullptr;  ///< how often for each ᾱ, where it is counted

  std::size_t num_timesteps() const { return table.size(); }
  double alpha_bar(std::size_t t) const {
    if (asked) ++asked->at(t);
    return table.at(t);
  }
};

/// The values of another schedule.
template <class Schedule>
own_schedule own_copy(const Schedule& schedule) {
  own_schedule copy;
  for (std::size_t t = 0; t < schedule.num_timesteps(); ++t)
    copy.table.push_back(schedule.alpha_bar(t));
  return copy;
}

/// What job(schedule) says of each kind of schedule that is none, where it says something else than
/// it should; nothing if all is well.
template <class Job>
std::string wrong_refusals(const Job& job) {
  const std::string what = "alpha_bar of a noise schedule at timestep ", below = ", that of the "
                                                                               "timestep before";
  const std::pair<std::vector<double>, std::string> kinds[] = {
      {{}, "number of timesteps of a noise schedule: got 0, want at least 2"},
      {{0.5}, "number of timesteps of a noise schedule: got 1, want at least 2"},
      {{0.5, NAN}, what + "1: got nan, want a number from 0 to 0.5" + below},
      {{0.5, 0.4, 0.45}, what + "2: got 0.45, want a number from 0 to 0.4" + below},
      {{1.5, 0.5}, what + "0: got 1.5, want a number from 0 to 1"},
      {{0.5, -0.25}, what + "1: got -0.25, want a number from 0 to 0.5" + below},
      {{0.5, INFINITY}, what + "1: got inf, want a number from 0 to 0.5" + below},
  };
  std::string wrong;
  for (const auto& [table, want] : kinds) {
    const std::string got = message_of([&, &alpha_bars = table] { job(own_schedule{alpha_bars}); });
    if (got != want) wrong += "got \"" + got + "\", want \"" + want + "\"\n";
  }
  return wrong;
}

}  // namespace lift::test
