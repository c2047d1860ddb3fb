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
#include <lift/model/network_architecture.hpp>

namespace lift {

/// The parameters that an architecture declares, found by running its text on shapes, sorted by
/// name. Throws lift::error where its configuration is of no network.
template <class Architecture>
  requires(is_network_architecture<Architecture>())
std::vector<parameter_declaration> declared_parameters(const Architecture& architecture) {
  constexpr std::size_t n = Architecture::scale_count;
  parameter_list list;
  const std::size_t size = architecture.config.size_factor() << n;
  const auto images = pyramid_of(architecture)
                          .template split<n>(shape{1, architecture.config.image_channels, size, size});
  const auto t = make_scales<n>([](std::size_t) { return timesteps{0}; });
  if constexpr (conditional_architecture<Architecture>)
    architecture(scope(list), images, t,
                 condition{class_labels(architecture.config.classes > 0, no_label)});
  else
    architecture(scope(list), images, t);
  // By name, and once each: the MLP of all timesteps is one set of parameters.
  std::vector<parameter_declaration> unique = list.entries();
  std::ranges::sort(unique, {}, &parameter_declaration::name);
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  unique.erase(std::unique(unique.begin(), unique.end(), same), unique.end());
  return unique;
}

/// An architecture with its parameters, called as network(x, t) on images and timesteps of its
/// scales, on tensors and on duals; timesteps may be tensors too. One that can be conditioned takes
/// a condition after them.
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
  template <value X, class Timesteps, class Labels>
    requires conditional_architecture<Architecture>
  scales<X, scale_count> operator()(const scales<X, scale_count>& x,
                                    const scales<Timesteps, scale_count>& t,
                                    const condition<Labels>& given) const {
    return architecture(scope(weights), x, t, given);
  }

  /// A condition where the tensors are; throws lift::error for a label of no class.
  condition<Tensor> on_backend(const condition<>& given) const
    requires conditional_architecture<Architecture>
  {
    if (given.empty()) return {};
    return {nn::labels_on_backend<Tensor>(given.labels, architecture.config.classes)};
  }
};

}  // namespace lift
