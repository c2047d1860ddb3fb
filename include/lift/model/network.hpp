// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
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
  parameter_list list;
  const std::size_t size = std::size_t{2} << architecture.hidden_dims.size();
  const scope root(list);
  const shape fine{1, channels, size, size}, coarse{1, channels, size / 2, size / 2};
  if constexpr (requires { architecture(root, fine, timesteps{0}); })
    architecture(root, fine, timesteps{0});
  else
    architecture(root, fine, coarse, timesteps{0}, timesteps{0});
  // By name, and once each: the MLP of two timesteps is one set of parameters.
  std::vector<parameter_declaration> unique = list.entries();
  std::ranges::sort(unique, {}, &parameter_declaration::name);
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  unique.erase(std::unique(unique.begin(), unique.end(), same), unique.end());
  return unique;
}

/// An architecture with its parameters: a denoiser on tensors and on duals.
template <class Architecture, class Tensor>
struct network {
  using tensor_type = Tensor;
  Architecture architecture;
  parameters<Tensor> weights;

  network(Architecture a, parameters<Tensor> w)
      : architecture(std::move(a)), weights(std::move(w)) {}
  /// A network with random initial parameters.
  network(const Architecture& a, std::uint64_t seed)
      : network(a, parameters<Tensor>(declared_parameters(a), seed)) {}

  /// Evaluates the architecture: (x_fine, x_coarse, t_fine, t_coarse) or (x, t).
  template <class... In>
    requires requires(const Architecture& a, scope<const parameters<Tensor>> p, const In&... in) {
      a(p, in...);
    }
  auto operator()(const In&... in) const {
    return architecture(scope(weights), in...);
  }
};

}  // namespace lift
