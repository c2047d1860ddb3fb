// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include <lift/model/network.hpp>

namespace lift {

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
      : plain(std::move(net)), stored_(this->architecture, of_weights(this->weights)) {}

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
  static Stored last(const Tensor& x) {
    return x.template stored_as<T>().in_layout(memory_layout::channels_last);
  }
  static parameters<Stored> of_weights(const parameters<Tensor>& weights) {
    std::vector<typename parameters<Stored>::entry> entries;
    for (const auto& [name, value] : weights.entries()) entries.push_back({name, last(value)});
    return parameters<Stored>(std::move(entries));
  }
  static scales<Stored, n> taken(const scales<Tensor, n>& x) {
    return make_scales<n>([&](std::size_t scale) { return last(x[scale]); });
  }
  static scales<Tensor, n> given_back(const scales<Stored, n>& y) {
    return make_scales<n>([&](std::size_t scale) {
      return y[scale]
          .in_layout(memory_layout::channels_first)
          .template stored_as<typename Tensor::value_type>();
    });
  }

  network<Architecture, Stored> stored_;
};

namespace detail {
template <class Network>
struct evaluated {
  using type = Network;
};
template <class Architecture, class Backend>
  requires requires { typename Backend::network_storage; }
struct evaluated<network<Architecture, tensor<Backend, float>>> {
  using type =
      stored_network<Architecture, tensor<Backend, float>, typename Backend::network_storage>;
};
}  // namespace detail

/// How a backend evaluates a network in float32: as it is, or stored as Backend::network_storage.
template <class Network>
using evaluated_network = typename detail::evaluated<Network>::type;

}  // namespace lift
