// SPDX-License-Identifier: MIT
#pragma once

// What a study is to compare, as its TOML file says. docs/study.md describes the file.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lift::cli {

/// A file that a study makes, as the value of a flag: the checkpoint of a model, or, with `path`,
/// the path that was found for it.
struct made_file {
  std::string model;
  std::size_t epoch = 0;  ///< 0: the last
  std::string path = {};
  std::size_t steps = 0;  ///< of the path
};

/// A flag of a command: without dashes, a switch where the value is `true`.
struct flag {
  std::string name;
  std::variant<std::string, bool, made_file> value;
  std::string where;  ///< FILE:LINE, for messages
};

/// The value of a flag as a person reads it.
std::string flag_text(const flag& f);

/// The text of the flag of that name; none if it is not there.
std::optional<std::string> find_text(const std::vector<flag>& flags, const std::string& name);

/// Flags under a name that tables refer to.
struct named_flags {
  std::string name;
  std::vector<flag> flags;
  std::string where;

  std::optional<std::string> text_of(const std::string& flag) const {
    return find_text(flags, flag);
  }
  bool has(const std::string& flag) const;
  /// How many steps a path has whose levels are given, by one of the flags timesteps, sigmas and
  /// log-snrs; none where it is to be found.
  std::optional<std::size_t> given_steps() const;
};

/// What is compared in a row of a table.
struct compared_row {
  std::string model, path, sampler;

  std::string label() const;  ///< "lift, dp-64, ddim"
};

/// A row of a table: its numbers are over all trainings of its model.
struct table_row {
  compared_row compared;
  std::vector<std::string> trainings;  ///< their names among the models

  compared_row of(const std::string& training) const {
    return {training, compared.path, compared.sampler};
  }
};

/// A row that others published: a number for each column.
struct published_row {
  std::string name;
  std::vector<double> values;
};

/// A table of measures: a row for each of what is compared, a column for each epoch and number of
/// steps, every number over all seeds of sampling.
struct study_table {
  std::string title, about, where;
  std::vector<table_row> rows;
  std::vector<std::size_t> epochs, steps;
  std::vector<std::uint64_t> seeds;
  std::vector<std::string> measures;
  std::vector<published_row> published;
};

struct study_config {
  std::filesystem::path file, data;
  std::string title, about, size, backend;
  std::size_t epochs, num_images, batch_size;
  std::size_t reference_images = 0;  ///< of the data that measures compare with; 0: all
  bool keep_images = true;
  std::vector<flag> train, heatmap,
      error_test;  ///< flags of every training, heatmap and error test
  bool has_error_test = false;
  /// A model with a list of seeds is trained with each: the trainings NAME.seed-SEED are models here.
  std::vector<named_flags> models, paths, samplers, measures;
  std::vector<study_table> tables;

  /// Those of a name that the file has been found to have.
  static const named_flags& named(const std::vector<named_flags>& all, const std::string& name);
};

/// Reads a study's file. Throws lift::error, naming the file and line, for what is no TOML, an
/// unknown or missing key, a value of another kind, and a name that nothing has.
study_config read_study_config(const std::filesystem::path& file);

}  // namespace lift::cli
