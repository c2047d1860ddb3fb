// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "study_results.hpp"

namespace lift::cli {

/// Draws the figures of a study into its folder "figures", as far as their data is there; their
/// names.
std::set<std::string> draw_study_figures(const study_config& config, const json& results,
                                         const find_result& find,
                                         const std::filesystem::path& folder);

/// Writes a page with the tables, figures and images of a study: one file that needs nothing beside
/// it.
void write_study_report(const study_config& config, const json& results,
                        const std::set<std::string>& figures, const find_result& find,
                        const std::filesystem::path& folder);

}  // namespace lift::cli
