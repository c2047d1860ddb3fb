// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report.hpp"

namespace lift::cli {

/// What every measure takes beside the images: what to call the result, and where to put it.
struct result_options {
  path output;
  std::string label;
  std::optional<double> epoch;

  void add(CLI::App& app) {
    option(app, "--output", output, "Also write the result to this JSON file, for `lift plot`");
    option(app, "--label", label, "Name of the result in a figure");
    number_option(app, "--epoch", epoch, "Where the result stands along a curve", real_from_zero);
  }

  /// The file of --output, claimed before the work; none if it is not given. Throws `misuse` where
  /// it is one of the inputs.
  std::optional<output_file> claim(const std::vector<path>& inputs) const {
    if (output.empty() || !leads_ranks()) return std::nullopt;
    require_not_input(output, inputs);
    return std::optional<output_file>(std::in_place, output);
  }

  /// Throws lift::error, naming the number, for a result that is not finite.
  void deliver(const session& s, std::optional<output_file> file, json result) const {
    if (!label.empty()) result["label"] = label;
    if (epoch) result["epoch"] = *epoch;
    const json numbers = result.flatten();
    for (const auto& [name, value] : numbers.items())
      if (value.is_number_float())
        require(std::isfinite(value.get<double>()), text("result ", name), value.get<double>(),
                "a finite number");
    if (file) write_json(std::move(*file), result);
    answer(s, result);
  }
};

}  // namespace lift::cli
