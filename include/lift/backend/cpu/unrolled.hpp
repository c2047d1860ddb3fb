// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace lift::detail {

/// body(i) for i = 0 … N − 1, each a constant of its own type: what compilers need to keep arrays in
/// registers, where they unroll loops too late for that.
template <std::size_t N, class Body>
[[gnu::always_inline]] inline void unrolled(const Body& body) {
  [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    (body(std::integral_constant<std::size_t, I>()), ...);
  }(std::make_index_sequence<N>());
}

}  // namespace lift::detail
