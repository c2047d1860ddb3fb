// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

#include <lift/core/error.hpp>
#include <lift/pyramid/any_pyramid.hpp>

namespace lift {

namespace detail {
struct any_field {
  void operator()(const char*, auto&) const {}
};
}  // namespace detail

/// What an architecture is made of, which files keep field by field: Config::for_each_field(config,
/// visit) calls visit(name, field) for each, a std::size_t, a std::vector of them, a std::string, or a
/// std::optional of one of these. image_channels are those of its images, and size_factor() is what
/// divides the sides of its images; it throws lift::error where the fields are of no network. A field
/// `pyramid` names the pyramid that makes its scales, which without one are copies.
template <class C>
concept network_config =
    std::default_initializable<C> && std::copyable<C> && requires(const C& config, C& changed) {
      { config.image_channels } -> std::convertible_to<std::size_t>;
      { config.size_factor() } -> std::convertible_to<std::size_t>;
      C::for_each_field(config, detail::any_field());
      C::for_each_field(changed, detail::any_field());
    };

/// An architecture: the text of a network of some scales, architecture(p, x, t), with parameters
/// from the scope p, on shapes, tensors, duals and variables, and its configuration.
template <class A>
concept network_architecture =
    std::copyable<A> && network_config<std::decay_t<decltype(A::config)>> && requires {
      { A::name } -> std::convertible_to<std::string>;
      { A::scale_count } -> std::convertible_to<std::size_t>;
      A{std::decay_t<decltype(A::config)>()};
    };
template <class A>
using config_type = std::decay_t<decltype(A::config)>;

/// An architecture that is called as architecture(p, x, t, condition) too; its configuration tells
/// the number of classes.
template <class A>
concept conditional_architecture = network_architecture<A> && requires(const A& a) {
  { a.config.classes } -> std::convertible_to<std::size_t>;
};

/// The pyramid that makes the scales of an architecture.
template <network_architecture A>
auto pyramid_of(const A& architecture) {
  if constexpr (requires { make_pyramid(architecture.config.pyramid); })
    return make_pyramid(architecture.config.pyramid);
  else
    return copies{};
}

/// True of an architecture; of anything else it does not compile, and says what is wanted.
template <class A>
constexpr bool is_network_architecture() {
  constexpr bool holds = network_architecture<A>;
  static_assert(holds,
                "an architecture is to have static members name and scale_count and as its first "
                "member config, with members image_channels, size_factor() and a static "
                "for_each_field(config, visit)");
  return holds;
}

}  // namespace lift
