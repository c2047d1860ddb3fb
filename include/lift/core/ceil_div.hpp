// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace lift {

/// n / d rounded up: how many parts of size d hold n things; d > 0.
constexpr std::size_t ceil_div(std::size_t n, std::size_t d) { return (n + d - 1) / d; }

}  // namespace lift
