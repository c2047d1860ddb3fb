// SPDX-License-Identifier: MIT
#pragma once

// Winograd's minimal filtering F(4×4, 3×3) (Lavin & Gray 2016): a tile of 4×4 outputs of a 3×3
// convolution takes 36 products for each pair of channels instead of 144,
//   Y = Aᵀ[(G g Gᵀ) ∘ (Bᵀ d B)]A,  d the 6×6 inputs, g the kernel.
// The gradient with respect to g is Gᵀ[(A dY Aᵀ) ∘ (Bᵀ d B)]G.

#include <array>
#include <cstddef>

namespace lift::detail {

/// The points of a tile in the transformed domain.
inline constexpr std::size_t winograd_points = 36;

/// 1/N.
template <class V, int N>
V fraction() {
  using T = typename V::value_type;
  return V(T(1) / T(N));
}

/// v → Bᵀv.
struct winograd_input {
  static constexpr std::size_t inputs = 6, outputs = 6;
  template <class V>
  static std::array<V, 6> apply(const std::array<V, 6>& v) {
    const V even = v[4] - V(4) * v[2], odd = v[3] - V(4) * v[1];
    const V even2 = v[4] - v[2], odd2 = V(2) * (v[3] - v[1]);
    return {V(4) * v[0] - V(5) * v[2] + v[4], even + odd, even - odd, even2 + odd2, even2 - odd2,
            V(4) * v[1] - V(5) * v[3] + v[5]};
  }
};

/// v → Gv.
struct winograd_kernel {
  static constexpr std::size_t inputs = 3, outputs = 6;
  template <class V>
  static std::array<V, 6> apply(const std::array<V, 3>& v) {
    const V even = fraction<V, -6>() * (v[0] + v[2]), odd = fraction<V, -6>() * v[1];
    const V even2 = fraction<V, 24>() * v[0] + fraction<V, 6>() * v[2];
    const V odd2 = fraction<V, 12>() * v[1];
    return {fraction<V, 4>() * v[0], even + odd, even - odd, even2 + odd2, even2 - odd2, v[2]};
  }
};

/// v → Aᵀv.
struct winograd_output {
  static constexpr std::size_t inputs = 6, outputs = 4;
  template <class V>
  static std::array<V, 4> apply(const std::array<V, 6>& v) {
    const V even = v[1] + v[2], odd = v[1] - v[2], even2 = v[3] + v[4], odd2 = v[3] - v[4];
    return {v[0] + even + even2, odd + V(2) * odd2, even + V(4) * even2,
            odd + V(8) * odd2 + v[5]};
  }
};

/// v → Av, the adjoint of winograd_output.
struct winograd_output_adjoint {
  static constexpr std::size_t inputs = 4, outputs = 6;
  template <class V>
  static std::array<V, 6> apply(const std::array<V, 4>& v) {
    const V even = v[0] + v[2], odd = v[1] + v[3];
    const V even2 = v[0] + V(4) * v[2], odd2 = V(2) * v[1] + V(8) * v[3];
    return {v[0], even + odd, even - odd, even2 + odd2, even2 - odd2, v[3]};
  }
};

/// v → Gᵀv, the adjoint of winograd_kernel.
struct winograd_kernel_adjoint {
  static constexpr std::size_t inputs = 6, outputs = 3;
  template <class V>
  static std::array<V, 3> apply(const std::array<V, 6>& v) {
    const V sum = v[1] + v[2], difference = v[2] - v[1];
    const V sum2 = v[3] + v[4], difference2 = v[3] - v[4];
    return {fraction<V, 4>() * v[0] - fraction<V, 6>() * sum + fraction<V, 24>() * sum2,
            fraction<V, 6>() * difference + fraction<V, 12>() * difference2,
            fraction<V, 6>() * (sum2 - sum) + v[5]};
  }
};

/// F v Fᵀ for one of the maps above: v(i, j) = load(i, j), asked for column by column, and
/// store(i, j, x) takes the results row by row.
template <class F, class V, class Load, class Store>
void winograd_transform(Load load, Store store) {
  std::array<std::array<V, F::inputs>, F::outputs> half;
#pragma GCC unroll 6
  for (std::size_t j = 0; j < F::inputs; ++j) {
    std::array<V, F::inputs> column;
#pragma GCC unroll 6
    for (std::size_t i = 0; i < F::inputs; ++i) column[i] = load(i, j);
    const auto result = F::apply(column);
#pragma GCC unroll 6
    for (std::size_t i = 0; i < F::outputs; ++i) half[i][j] = result[i];
  }
#pragma GCC unroll 6
  for (std::size_t i = 0; i < F::outputs; ++i) {
    const auto row = F::apply(half[i]);
#pragma GCC unroll 6
    for (std::size_t j = 0; j < F::outputs; ++j) store(i, j, row[j]);
  }
}

/// Stores the vectors it is called with `step` elements apart.
template <class T>
struct strided_store {
  T* at;
  std::size_t step;
  template <class V>
  void operator()(std::size_t, std::size_t, const V& v) {
    v.store_unaligned(at);
    at += step;
  }
};

/// Loads vectors `step` elements apart, one at each call.
template <class V>
struct strided_load {
  const typename V::value_type* at;
  std::size_t step;
  V operator()(std::size_t, std::size_t) {
    const V v = V::load_unaligned(at);
    at += step;
    return v;
  }
};

}  // namespace lift::detail
