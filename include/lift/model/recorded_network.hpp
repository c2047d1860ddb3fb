// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/backend/recorded_work.hpp>
#include <lift/model/denoiser.hpp>

namespace lift {

/// A network whose evaluation on tensors of N scales, or on duals of them, is work that the backend
/// records, and replays as long as images, tangents, timesteps and labels come in the same number and
/// size: on a device a network costs the host one call, not a thousand. It gives what the network
/// gives, which must take timesteps as tensors too, and takes a condition where the network does. Where
/// the backend records nothing it only calls the network. One thread at a time may call it.
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
    return evaluate(x, t);
  }
  scales<Tensor, N> operator()(const scales<Tensor, N>& x, const scales<timesteps, N>& t,
                               const condition<>& given) const
    requires conditional
  {
    return evaluate(x, t, given);
  }

  /// Templates, so that a call on tensors does not ask whether the network takes duals.
  template <std::same_as<dual_of<Tensor>> Dual>
    requires denoiser<Network, Dual, N>
  scales<Dual, N> operator()(const scales<Dual, N>& x, const scales<timesteps, N>& t) const {
    return evaluate(x, t);
  }
  template <std::same_as<dual_of<Tensor>> Dual>
    requires(conditional)
  scales<Dual, N> operator()(const scales<Dual, N>& x, const scales<timesteps, N>& t,
                             const condition<>& given) const {
    return evaluate(x, t, given);
  }

 private:
  /// Values that stay where they are, and the work between them.
  template <class X>
  struct evaluation {
    scales<X, N> x, y;
    scales<Tensor, N> t;
    condition<Tensor> given;
    recorded_work<Backend> work;
  };

  template <class X>
  struct slot {
    std::optional<evaluation<X>> last;
    bool others_came = false;  // at the last call
  };

  // f(tensor, tensor) of two values' tensors, which may be empty.
  template <class To, class F>
  static void for_each_pair(To& to, const Tensor& from, const F& f) { f(to, from); }
  template <class To, class F>
  static void for_each_pair(To& to, const dual_of<Tensor>& from, const F& f) {
    f(to.primal, from.primal);
    f(to.tangent, from.tangent);
  }

  template <class X, class... Given>
  scales<X, N> evaluate(const scales<X, N>& x, const scales<timesteps, N>& t,
                        const Given&... given) const {
    if constexpr (records) {
      constexpr bool can_be =
          std::is_invocable_v<const Network&, const scales<X, N>&, const scales<Tensor, N>&>;
      static_assert(can_be || !std::is_same_v<X, Tensor>,
                    "a recorded network is to take timesteps as tensors too, as networks do");
      if constexpr (can_be) {
        condition<Tensor> here;
        if constexpr (conditional && sizeof...(Given) > 0) here = network_.on_backend(given...);
        if (makes_room(x, t, here)) return replay(x, t, here);
      }
    }
    return network_(x, t, given...);
  }

  /// Whether there is an evaluation of such sizes, new if need be. What comes in other sizes only
  /// once, as the last images of many do, does not take the place of what is recorded.
  template <class X>
  bool makes_room(const scales<X, N>& x, const scales<timesteps, N>& t,
                  const condition<Tensor>& given) const {
    auto& [last, others_came] = std::get<slot<X>>(slots_);
    bool same = last.has_value() && last->given.labels.size() == given.labels.size();
    for (std::size_t i = 0; same && i < N; ++i) {
      same = last->t[i].size() == t[i].size();
      for_each_pair(last->x[i], x[i], [&](const Tensor& mine, const Tensor& other) {
        same = same && mine.shape() == other.shape();
      });
    }
    const bool came_before = std::exchange(others_came, !same);
    if (same) return true;
    if (last.has_value() && !came_before) return false;
    others_came = false;
    last.emplace();
    for (std::size_t i = 0; i < N; ++i) {
      for_each_pair(last->x[i], x[i], [](Tensor& room, const Tensor& other) {
        if (!other.empty()) room = Tensor(other.shape());
      });
      last->t[i] = Tensor(shape{t[i].size()});
    }
    if (!given.empty()) last->given.labels = Tensor(given.labels.shape());
    return true;
  }

  template <class X>
  scales<X, N> replay(const scales<X, N>& x, const scales<timesteps, N>& t,
                      const condition<Tensor>& given) const {
    std::optional<evaluation<X>>& last = std::get<slot<X>>(slots_).last;
    for (std::size_t i = 0; i < N; ++i) {
      for_each_pair(last->x[i], x[i], [](Tensor& mine, const Tensor& other) {
        if (!other.empty()) mine.assign(other);
      });
      const std::vector<T> times(t[i].begin(), t[i].end());
      Backend::copy_in(last->t[i].mutable_data(), std::span<const T>(times));
    }
    if (!given.empty()) last->given.labels.assign(given.labels);
    last->work.run([&] {
      if constexpr (conditional)
        last->y = network_(last->x, last->t, last->given);
      else
        last->y = network_(last->x, last->t);
    });
    return make_scales<N>([&](std::size_t scale) {
      X copy;
      for_each_pair(copy, last->y[scale], [](Tensor& mine, const Tensor& other) {
        if (!other.empty()) mine = other.clone();
      });
      return copy;
    });
  }

  Network network_;
  mutable std::tuple<slot<Tensor>, slot<dual_of<Tensor>>> slots_;
};

}  // namespace lift
