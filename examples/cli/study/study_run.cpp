// SPDX-License-Identifier: MIT

#include "study_run.hpp"

#include <algorithm>
#include <optional>

#include <lift/io/checkpoint_folder.hpp>
#include <lift/io/checksum.hpp>
#include <lift/io/sha256.hpp>

#include "../folder_record.hpp"
#include "../image_run.hpp"
#include "../interruption.hpp"
#include "../time_plan.hpp"
#include "captured_output.hpp"

namespace lift::cli {
namespace {

namespace fs = std::filesystem;
using job = study_part::job;

/// What tells one set of images from another: a file's SHA-256, or the names and sizes in a folder.
std::string identity_of_data(const fs::path& source) {
  std::error_code unknown;
  if (!fs::is_directory(source, unknown)) return sha256_of(source);
  std::vector<std::string> entries;
  for (const auto& entry : fs::recursive_directory_iterator(source))
    if (entry.is_regular_file())
      entries.push_back(
          text(entry.path().lexically_relative(source).string(), '\0', entry.file_size()));
  std::ranges::sort(entries);
  checksum sum;
  for (const std::string& entry : entries) sum.add(entry);
  return hexadecimal(sum.value());
}

/// The steps of the checkpoints of a folder, none where it has none.
std::uint64_t newest_step(const fs::path& folder) {
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown)) return 0;
  const auto newest = newest_checkpoint(folder);
  return newest ? *checkpoint_step(newest->filename().string()) : 0;
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
  if (fs::exists(file(record_name))) {
    const json_fields record(file(record_name), "lift study");
    const auto read = [&](const char* name, auto& to) {
      for (const auto& [part, value] : record.object(name).items())
        to[part] =
            json_value<std::string>(value, file(record_name).string(), text(name, ".", part));
    };
    read("begun", begun_);
    read("done", done_);
  } else {
    made_.require_empty("want an empty folder, or one that a study made");
  }
  if (fs::exists(file(times_name))) {
    const json_fields times(file(times_name), "lift study times");
    for (const auto& [part, value] : times.object("seconds").items())
      times_[part] = json_value<double>(value, times.file(), "seconds." + part);
  }

  const std::string data = interruptible([&] { return identity_of_data(config.data); });
  for (const study_part& part : plan.parts()) keys_.push_back(key_of(part, data));
  std::vector<std::string> other;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const std::string& name = plan.parts()[i].name;
    for (auto* record : {&begun_, &done_})
      if (const auto known = record->find(name);
          known != record->end() && known->second != keys_[i]) {
        other.push_back(name);
        if (overwrite) record->erase(known);
      }
  }
  if (!overwrite && !other.empty())
    throw error(text(folder.string(), ": made with other settings or images: ", other.front(),
                     other.size() > 1 ? text(" and ", other.size() - 1, " more parts") : "",
                     "; --overwrite makes anew what differs, and what was made of it"));
}

/// A number of all that decides what a part makes.
std::string study_run::key_of(const study_part& part, const std::string& data) const {
  checksum sum;
  for (const part_word& word : part.words)
    sum.add(text(word.kind, word.kind == part_word::data ? data : word.text, '\0', word.epoch));
  for (const std::size_t need : part.needs) sum.add(keys_[need]);
  return hexadecimal(sum.value());
}

part_state study_run::state(std::size_t part) const {
  const study_part& p = plan_.parts()[part];
  const fs::path made = file(p.makes);
  if (done_.contains(p.name) && (p.does == job::train ? newest_step(made) > 0 : fs::exists(made)))
    return part_state::done;
  return begun_.contains(p.name) ? part_state::begun : part_state::missing;
}

void study_run::want(std::size_t part, std::vector<bool>& wanted) const {
  if (wanted[part] || state(part) == part_state::done) return;
  wanted[part] = true;
  for (const std::size_t need : plan_.parts()[part].needs) want(need, wanted);
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

/// The file of a checkpoint: the steps of an epoch follow from those of the whole training.
fs::path study_run::checkpoint(const part_word& word) const {
  const fs::path folder = file(model_folder(word.text));
  return folder / checkpoint_name(newest_step(folder) / config_.epochs * word.epoch);
}

arguments study_run::command(std::size_t part) const {
  arguments words;
  for (const part_word& word : plan_.parts()[part].words) switch (word.kind) {
      case part_word::plain:
      case part_word::data:
        words.push_back(word.text);
        break;
      case part_word::inside:
        words.push_back(file(word.text).string());
        break;
      case part_word::checkpoint:
        words.push_back(newest_step(file(model_folder(word.text))) > 0
                            ? checkpoint(word).string()
                            : text(file(model_folder(word.text)).string(), "/checkpoint of epoch ",
                                   word.epoch));
    }
  return words;
}

/// What has a part that was begun go on where it ended.
arguments study_run::going_on(const study_part& part, bool begun) const {
  const fs::path made = file(part.makes);
  if (part.does == job::heatmap) {
    const fs::path cells = made.string() + ".partial";
    if (!fs::exists(cells)) return {};
    if (begun) return {"--resume"};
    fs::remove(cells);
  } else if (part.does == job::train || part.does == job::generate) {
    const bool has_record = part.does == job::train ? newest_checkpoint(made).has_value()
                                                    : fs::exists(made / image_run::record_name);
    return {begun && has_record ? "--resume" : "--overwrite"};
  }
  return {};
}

void study_run::make(std::size_t number) {
  const study_part& part = plan_.parts()[number];
  arguments words = command(number);
  fs::create_directories(part.does == job::train || part.does == job::generate
                             ? file(part.makes)
                             : file(part.makes).parent_path());
  if (part.does == job::generate)
    for (const char* folder : {"grids", "strips"})
      fs::create_directories(
          (file(folder) / fs::path(part.makes).lexically_relative("samples")).parent_path());
  const arguments more = going_on(part, begun_.contains(part.name));
  words.insert(words.end(), more.begin(), more.end());
  if (session_.threads > 0)
    words.insert(words.end(), {"--threads", std::to_string(session_.threads)});
  // Only what takes long says how far it is.
  if (session_.quiet || (part.does != job::train && part.does != job::heatmap))
    words.push_back("--quiet");
  done_.erase(part.name);
  begun_[part.name] = keys_[number];
  write_record();
  made_.keep();

  const stopwatch clock;
  try {
    const captured_output unused;
    run(*make_program(), words);
  } catch (const interrupted& signal) {
    throw interrupted(signal.number(),
                      text(": in ", part.name, "; the same command goes on with it"));
  } catch (const CLI::Success&) {
    throw error(text(part.name, ": asks for help"));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const error& failure) {
    throw error(text(part.name, ": ", failure.what()));
  }
  times_[part.name] += clock.seconds();
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
    if (state(i) != part_state::done)
      for (const std::size_t need : parts[i].needs) needed[need] = true;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (needed[i] || parts[i].does != job::generate || !done_.contains(parts[i].name)) continue;
    folder_record record(file(parts[i].makes), image_run::record_name, "lift generated images");
    done_.erase(parts[i].name);
    write_record();
    for (const std::string& name : std::set(record.files())) record.remove(name);
    fs::remove(record.file());
  }
}

void study_run::write_record() const {
  write_json(file(record_name), {{"format", "lift study"}, {"begun", begun_}, {"done", done_}});
}

}  // namespace lift::cli
