// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "study_run.hpp"

namespace lift::cli {

/// How long the parts of a study take: by those of their kind that are done, or by short runs of
/// them.
class study_estimate {
 public:
  study_estimate(const study_plan& plan, const study_run& run) : plan_(plan), run_(run) { learn(); }

  /// Takes the times of the parts that are done by now.
  void learn();
  /// Seconds for a part; none where nothing is known of its kind.
  std::optional<double> seconds(const study_part& part) const;
  /// Those of several parts together, and whether something is known of all of them.
  std::pair<double, bool> seconds(std::span<const std::size_t> parts) const;
  /// Runs a little of each kind of part that is to do and of which nothing is known, in a folder
  /// for temporary files. Throws what the commands throw.
  void rehearse(const session& s, const study_config& config,
                const std::vector<std::size_t>& to_do);

 private:
  using kind = std::pair<study_part::job, std::string>;  // and the model

  const study_plan& plan_;
  const study_run& run_;
  std::map<kind, double> rates_;  // seconds for a unit of work
};

}  // namespace lift::cli
