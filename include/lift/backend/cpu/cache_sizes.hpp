// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace lift::detail {

/// Bytes of a core's second-level cache as the system has them, but at least 256 KiB and at most 2 MiB;
/// 1 MiB where it does not say.
inline std::size_t second_level_bytes() {
  static const std::size_t bytes = [] {
    std::size_t told = 0;
#ifdef _SC_LEVEL2_CACHE_SIZE
    told = static_cast<std::size_t>(std::max(0L, sysconf(_SC_LEVEL2_CACHE_SIZE)));
#endif
    return told ? std::clamp(told, std::size_t{256} << 10, std::size_t{2} << 20) : std::size_t{1} << 20;
  }();
  return bytes;
}

/// Bytes of work space that should stay in a core's own cache, beside what passes through it.
inline std::size_t near_bytes() { return second_level_bytes() / 8 * 5; }

/// Bytes of work space that should stay in the cache all cores share.
inline constexpr std::size_t far_bytes = std::size_t{8} << 20;

}  // namespace lift::detail
