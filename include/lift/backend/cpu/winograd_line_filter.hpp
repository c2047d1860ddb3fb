// SPDX-License-Identifier: MIT
#pragma once

// Winograd's minimal filtering of lines by kernels of 3, 5 or 7 numbers, F(8, 3), F(6, 5) or F(6, 7):
// ten, ten or twelve products make eight, six or six outputs, instead of 24, 30 or 42.

#include <array>
#include <cstddef>

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/multiply_add.hpp>
#include <lift/backend/cpu/unrolled.hpp>

namespace lift::detail {

/// The coefficients of Π(z − q²) over all q but number `without`, from z⁰ on.
template <std::size_t N>
constexpr std::array<double, N + 1> polynomial_of_squares(const std::array<double, N>& q,
                                                          std::size_t without = N) {
  std::array<double, N + 1> result{1};
  for (std::size_t j = 0; j < N; ++j) {
    if (j == without) continue;
    for (std::size_t k = N; k > 0; --k) result[k] = result[k - 1] - q[j] * q[j] * result[k];
    result[0] *= -q[j] * q[j];
  }
  return result;
}

/// first·xⁱ from i = 0 on.
template <std::size_t N>
constexpr std::array<double, N> powers(double x, double first) {
  std::array<double, N> result{};
  for (double& power : result) {
    power = first;
    first *= x;
  }
  return result;
}

/// The polynomials are evaluated at 0, ±q and infinity. Four q are such that in float32 the results
/// are within 3·10⁻⁶ of exact ones, relative L2, and five within 7·10⁻⁶, where direct products are
/// within 3·10⁻⁷.
template <std::size_t Taps>
struct line_points {
  static constexpr auto q = [] {
    if constexpr (Taps < 7)
      return std::array{3.0 / 4, 4.0 / 3, 2.0, 1.0 / 3};
    else
      return std::array{1.0, 2.0 / 3, 3.0 / 2, 5.0 / 2, 1.0 / 3};
  }();
  static constexpr std::size_t pairs = q.size(), count = 2 * pairs + 2, outputs = count + 1 - Taps;
};

/// Winograd's maps for kernels of `Taps` numbers (Lavin & Gray 2016; the points as Barabasz et al.
/// 2020 choose them), a vector V of lines at a time: y = Aᵀ[(G g) ∘ (Bᵀ d)].
template <std::size_t Taps>
struct line_filter {
  using at = line_points<Taps>;
  static constexpr std::size_t taps = Taps, points = at::count, outputs = at::outputs;
  template <class V>
  using line = std::array<V, points>;

  /// d → Bᵀd.
  template <class V>
  static line<V> input(const line<V>& d) {
    static constexpr auto all = polynomial_of_squares(at::q);
    line<V> result;
    result[0] = sum<at::pairs + 1>(all, 0, d);
    result[points - 1] = sum<at::pairs + 1>(all, 1, d);
    unrolled<at::pairs>([&]<std::size_t J>(index<J>) {
      static constexpr auto others = polynomial_of_squares(at::q, J);
      const V even = sum<at::pairs>(others, 2, d);
      const V odd = factor<V>(at::q[J]) * sum<at::pairs>(others, 1, d);
      result[1 + 2 * J] = even + odd;
      result[2 + 2 * J] = even - odd;
    });
    return result;
  }

  /// g → Gg.
  template <class V>
  static line<V> kernel(const std::array<V, Taps>& g) {
    line<V> result;
    result[0] = factor<V>(1 / polynomial_of_squares(at::q)[0]) * g[0];
    result[points - 1] = g[Taps - 1];
    unrolled<at::pairs>([&]<std::size_t J>(index<J>) {
      static constexpr auto factors = powers<Taps>(at::q[J], 1 / slope(J));
      V even = factor<V>(factors[0]) * g[0], odd = factor<V>(factors[1]) * g[1];
#pragma GCC unroll 8
      for (std::size_t i = 2; i < Taps; ++i)
        (i % 2 ? odd : even) = multiply_add(factor<V>(factors[i]), g[i], i % 2 ? odd : even);
      result[1 + 2 * J] = even + odd;
      result[2 + 2 * J] = even - odd;
    });
    return result;
  }

  /// m → Aᵀm.
  template <class V>
  static std::array<V, outputs> output(const line<V>& m) {
    std::array<V, outputs> y;
    y.fill(factor<V>(0));
    y[0] = m[0];
    y[outputs - 1] += m[points - 1];
    unrolled<at::pairs>([&]<std::size_t J>(index<J>) {
      static constexpr auto factors = powers<outputs>(at::q[J], 1);
      const V even = m[1 + 2 * J] + m[2 + 2 * J], odd = m[1 + 2 * J] - m[2 + 2 * J];
#pragma GCC unroll 8
      for (std::size_t i = 0; i < outputs; ++i)
        y[i] = multiply_add(factor<V>(factors[i]), i % 2 ? odd : even, y[i]);
    });
    return y;
  }

 private:
  template <std::size_t J>
  using index = std::integral_constant<std::size_t, J>;

  template <class V>
  static V factor(double x) {
    return V(static_cast<typename V::value_type>(x));
  }
  /// The product of q − p over all other points p but infinity, for number j.
  static constexpr double slope(std::size_t j) {
    double result = 0, power = 2 * at::q[j] * at::q[j];
    for (std::size_t k = 0; k < at::pairs; ++k, power *= at::q[j] * at::q[j])
      result += polynomial_of_squares(at::q, j)[k] * power;
    return result;
  }
  /// Σ factors[k]·d[first + 2k] of so many terms.
  template <std::size_t Terms, class Factors, class V>
  static V sum(const Factors& factors, std::size_t first, const line<V>& d) {
    V total = factor<V>(factors[0]) * d[first];
#pragma GCC unroll 8
    for (std::size_t k = 1; k < Terms; ++k)
      total = multiply_add(factor<V>(factors[k]), d[first + 2 * k], total);
    return total;
  }
};

}  // namespace lift::detail
