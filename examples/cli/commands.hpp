// SPDX-License-Identifier: MIT
#pragma once

// One function a command, each in the file of its name.

namespace CLI {
class App;
}

namespace lift::cli {

void add_dataset(CLI::App& program);
void add_train(CLI::App& program);
void add_export(CLI::App& program);
void add_heatmap(CLI::App& program);
void add_path(CLI::App& program);
void add_judge(CLI::App& program);
void add_generate(CLI::App& program);
void add_measure(CLI::App& program);
void add_feature_measures(CLI::App& measure);
void add_pair_measures(CLI::App& measure);
void add_plot(CLI::App& program);
void add_study(CLI::App& program);
void add_info(CLI::App& program);

}  // namespace lift::cli
