// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lift/model/baseline_unet.hpp>
#include <lift/model/denoiser.hpp>
#include <lift/model/lift_unet.hpp>

namespace lift {

/// The parameters that an architecture declares, found by running its text on shapes, sorted by
/// name.
///
/// `size` is the fine image size the text runs at; the parameters do not depend on it.
template <class Architecture>
std::vector<parameter_declaration> declared_parameters(const Architecture& architecture,
                                                       std::size_t channels = 3) {
  constexpr std::size_t n = Architecture::scale_count;
  parameter_list list;
  const std::size_t size = (std::size_t{2} << architecture.hidden_dims.size()) << n;
  const auto images = make_scales<n>([&](std::size_t scale) {
    return shape{1, channels, size >> scale, size >> scale};
  });
  architecture(scope(list), images, make_scales<n>([](std::size_t) { return timesteps{0}; }));
  // By name, and once each: the MLP of all timesteps is one set of parameters.
  std::vector<parameter_declaration> unique = list.entries();
  std::ranges::sort(unique, {}, &parameter_declaration::name);
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  unique.erase(std::unique(unique.begin(), unique.end(), same), unique.end());
  return unique;
}

/// An architecture with its parameters, called as network(x, t) on images and timesteps of its
/// scales, on tensors and on duals; timesteps may be tensors too.
template <class Architecture, class Tensor>
struct network {
  using tensor_type = Tensor;
  static constexpr std::size_t scale_count = Architecture::scale_count;
  Architecture architecture;
  parameters<Tensor> weights;

  network(Architecture a, parameters<Tensor> w)
      : architecture(std::move(a)), weights(std::move(w)) {}
  /// A network with random initial parameters.
  network(const Architecture& a, std::uint64_t seed)
      : network(a, parameters<Tensor>(declared_parameters(a), seed)) {}

  template <value X, class Timesteps>
  scales<X, scale_count> operator()(const scales<X, scale_count>& x,
                                    const scales<Timesteps, scale_count>& t) const {
    return architecture(scope(weights), x, t);
  }
};

}  // namespace lift
