// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../folder_lock.hpp"
#include "../output_folder.hpp"
#include "../report.hpp"
#include "../shared_commands.hpp"
#include "study_plan.hpp"

namespace lift::cli {

/// How far a part is.
enum class part_state { missing, begun, done };

/// The folder of a study, in which its parts are made. A record in it says which parts are begun
/// and done and with what settings, so that a study that was ended, however, goes on where it was.
class study_run {
 public:
  static constexpr const char* record_name = "study.json";
  static constexpr const char* times_name = "times.json";  ///< the seconds that each part took

  /// Locks the folder. Throws lift::error where it holds something else than this study or lies in
  /// the data, and where parts in it were made with other settings, unless these are to be made
  /// anew.
  study_run(const session& s, const study_config& config, const study_plan& plan,
            const std::filesystem::path& folder, bool overwrite);

  /// Keeps the folder from here on.
  void begin();
  part_state state(std::size_t part) const;
  /// The parts that are to be made, in order: those whose names contain one of some texts, or all
  /// where there is none, and what these need that is not there.
  std::vector<std::size_t> to_do(const std::vector<std::string>& only) const;
  /// Makes a part, which ranks share. Throws what its command throws, with the part's name before it.
  void make(std::size_t part);
  /// Makes parts that do not need each other, each by a rank that is free; tell(part) is called
  /// after each.
  void make_apart(std::span<const std::size_t> parts, const std::function<void(std::size_t)>& tell);
  /// Of parts that are still to be made, in order, those that are to be made apart next; none where
  /// the ranks are to share the first, as there are more of them than parts that can be made now, or
  /// as not all of them see the folder.
  std::vector<std::size_t> apart(std::span<const std::size_t> to_do);
  /// The command line of a part, as far as it is known before its checkpoints are there.
  arguments command(std::size_t part) const;
  /// Whether what a part needs of trained networks is there.
  bool has_checkpoints(const study_part& part) const;

  /// A file that a part made with the present settings, or one in a folder or of images that it
  /// made; none if there is no such file.
  std::optional<std::filesystem::path> find(const std::string& name) const;
  std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  /// What tells the data from other images: a file's SHA-256, or a number of a folder's names and
  /// sizes.
  const std::string& data_identity() const { return data_; }
  /// Seconds that parts took, by their names.
  const std::map<std::string, double>& times() const { return times_; }

 private:
  void read_records();
  const std::string& identity_of(const part_word& word);
  std::string key_of(const study_part& part);
  void forget_other_parts(bool overwrite);
  bool leaves_something(const study_part& part) const;
  bool has_images(const study_part& part) const;
  void require_own_images(const study_part& part) const;
  std::optional<std::filesystem::path> checkpoint(const part_word& word) const;
  void want(std::size_t part, std::vector<bool>& wanted) const;
  void want_anew(std::size_t part, std::vector<bool>& wanted) const;
  void go_on(const study_part& part, bool begun, arguments& words) const;
  arguments prepare(std::size_t part);
  void finish(std::size_t part, const command_result& result);
  void remove_measured_images();
  void remove_made(const study_part& part) const;
  void remove_stops(const study_part& part) const;
  void write_record() const;

  const session& session_;
  const study_config& config_;
  const study_plan& plan_;
  std::filesystem::path folder_;
  output_folder made_;
  folder_lock lock_;
  std::string data_;
  std::vector<std::string> keys_;  // of the parts: their settings and those of what they need
  std::map<std::string, std::string> begun_, done_;   // keys by names of parts
  std::map<std::string, std::string> files_;  // that flags name, and what is in them
  std::map<std::string, std::uint64_t> epoch_steps_;  // of trainings that are done, by models
  std::map<std::string, double> times_;
  std::optional<bool> seen_by_all_;  // the folder, by the ranks
};

}  // namespace lift::cli
