// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include <lift/model/network.hpp>

namespace lift {

/// Weights stored as T, those of convolutions in a layout.
template <class T, class Backend, class From>
parameters<tensor<Backend, T>> stored_as(const parameters<tensor<Backend, From>>& weights,
                                         memory_layout layout) {
  std::vector<typename parameters<tensor<Backend, T>>::entry> entries;
  for (const auto& [name, value] : weights.entries())
    entries.push_back({name, value.template stored_as<T>(layout)});
  return parameters<tensor<Backend, T>>(std::move(entries));
}

/// A network that evaluates tensors with weights and everything between its layers stored as T, images
/// with the channels last; sums stay in the accumulators of T. It is called, and answers, as the
/// network does, with the weights that it was made with. Duals are evaluated as the network does.
template <class Architecture, class Tensor, class T>
class stored_network : public network<Architecture, Tensor> {
  using plain = network<Architecture, Tensor>;
  using Stored = tensor<typename Tensor::backend_type, T>;
  static constexpr std::size_t n = Architecture::scale_count;

 public:
  explicit stored_network(plain net)
      : plain(std::move(net)),
        stored_(this->architecture, stored_as<T>(this->weights, memory_layout::channels_last)) {}

  using plain::operator();

  template <class Timesteps>
  scales<Tensor, n> operator()(const scales<Tensor, n>& x,
                               const scales<Timesteps, n>& t) const {
    return given_back(stored_(taken(x), t));
  }
  template <class Timesteps, class Labels>
    requires conditional_architecture<Architecture>
  scales<Tensor, n> operator()(const scales<Tensor, n>& x, const scales<Timesteps, n>& t,
                               const condition<Labels>& given) const {
    return given_back(stored_(taken(x), t, given));
  }

 private:
  static scales<Stored, n> taken(const scales<Tensor, n>& x) {
    return make_scales<n>([&](std::size_t scale) {
      return x[scale].template stored_as<T>(memory_layout::channels_last);
    });
  }
  static scales<Tensor, n> given_back(const scales<Stored, n>& y) {
    return make_scales<n>([&](std::size_t scale) {
      return y[scale].template stored_as<typename Tensor::value_type>(
          memory_layout::channels_first);
    });
  }

  network<Architecture, Stored> stored_;
};

namespace detail {
template <class Tensor>
struct network_storage {
  using type = typename Tensor::value_type;
};
template <class Backend>
  requires requires { typename Backend::network_storage; }
struct network_storage<tensor<Backend, float>> {
  using type = typename Backend::network_storage;
};

template <class Network>
struct evaluated {
  using type = Network;
};
template <class Architecture, class Tensor>
  requires(!std::is_same_v<typename network_storage<Tensor>::type, typename Tensor::value_type>)
struct evaluated<network<Architecture, Tensor>> {
  using type = stored_network<Architecture, Tensor, typename network_storage<Tensor>::type>;
};
}  // namespace detail

/// What a network whose weights and images are such tensors keeps all between its layers in: the
/// same type, or what a backend of float32 has for it, Backend::network_storage.
template <class Tensor>
using network_storage = typename detail::network_storage<Tensor>::type;

/// How a backend evaluates a network: as it is, or stored as network_storage.
template <class Network>
using evaluated_network = typename detail::evaluated<Network>::type;

}  // namespace lift
