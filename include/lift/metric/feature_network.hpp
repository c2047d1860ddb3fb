// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <vector>

#include <lift/metric/input_preparation.hpp>
#include <lift/nn/parameters.hpp>

namespace lift {

/// A network whose activations describe images: called with a place of parameters and images
/// (B, 3, H, W) that are prepared as `preparation` says, it gives the activations of its stages,
/// (B, C, …), the deepest last. Images may not be smaller than `least_size`.
template <class Network>
concept feature_network =
    requires(const Network& network, parameter_list& list, const shape& images) {
      { network(scope(list), images) } -> std::same_as<std::vector<shape>>;
      { Network::preparation } -> std::convertible_to<input_preparation>;
      { Network::least_size } -> std::convertible_to<std::size_t>;
      { Network::name } -> std::convertible_to<std::string_view>;
    };

/// True of a network of features; of anything else it does not compile, and says what is wanted.
template <class Network>
constexpr bool is_feature_network() {
  constexpr bool holds = feature_network<Network>;
  static_assert(holds,
                "a network of features is to be callable, when const, with a lift::scope and images, "
                "giving a std::vector of its stages, and to have static preparation, least_size and "
                "name");
  return holds;
}

/// The parameters that a network of features asks for, in the order of its text.
template <class Network>
std::vector<parameter_declaration> declared_features(const Network& network) {
  parameter_list list;
  network(scope(list), shape{1, 3, Network::least_size, Network::least_size});
  return list.entries();
}

}  // namespace lift
