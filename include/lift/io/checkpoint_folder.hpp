// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include <lift/core/error.hpp>

namespace lift {

/// "checkpoint_00001234.safetensors": names sort as the steps do.
inline std::string checkpoint_name(std::uint64_t step) {
  const std::string digits = std::to_string(step);
  return "checkpoint_" + std::string(8 - std::min<std::size_t>(8, digits.size()), '0') + digits +
         ".safetensors";
}

/// The step of a file that is named by checkpoint_name; none if it is not.
inline std::optional<std::uint64_t> checkpoint_step(const std::string& name) {
  std::uint64_t step = 0;
  const std::size_t digits = name.find('_') + 1;  // 0 where there is no underscore
  std::from_chars(name.data() + digits, name.data() + name.size(), step);
  return name == checkpoint_name(step) ? std::optional(step) : std::nullopt;
}

/// The file of the highest step among those of a folder that are named by checkpoint_name; none if
/// there is none. A damaged file is not passed over: reading it is an error.
inline std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& folder) {
  std::optional<std::filesystem::path> newest;
  std::uint64_t highest = 0;
  std::error_code problem;
  const std::filesystem::directory_iterator end;
  std::filesystem::directory_iterator entry(folder, problem);
  for (; !problem && entry != end; entry.increment(problem)) {
    const auto step = checkpoint_step(entry->path().filename().string());
    if (!step || (newest && *step < highest)) continue;
    newest = entry->path();
    highest = *step;
  }
  if (problem) throw error(text("cannot read ", folder.string(), ": ", problem.message()));
  return newest;
}

/// What to resume from: a checkpoint itself, or the newest one of a folder; throws lift::error when
/// the folder has none, so that a training never starts afresh unasked.
inline std::filesystem::path find_checkpoint(const std::filesystem::path& file_or_folder) {
  std::error_code unknown;  // then reading it says why
  if (!std::filesystem::is_directory(file_or_folder, unknown)) return file_or_folder;
  const auto newest = newest_checkpoint(file_or_folder);
  if (!newest) throw error(text("no checkpoint in ", file_or_folder.string()));
  return *newest;
}

}  // namespace lift
