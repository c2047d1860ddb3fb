// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include <lift/core/choice.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/pyramid/haar.hpp>

namespace lift {

/// A pyramid chosen at run time.
struct any_pyramid {
  std::variant<copies, haar> model;

  template <std::size_t N, value X>
  scales<X, N> split(const X& image) const {
    return std::visit([&](const auto& p) { return p.template split<N>(image); }, model);
  }
  template <value X, std::size_t N>
  X join(const scales<X, N>& images) const {
    return std::visit([&](const auto& p) -> X { return p.join(images); }, model);
  }
  bool scales_are_images() const { return std::holds_alternative<copies>(model); }
};

static_assert(pyramid<any_pyramid, shape>);

/// The pyramids by name; the first is the default.
inline constexpr choice<any_pyramid> pyramid_choices[] = {
    {copies::name, [] { return any_pyramid{copies{}}; }},
    {haar::name, [] { return any_pyramid{haar{}}; }},
};

/// Throws lift::error, listing the names, if there is no such pyramid.
inline any_pyramid make_pyramid(std::string_view name) {
  return choose("pyramid", pyramid_choices, name);
}

}  // namespace lift
