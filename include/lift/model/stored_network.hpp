// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/model/network.hpp>
#include <lift/tensor/all_stored_as.hpp>

namespace lift {

/// Weights stored as T, those of convolutions in a layout.
template <class T, class Backend, class From>
parameters<tensor<Backend, T>> stored_as(const parameters<tensor<Backend, From>>& weights,
                                         memory_layout layout) {
  std::vector<tensor<Backend, From>> values;
  for (const auto& entry : weights.entries()) values.push_back(entry.value);
  auto stored = all_stored_as<T>(values, layout);
  std::vector<typename parameters<tensor<Backend, T>>::entry> entries;
  for (std::size_t i = 0; i < stored.size(); ++i)
    entries.push_back({weights.entries()[i].name, std::move(stored[i])});
  return parameters<tensor<Backend, T>>(std::move(entries));
}

/// A network that is evaluated with weights and everything between its layers stored as T, images
/// with the channels last; sums stay in the accumulators of T. It is called, and answers, as the
/// network does, with the weights that it was made with.
template <class Architecture, class Tensor, class T>
struct stored_network : network<Architecture, Tensor> {
 private:
  using plain = network<Architecture, Tensor>;
  using Stored = tensor<typename Tensor::backend_type, T>;
  static constexpr std::size_t n = Architecture::scale_count;

 public:
  explicit stored_network(plain net)
      : plain(std::move(net)),
        stored_(this->architecture,
                packed(stored_as<T>(this->weights, memory_layout::channels_last))) {}

  template <value X, class Timesteps>
  scales<X, n> operator()(const scales<X, n>& x, const scales<Timesteps, n>& t) const {
    return given_back<X>(stored_(taken(x), t));
  }
  template <value X, class Timesteps, class Labels>
    requires conditional_architecture<Architecture>
  scales<X, n> operator()(const scales<X, n>& x, const scales<Timesteps, n>& t,
                          const condition<Labels>& given) const {
    return given_back<X>(stored_(taken(x), t, given));
  }

 private:
  /// Kernels as the backend's convolutions take them, where it packs them.
  static parameters<Stored> packed(parameters<Stored> weights) {
    using Backend = typename Tensor::backend_type;
    if constexpr (kernel_packing_backend<Backend, T>) {
      for (auto& [name, value] : weights.entries()) {
        const shape& s = value.shape();
        if (s.rank() != 4 || !Backend::packs_kernels(s[0], s[1])) continue;
        Stored kernels(s, memory_layout::packed_kernels);
        Backend::pack_kernels(s[0], s[1], s[2] * s[3], value.data(), kernels.mutable_data());
        value = kernels;
      }
    }
    return weights;
  }

  template <class X>
  static auto taken(const scales<X, n>& x) {
    return make_scales<n>(
        [&](std::size_t scale) { return stored_as<T>(x[scale], memory_layout::channels_last); });
  }
  template <class X, class Y>
  static scales<X, n> given_back(const scales<Y, n>& y) {
    return make_scales<n>([&](std::size_t scale) {
      return stored_as<typename Tensor::value_type>(y[scale], memory_layout::channels_first);
    });
  }

  network<Architecture, Stored> stored_;
};

/// A backend that says what it keeps networks in whose tensors are float32.
template <class B>
concept network_storing_backend = requires { typename B::network_storage; };

namespace detail {
template <class Tensor>
struct network_storage {
  using type = typename Tensor::value_type;
};
template <network_storing_backend Backend>
struct network_storage<tensor<Backend, float>> {
  using type = typename Backend::network_storage;
};

template <class Network>
struct evaluated {
  using type = Network;
};
template <class Architecture, network_storing_backend Backend>
struct evaluated<network<Architecture, tensor<Backend, float>>> {
  using type =
      stored_network<Architecture, tensor<Backend, float>, typename Backend::network_storage>;
};
}  // namespace detail

/// What a network whose weights and images are such tensors keeps all between its layers in: the
/// same type, or what a backend of float32 has for it, Backend::network_storage.
template <class Tensor>
using network_storage = typename detail::network_storage<Tensor>::type;

/// Whether a network of such tensors is stored otherwise between its layers: as network_storage, images
/// with the channels last.
template <class Tensor>
inline constexpr bool stores_networks = false;
template <network_storing_backend Backend>
inline constexpr bool stores_networks<tensor<Backend, float>> = true;

/// How a backend evaluates a network: as it is, or stored as network_storage.
template <class Network>
using evaluated_network = typename detail::evaluated<Network>::type;

}  // namespace lift
