// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <lift/io/checkpoint_folder.hpp>

#include "folder_lock.hpp"
#include "folder_record.hpp"
#include "output_folder.hpp"
#include "train_settings.hpp"

namespace lift::cli {

/// The folder of a training run: locked against other commands, and with a record of the files that
/// the run makes, so that another one removes those and no others.
class run_folder {
 public:
  static constexpr const char* record_name = "run.json";

  /// Throws lift::error where the folder cannot be written or is in use, where it holds something
  /// and the run neither goes on in it nor begins it anew, and, as require_none_after, where it
  /// begins it anew.
  explicit run_folder(const train_settings& s)
      : path_(s.outdir),
        anew_(s.overwrite),
        folder_(s.outdir, s.overwrite || goes_on_in(s), advice(s)),
        lock_(s.outdir),
        record_(s.outdir, record_name, "lift training run") {
    if (!s.overwrite && !goes_on_in(s)) folder_.require_empty(advice(s));
    folder_.file(record_name);
    if (!anew_) return;
    earlier_ = record_.files();
    require_none_after(0);
  }

  /// Throws lift::error where the folder has a checkpoint of a later step than a run begins or goes
  /// on with: --resume would take it for the run's newest.
  void require_none_after(std::uint64_t step) const {
    std::string latest;
    for (const std::string& name : names())
      if (const auto other = checkpoint_step(name);
          other && *other > step && !(earlier_.contains(name) && record_.removes(name)))
        latest = name;
    if (!latest.empty())
      throw error(text("folder ", path_.string(), " holds ", latest, ", which is later than step ",
                       step, " and would pass for this run's: move it away"));
  }

  /// A file that the run is about to make.
  path file(const std::string& name) {
    record_.add(name);
    record_.write();
    earlier_.erase(name);
    return folder_.file(name);
  }

  /// Removes what a run that begins anew does not need of the earlier one, and says what else
  /// stays.
  void remove_earlier() {
    if (!anew_) return;
    folder_.keep();
    for (const std::string& name : std::exchange(earlier_, {})) record_.remove(name);
    record_.write();
    warn_of_others();
  }

  /// Removes all but the newest `count` checkpoints of the run, and that of step 0 where there is
  /// another; 0 keeps them all. What a run that was killed here had removed is listed no longer.
  void keep_newest(std::size_t count) {
    std::vector<std::string> made;  // in the order of steps
    for (const std::string& name : std::set(record_.files()))
      if (checkpoint_step(name) && !earlier_.contains(name)) {
        if (std::filesystem::exists(path_ / name))
          made.push_back(name);
        else
          record_.remove(name);
      }
    for (std::size_t i = 0; i + 1 < made.size(); ++i)
      if ((count > 0 && i + count < made.size()) || checkpoint_step(made[i]) == 0u)
        record_.remove(made[i]);
    record_.write();
  }

  /// What was written stays.
  void keep() { folder_.keep(); }

 private:
  static const char* advice(const train_settings& s) {
    return s.resumed ? "a run goes on from a checkpoint in it, or in an empty folder"
                     : "--resume goes on with the run in it, --overwrite begins anew";
  }

  /// Whether a run goes on in its own folder, not from a checkpoint that lies elsewhere.
  static bool goes_on_in(const train_settings& s) {
    if (!s.resumed || s.resume.empty() || s.resume == "auto") return s.resumed;
    std::error_code unknown;
    const path from = std::filesystem::absolute(s.resume);
    return !std::filesystem::exists(from, unknown) ||  // which is what reading it will say
           std::filesystem::equivalent(from, s.outdir, unknown) ||
           std::filesystem::equivalent(from.parent_path(), s.outdir, unknown);
  }

  std::set<std::string> names() const {
    std::set<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      result.insert(entry.path().filename().string());
    return result;
  }

  void warn_of_others() const {
    std::set<std::string> others = names();
    others.erase(record_name);
    others.erase(folder_lock::name);
    for (const std::string& name : record_.files()) others.erase(path(name).begin()->string());
    if (!others.empty())
      warn(path_.string(), " holds files that no ", record_name, " lists, such as ",
           *others.begin(), ": they stay");
  }

  path path_;
  bool anew_;
  output_folder folder_;
  folder_lock lock_;
  folder_record record_;
  std::set<std::string> earlier_;  // files of an earlier run, where one begins anew
};

}  // namespace lift::cli
