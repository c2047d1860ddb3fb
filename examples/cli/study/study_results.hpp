// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "../report.hpp"
#include "study_plan.hpp"

namespace lift::cli {

/// A number of a measure's result.
struct measured_number {
  std::string measure;  ///< what `lift measure` is told, such as "precision-recall"
  std::string field;    ///< where it stands in the result
  std::string title;
  bool lower_is_better;
};

/// The numbers that measures may give; of a list of two, a value and its standard error, the first.
extern const std::vector<measured_number> measured_numbers;

/// Where a file of the study lies; none where it is not there with the present settings.
using find_result = std::function<std::optional<std::filesystem::path>(const std::string& name)>;

/// The tables of a study as JSON: for every row (model, path, sampler), column (epoch, steps) and
/// number the values of all seeds with mean and standard deviation; beside them what each measure
/// says of itself. Throws lift::error, naming the file, for a result that is damaged.
json study_results(const study_config& config, const std::string& data_identity,
                   const find_result& find);

/// A number as a table shows it: three digits, "12.0" (four from 100 on), or as many decimals as
/// two digits of its deviation have, "12.34 ± 0.45"; a dash where it is not there yet.
std::string cell_text(const json& cell);
/// What a row of a table is called.
std::string label_of(const json& row);
/// What the columns of a table are called: by what differs between them.
std::vector<std::string> column_names(const json& table);
/// The tables as lines for a terminal.
std::string results_text(const json& results);

}  // namespace lift::cli
