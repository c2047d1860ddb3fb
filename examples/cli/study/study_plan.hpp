// SPDX-License-Identifier: MIT
#pragma once

// The parts of a study, each a command of `lift` that makes one file or folder out of what others
// made.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../command_line.hpp"
#include "study_config.hpp"

namespace lift::cli {

/// A set of images that a study makes. Everything about it lies under name().
struct sample_set : compared_row {
  std::size_t epoch, steps;
  std::uint64_t seed;

  std::string name() const;  ///< "lift/16/dp-64/ddim/18/0"
};

// Where the files of a study lie in its folder.
std::string model_folder(const std::string& model);
std::string heatmap_file(const std::string& model, std::size_t epoch, bool losses = false);
std::string path_file(const std::string& model, std::size_t epoch, const std::string& path,
                      std::size_t steps);
std::string samples_folder(const sample_set& set);
std::string grid_file(const sample_set& set);
std::string strip_file(const sample_set& set);
std::string measure_file(const sample_set& set, const std::string& measure);
std::string error_test_file(const std::string& model);

/// Whether a path is another one for every network, and not a matter of noise levels alone.
bool follows_network(const named_flags& path);
/// Whether it is over the heatmap of the denoising losses, and not of the Jacobian.
bool follows_losses(const named_flags& path);

/// A word of a part's command line.
struct part_word {
  enum kind { plain, inside, data, checkpoint, file } kind = plain;
  /// The word; the name of a file in the study's folder; the images; a model; or another file.
  std::string text;
  std::size_t epoch = 0;  ///< of the checkpoint
};

/// A part of a study.
struct study_part {
  enum class job { train, reference, heatmap, path, generate, measure, error_test };

  job does;
  std::string name;  ///< "generate lift/16/dp-64/ddim/18/0"
  std::vector<part_word> words;
  std::string makes;               ///< a file or folder in the study's folder
  std::vector<std::size_t> needs;  ///< numbers of earlier parts
  std::string model = {};          ///< that it is about, if any
  double work = 1;                 ///< how much, in a unit of its own for each kind of part
};

/// The parts, each after those that it needs, and none twice.
class study_plan {
 public:
  /// Throws lift::error, naming the file and line, for a flag that no command has or that the study
  /// itself sets.
  explicit study_plan(const study_config& config);

  const std::vector<study_part>& parts() const { return parts_; }
  std::size_t scale_count(const std::string& model) const;
  /// Of a training: the most that leave every epoch that is asked for with one.
  std::size_t epochs_between_checkpoints() const;

 private:
  std::size_t add(study_part part);
  void begin(const std::string& makes, const std::vector<named_flags>& all,
             const std::string& name);
  std::size_t train(const std::string& model);
  std::size_t heatmap(const std::string& model, std::size_t epoch, bool losses);
  std::size_t path(const std::string& model, std::size_t epoch, const std::string& path,
                   std::size_t steps);
  std::size_t generate(const sample_set& set);
  std::size_t reference(const named_flags& measure);
  void measure(const sample_set& set, const std::string& measure);
  void error_test(const std::string& model);

  /// Throws lift::error for a flag that a command does not have or that is refused.
  void check(const flag& f, const arguments& command) const;
  void check_all(const std::vector<flag>& flags, const arguments& command,
                 const std::vector<std::string>& except = {}) const;
  /// Adds flags to a part, but for those called `except`.
  void give(study_part& part, const std::vector<flag>& flags, const arguments& command,
            const std::vector<std::string>& except = {});
  void give_file(study_part& part, const std::string& name, const made_file& made);
  void give_network(study_part& part, const std::string& model, std::size_t epoch);
  void give_backend(study_part& part, const arguments& command);
  std::vector<flag> flags_of_model(const std::string& model) const;
  std::optional<std::string> setting_of_model(const std::string& model,
                                              const std::string& flag) const;

  const study_config& config_;
  std::unique_ptr<CLI::App> program_ = make_program();
  std::vector<study_part> parts_;
  std::map<std::string, std::size_t> numbers_;  // by what they make
  std::set<std::string> begun_;                 // what parts make that are about to be added
};

}  // namespace lift::cli
