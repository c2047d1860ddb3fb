// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "study_results.hpp"

namespace lift::cli {

/// Draws the figures of a study into its folder "figures", as far as their data is there.
void draw_study_figures(const study_config& config, const json& results,
                        const std::filesystem::path& folder);

/// Writes a page with the tables, figures and images of a study: one file that needs nothing beside
/// it.
void write_study_report(const study_config& config, const json& results,
                        const std::filesystem::path& folder);

}  // namespace lift::cli
