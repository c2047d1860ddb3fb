// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace lift {

/// n / d rounded up: how many parts of size d hold n things; d > 0.
constexpr std::size_t ceil_div(std::size_t n, std::size_t d) { return (n + d - 1) / d; }

/// The least multiple of `unit` that is not below n; unit > 0.
constexpr std::size_t round_up(std::size_t n, std::size_t unit) { return ceil_div(n, unit) * unit; }

}  // namespace lift
