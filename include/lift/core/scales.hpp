// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include <lift/core/config.hpp>

namespace lift {

/// One thing for each of the N scales of an image, finest first: images, timesteps, SNRs, losses, a
/// cell of a heatmap. N = 1 is the ordinary diffusion model.
template <class T, std::size_t N = 2>
struct scales {
  static_assert(N >= 1 && N < 256, "random numbers tell 255 scales apart");

  T values[N];

  static constexpr std::size_t size() { return N; }
  LIFT_HD constexpr T& operator[](std::size_t scale) { return values[scale]; }
  LIFT_HD constexpr const T& operator[](std::size_t scale) const { return values[scale]; }
  constexpr T* begin() { return values; }
  constexpr T* end() { return values + N; }
  constexpr const T* begin() const { return values; }
  constexpr const T* end() const { return values + N; }

  /// The finest and the coarsest.
  LIFT_HD constexpr T& fine() { return values[0]; }
  LIFT_HD constexpr const T& fine() const { return values[0]; }
  LIFT_HD constexpr T& coarse() { return values[N - 1]; }
  LIFT_HD constexpr const T& coarse() const { return values[N - 1]; }

  friend bool operator==(const scales&, const scales&) = default;
};

template <class T, class... More>
scales(T, More...) -> scales<T, 1 + sizeof...(More)>;

/// f(scale) of every scale 0 … N − 1.
template <std::size_t N, class F>
constexpr auto make_scales(const F& f) {
  return [&]<std::size_t... Scale>(std::index_sequence<Scale...>) {
    return scales<std::decay_t<decltype(f(std::size_t{}))>, N>{f(Scale)...};
  }(std::make_index_sequence<N>());
}

/// How files and messages call a scale of N: "fine", "coarse", and of three "middle", of more
/// "scale 1" and so on between them.
inline std::string scale_name(std::size_t scale, std::size_t n) {
  if (scale == 0) return "fine";
  if (scale + 1 == n) return "coarse";
  return n == 3 ? "middle" : "scale " + std::to_string(scale);
}

}  // namespace lift
