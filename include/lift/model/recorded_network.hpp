// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/backend/recorded_work.hpp>
#include <lift/model/denoiser.hpp>

namespace lift {

/// A network whose evaluation on tensors of N scales is work that the backend records, and replays
/// as long as images, timesteps and labels come in the same number and size: on a device a network
/// costs the host one call, not a thousand. It gives what the network gives, which must take timesteps as
/// tensors too, and takes a condition where the network does. Where the backend records nothing, and
/// on duals, it only calls the network. One thread at a time may call it.
template <class Network, class Tensor, std::size_t N = 2>
class recorded_network {
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;
  static constexpr bool records = recorded_work<Backend>::records;
  static constexpr bool conditional =
      requires(const Network& network, const condition<>& given) { network.on_backend(given); };

 public:
  explicit recorded_network(Network net) : network_(std::move(net)) {}

  /// The network itself.
  const Network& plain() const { return network_; }

  scales<Tensor, N> operator()(const scales<Tensor, N>& x, const scales<timesteps, N>& t) const {
    static_assert(is_denoiser<Network, Tensor, N>());
    if constexpr (!records) {
      return network_(x, t);
    } else {
      static_assert(std::is_invocable_v<const Network&, const scales<Tensor, N>&,
                                        const scales<Tensor, N>&>,
                    "a recorded network is to take timesteps as tensors too, as networks do");
      return evaluate(x, t, condition<Tensor>());
    }
  }
  scales<Tensor, N> operator()(const scales<Tensor, N>& x, const scales<timesteps, N>& t,
                               const condition<>& given) const
    requires conditional
  {
    if constexpr (!records)
      return network_(x, t, given);
    else
      return evaluate(x, t, network_.on_backend(given));
  }

  /// Templates, so that a call on tensors does not ask whether the network takes duals.
  template <std::same_as<dual_of<Tensor>> Dual>
    requires denoiser<Network, Dual, N>
  scales<Dual, N> operator()(const scales<Dual, N>& x, const scales<timesteps, N>& t) const {
    return network_(x, t);
  }
  template <std::same_as<dual_of<Tensor>> Dual>
    requires(conditional)
  scales<Dual, N> operator()(const scales<Dual, N>& x, const scales<timesteps, N>& t,
                             const condition<>& given) const {
    return network_(x, t, given);
  }

 private:
  /// Tensors that stay where they are, and the work between them.
  struct evaluation {
    scales<Tensor, N> x, t, y;
    condition<Tensor> given;
    recorded_work<Backend> work;
  };

  scales<Tensor, N> evaluate(const scales<Tensor, N>& x, const scales<timesteps, N>& t,
                             const condition<Tensor>& given) const {
    bool same = last_.has_value() && last_->given.labels.size() == given.labels.size();
    for (std::size_t i = 0; same && i < N; ++i)
      same = last_->x[i].shape() == x[i].shape() && last_->t[i].size() == t[i].size();
    if (!same) {
      last_.emplace();
      for (std::size_t i = 0; i < N; ++i) {
        last_->x[i] = Tensor(x[i].shape());
        last_->t[i] = Tensor(shape{t[i].size()});
      }
      if (!given.empty()) last_->given.labels = Tensor(given.labels.shape());
    }
    for (std::size_t i = 0; i < N; ++i) {
      last_->x[i].assign(x[i]);
      const std::vector<T> times(t[i].begin(), t[i].end());
      Backend::copy_in(last_->t[i].mutable_data(), std::span<const T>(times));
    }
    if (!given.empty()) last_->given.labels.assign(given.labels);
    last_->work.run([&] {
      if constexpr (conditional)
        last_->y = network_(last_->x, last_->t, last_->given);
      else
        last_->y = network_(last_->x, last_->t);
    });
    return make_scales<N>([&](std::size_t scale) { return last_->y[scale].clone(); });
  }

  Network network_;
  mutable std::optional<evaluation> last_;
};

}  // namespace lift
