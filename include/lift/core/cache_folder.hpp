// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace lift {

/// Where a user's programs keep what they can make again: XDG_CACHE_HOME, or else .cache in HOME; none
/// where neither is set.
inline std::optional<std::filesystem::path> cache_folder() {
  const char *const cache = std::getenv("XDG_CACHE_HOME"), *const home = std::getenv("HOME");
  if (cache && *cache) return cache;
  if (home && *home) return std::filesystem::path(home) / ".cache";
  return {};
}

}  // namespace lift
