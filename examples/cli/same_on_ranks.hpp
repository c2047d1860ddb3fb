// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <lift/io/sha256.hpp>

#include "ranks.hpp"
#include "report.hpp"

namespace lift::cli {

/// Throws lift::error, on rank 0, where another rank that shares in the command would do it with
/// other settings or another file, as its folders are others.
inline void require_same_on_ranks(json settings, const std::filesystem::path& file = {}) {
  rank_group* const ranks = sharing_ranks();
  if (!ranks) return;
  if (!file.empty()) settings["sha256 of " + path_text(file)] = sha256_of(file);
  const std::vector<std::string> all = ranks->gather(json_text(settings));
  for (std::size_t r = 1; r < all.size(); ++r) {
    const json other = json::parse(all[r]);
    for (const auto& [name, value] : settings.items()) {
      const json got = other.value(name, json());
      require(got == value, text(name, " on rank ", r), got, text(value, " as on rank 0"));
    }
  }
}

}  // namespace lift::cli
