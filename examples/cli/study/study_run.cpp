// SPDX-License-Identifier: MIT

#include "study_run.hpp"

#include <algorithm>
#include <iterator>

#include <lift/io/checkpoint_folder.hpp>
#include <lift/io/checksum.hpp>
#include <lift/io/file_kind.hpp>
#include <lift/io/image_index_file.hpp>
#include <lift/io/sha256.hpp>

#include "../folder_record.hpp"
#include "../image_run.hpp"
#include "../interruption.hpp"
#include "../options.hpp"
#include "../run_folder.hpp"
#include "../shared_commands.hpp"

namespace lift::cli {
namespace {

namespace fs = std::filesystem;
using job = study_part::job;

std::string identity_of_data(const fs::path& source) {
  std::error_code unknown;
  if (!fs::is_directory(source, unknown)) return sha256_of(source);
  std::vector<std::string> entries;
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    interruption::check();
    if (entry.is_regular_file())
      entries.push_back(
          text(entry.path().lexically_relative(source).string(), '\0', entry.file_size()));
  }
  std::ranges::sort(entries);
  checksum sum;
  for (const std::string& entry : entries) sum.add(entry);
  return hexadecimal(sum.value());
}

folder_record record_of(const study_part& part, const fs::path& folder) {
  return part.does == job::train
             ? folder_record(folder, run_folder::record_name, "lift training run")
             : folder_record(folder, image_run::record_name, "lift generated images");
}

}  // namespace

study_run::study_run(const session& s, const study_config& config, const study_plan& plan,
                     const fs::path& folder, bool overwrite)
    : session_(s),
      config_(config),
      plan_(plan),
      folder_(folder),
      made_(folder, true),
      lock_(folder) {
  std::optional<image_index> index;
  if (fs::is_regular_file(config.data) && content_of(config.data).kind == file_kind::image_index)
    index = interruptible([&] { return open_image_index(config.data).index; });
  if (lies_in(folder, index ? index->source : config.data))
    throw error(text("--outdir ", folder.string(), " lies in the images, ", config.data.string(),
                     ": want it elsewhere"));
  read_records();
  data_ = index ? index->fingerprint(index->images.size())
                : interruptible([&] { return identity_of_data(config.data); });
  for (const study_part& part : plan.parts()) keys_.push_back(key_of(part));
  forget_other_parts(overwrite);
}

void study_run::read_records() {
  if (!fs::exists(file(record_name)))
    return made_.require_empty("want an empty folder, or one that a study made");
  const json_fields record(file(record_name), "lift study");
  const auto read = [&]<class Value>(const char* name, std::map<std::string, Value>& to) {
    for (const auto& [key, value] : record.object(name).items())
      to[key] = json_value<Value>(value, record.file(), text(name, ".", key));
  };
  read("begun", begun_);
  read("done", done_);
  read("epoch_steps", epoch_steps_);
  // Files of what was begun may say where they lie; a training does not mind.
  if (path_from_text(record.string("outdir")) != folder_)
    std::erase_if(begun_, [](const auto& entry) { return !entry.first.starts_with("train "); });
  try {
    if (!fs::exists(file(times_name))) return;
    const json_fields times(file(times_name), "lift study times");
    for (const auto& [part, value] : times.object("seconds").items())
      times_[part] = json_value<double>(value, times.file(), "seconds." + part);
  } catch (const error& damaged) {
    warn(damaged.what(), ": estimates begin anew");
    times_.clear();
  }
}

/// What a word stands for: the images and other files as they are now. A file that many parts name
/// is read once.
const std::string& study_run::identity_of(const part_word& word) {
  if (word.kind == part_word::data) return data_;
  if (word.kind != part_word::file) return word.text;
  const auto [known, is_new] = files_.try_emplace(word.text);
  if (is_new) known->second = sha256_of(word.text);
  return known->second;
}

/// A number of all that decides what a part makes. How often checkpoints are kept does not.
std::string study_run::key_of(const study_part& part) {
  checksum sum;
  for (std::size_t i = 0; i < part.words.size(); ++i) {
    const part_word& word = part.words[i];
    if (part.does == job::train && word.text == "--save-every")
      ++i;
    else
      sum.add(text(word.kind, identity_of(word), '\0', word.epoch));
  }
  for (const std::size_t need : part.needs) sum.add(keys_[need]);
  return hexadecimal(sum.value());
}

/// Whether something is there of a part that was begun.
bool study_run::leaves_something(const study_part& part) const {
  if (part.does == job::heatmap) return fs::exists(file(part.makes).string() + ".partial");
  if (part.does != job::train && part.does != job::generate) return false;
  return record_of(part, file(part.makes)).found();
}

/// Throws lift::error where parts were made with other settings than now, or forgets them.
void study_run::forget_other_parts(bool overwrite) {
  std::vector<std::string> others;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const study_part& part = plan_.parts()[i];
    for (auto* record : {&begun_, &done_}) {
      const auto known = record->find(part.name);
      if (known == record->end() || known->second == keys_[i]) continue;
      if (record == &done_ || leaves_something(part)) others.push_back(part.name);
      if (overwrite || others.empty() || others.back() != part.name) record->erase(known);
    }
  }
  if (!overwrite && !others.empty())
    throw error(text(folder_.string(), ": made with other settings or images: ", others.front(),
                     others.size() > 1 ? text(" and ", others.size() - 1, " more parts") : "",
                     "; --overwrite makes anew what differs, and what was made of it"));
}

void study_run::begin() {
  made_.keep();
  write_record();
  if (!config_.keep_images) remove_measured_images();
}

part_state study_run::state(std::size_t part) const {
  const study_part& p = plan_.parts()[part];
  if (done_.contains(p.name) && fs::exists(file(p.makes))) return part_state::done;
  return begun_.contains(p.name) ? part_state::begun : part_state::missing;
}

std::optional<fs::path> study_run::find(const std::string& name) const {
  const auto& parts = plan_.parts();
  if (!fs::exists(file(name))) return std::nullopt;
  const fs::path whole = name;
  const bool picture = *whole.begin() == "grids" || *whole.begin() == "strips";
  const std::string images =
      picture ? "samples" / whole.lexically_relative(*whole.begin()).replace_extension()
              : fs::path();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool makes = parts[i].makes == name || (picture && parts[i].makes == images) ||
                       (parts[i].does == job::train && name.starts_with(parts[i].makes + "/"));
    if (!makes) continue;
    // Images that were measured need not have stayed.
    const bool used = picture && std::ranges::any_of(parts, [&](const study_part& other) {
                        return std::ranges::find(other.needs, i) != other.needs.end() &&
                               done_.contains(other.name);
                      });
    return used || done_.contains(parts[i].name) ? std::optional(file(name)) : std::nullopt;
  }
  return std::nullopt;
}

/// Whether all images of a set are there, and the pictures of them.
bool study_run::has_images(const study_part& part) const {
  const folder_record record = record_of(part, file(part.makes));
  const auto pictured = [&](const part_word& word) {
    return word.kind != part_word::inside || fs::exists(file(word.text));
  };
  return record.found() && std::ranges::all_of(part.words, pictured) && std::ranges::all_of(record.files(), [&](const std::string& name) {
           return fs::exists(file(part.makes) / name);
         });
}

/// Throws lift::error where a folder of images has some that are not of its set.
void study_run::require_own_images(const study_part& part) const {
  const folder_record record = record_of(part, file(part.makes));
  for (const auto& entry : fs::directory_iterator(file(part.makes))) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && name != image_run::record_name &&
        !record.files().contains(name) && content_of(entry.path()).is_image())
      throw error(
          text(entry.path().string(), ": an image that the study did not make; want it elsewhere"));
  }
}

/// The file of a checkpoint; none if it is not there.
std::optional<fs::path> study_run::checkpoint(const part_word& word) const {
  const auto steps = epoch_steps_.find(word.text);
  if (steps == epoch_steps_.end()) return std::nullopt;
  const fs::path result =
      file(model_folder(word.text)) / checkpoint_name(steps->second * word.epoch);
  return fs::exists(result) ? std::optional(result) : std::nullopt;
}

bool study_run::has_checkpoints(const study_part& part) const {
  return std::ranges::all_of(part.words, [&](const part_word& word) {
    return word.kind != part_word::checkpoint || checkpoint(word);
  });
}

void study_run::want(std::size_t part, std::vector<bool>& wanted) const {
  const study_part& p = plan_.parts()[part];
  if (state(part) != part_state::done || (p.does == job::generate && !has_images(p)))
    want_anew(part, wanted);
}

void study_run::want_anew(std::size_t part, std::vector<bool>& wanted) const {
  if (wanted[part]) return;
  wanted[part] = true;
  const study_part& p = plan_.parts()[part];
  for (const std::size_t need : p.needs)
    // A training that is done is needed again where its checkpoints are not there.
    if (plan_.parts()[need].does == job::train && !has_checkpoints(p))
      want_anew(need, wanted);
    else
      want(need, wanted);
}

std::vector<std::size_t> study_run::to_do(const std::vector<std::string>& only) const {
  const auto& parts = plan_.parts();
  std::vector<bool> wanted(parts.size());
  bool named = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool chosen = only.empty() || std::ranges::any_of(only, [&](const std::string& words) {
                          return parts[i].name.find(words) != std::string::npos;
                        });
    named = named || chosen;
    // Images that do not stay are made for what measures them.
    if (chosen && (parts[i].does != job::generate || config_.keep_images)) want(i, wanted);
  }
  require_use(named, text("--only: got ", CLI::detail::join(only, ","),
                          ", want texts in names of parts, such as ", parts.front().name));
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (wanted[i]) result.push_back(i);
  return result;
}

arguments study_run::command(std::size_t part) const {
  arguments words;
  for (const part_word& word : plan_.parts()[part].words)
    if (word.kind == part_word::inside)
      words.push_back(file(word.text).string());
    else if (word.kind == part_word::checkpoint)
      words.push_back(checkpoint(word)
                          .value_or(file(model_folder(word.text)) / text("epoch-", word.epoch))
                          .string());
    else
      words.push_back(word.text);
  return words;
}

/// Removes the files of a training or of generated images, as their record lists them.
void study_run::remove_made(const study_part& part) const {
  folder_record record = record_of(part, file(part.makes));
  for (const std::string& name : std::set(record.files())) record.remove(name);
  fs::remove(record.file());
}

/// Removes the checkpoints of a training at which it was stopped, and later went on.
void study_run::remove_stops(const study_part& part) const {
  const std::uint64_t between =
      plan_.epochs_between_checkpoints() * epoch_steps_.at(part.model);
  folder_record record = record_of(part, file(part.makes));
  const auto newest = newest_checkpoint(file(part.makes));
  for (const std::string& name : std::set(record.files()))
    if (const auto step = checkpoint_step(name);
        step && *step % between != 0 && (!newest || name != newest->filename()))
      record.remove(name);
  record.write();
}

/// Has a part that was begun go on where it ended, and another one begin anew: of what was made
/// with other settings nothing is left then that could pass for its own.
void study_run::go_on(const study_part& part, bool begun, arguments& words) const {
  const fs::path made = file(part.makes);
  if (part.does == job::heatmap) {
    const fs::path cells = made.string() + ".partial";
    if (!begun) fs::remove(cells);
    if (fs::exists(cells)) words.push_back("--resume");
  }
  if (part.does != job::train && part.does != job::generate) return;
  if (!begun) remove_made(part);
  const bool resumed = begun && (part.does == job::train ? newest_checkpoint(made).has_value()
                                                         : record_of(part, made).found());
  words.push_back(resumed ? "--resume" : "--overwrite");
  if (!resumed || part.does != job::train) return;
  for (const char* start : {"--from", "--weights"})  // its checkpoint has them
    if (const auto at = std::ranges::find(words, start); at != words.end()) words.erase(at, at + 2);
}

/// The command of a part that is about to be made.
arguments study_run::prepare(std::size_t number) {
  const study_part& part = plan_.parts()[number];
  const bool begun = begun_.contains(part.name);
  if (part.does == job::measure)
    for (const std::size_t need : part.needs)
      if (plan_.parts()[need].does == job::generate) require_own_images(plan_.parts()[need]);
  done_.erase(part.name);
  begun_[part.name] = keys_[number];
  write_record();

  const bool folder = part.does == job::train || part.does == job::generate;
  fs::create_directories(folder ? file(part.makes) : file(part.makes).parent_path());
  arguments words = command(number);
  go_on(part, begun, words);
  if (part.does == job::generate)
    for (const char* pictures : {"grids", "strips"})
      fs::create_directories(
          (file(pictures) / fs::path(part.makes).lexically_relative("samples")).parent_path());
  if (session_.threads > 0)
    words.insert(words.end(), {"--threads", std::to_string(session_.threads)});
  // Only what takes long says how far it is.
  if (session_.quiet || (part.does != job::train && part.does != job::heatmap))
    words.push_back("--quiet");
  words.push_back("--json");
  return words;
}

void study_run::make(std::size_t number) {
  const std::string& name = plan_.parts()[number].name;
  const arguments words = prepare(number);
  command_result result;
  try {
    result = captured(name, [&] {
      shared_commands::share(words);
      run(words);
    });
  } catch (const interrupted& signal) {
    throw interrupted(signal.number(), text(": in ", name, "; the same command goes on with it"));
  }
  finish(number, result);
}

std::vector<std::size_t> study_run::apart(std::span<const std::size_t> to_do) {
  rank_group* const ranks = sharing_ranks();
  if (!ranks) return {};
  std::vector<std::size_t> free;
  for (const std::size_t part : to_do) {
    const auto is_to_do = [&](std::size_t need) { return std::ranges::find(to_do, need) != to_do.end(); };
    if (std::ranges::none_of(plan_.parts()[part].needs, is_to_do)) free.push_back(part);
  }
  constexpr std::size_t each = 4;  // at a time for a rank, so that images that are measured go soon
  if (free.size() < ranks->size()) return {};
  if (!seen_by_all_) {
    seen_by_all_ = shared_commands::all_see(fs::absolute(file(record_name)));
    if (!*seen_by_all_) remark(session_, "Not all ranks see ", folder_.string(), ": they share each part");
  }
  if (!*seen_by_all_) return {};
  free.resize(std::min(free.size(), each * ranks->size()));
  return free;
}

void study_run::make_apart(std::span<const std::size_t> parts, const std::function<void(std::size_t)>& tell) {
  shared_commands::lines commands;
  for (const std::size_t part : parts) {
    commands.push_back({plan_.parts()[part].name});
    std::ranges::move(prepare(part), std::back_inserter(commands.back()));
    commands.back().push_back("--quiet");
  }
  try {
    shared_commands::hand_out(commands, [&](std::size_t i, const command_result& result) {
      require(fs::exists(file(plan_.parts()[parts[i]].makes)), "what a rank has made of " + plan_.parts()[parts[i]].name,
              "nothing that rank 0 sees", plan_.parts()[parts[i]].makes);
      finish(parts[i], result);
      tell(parts[i]);
    });
  } catch (const interrupted& signal) {
    throw interrupted(signal.number(), "; the same command goes on");
  }
}

/// Records a part that is made.
void study_run::finish(std::size_t number, const command_result& result) {
  const study_part& part = plan_.parts()[number];
  if (part.does == job::train) {
    epoch_steps_[part.model] =
        json_field<std::uint64_t>(json::parse(result.output), part.name, "steps_per_epoch");
    remove_stops(part);
  }
  times_[part.name] += result.seconds;
  begun_.erase(part.name);
  done_[part.name] = keys_[number];
  write_record();
  write_json(file(times_name), {{"format", "lift study times"}, {"seconds", times_}});
  if (!config_.keep_images && part.does == job::measure) remove_measured_images();
}

/// Removes images that every measure of them is done with.
void study_run::remove_measured_images() {
  const auto& parts = plan_.parts();
  std::vector<bool> needed(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i].does == job::measure && state(i) != part_state::done)
      for (const std::size_t need : parts[i].needs) needed[need] = true;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (needed[i] || parts[i].does != job::generate || !done_.contains(parts[i].name)) continue;
    remove_made(parts[i]);
    done_.erase(parts[i].name);
    write_record();
  }
}

void study_run::write_record() const {
  write_json(file(record_name), {{"format", "lift study"},
                                 {"outdir", path_text(folder_)},
                                 {"begun", begun_},
                                 {"done", done_},
                                 {"epoch_steps", epoch_steps_}});
}

}  // namespace lift::cli
