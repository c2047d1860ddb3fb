// SPDX-License-Identifier: MIT
#pragma once

// Group normalisation with an activation behind it, a group of one image at a time, so that it
// stays in cache from its statistics to its result. op/group_norm.hpp has the formulas.

#include <cmath>
#include <cstddef>
#include <vector>

#include <xsimd/xsimd.hpp>

#include <lift/backend/group_norm_geometry.hpp>
#include <lift/backend/thread_pool.hpp>

namespace lift::detail {

/// Sum of f(i) over i < n, where f gives a vector or a number: f(i, type) from element i on.
template <class T, class F>
T vector_sum(std::size_t n, const F& f) {
  using batch = xsimd::batch<T>;
  batch even(T(0)), odd(T(0));
  std::size_t i = 0;
  for (; i + 2 * batch::size <= n; i += 2 * batch::size) {
    even += f(i, batch());
    odd += f(i + batch::size, batch());
  }
  alignas(64) T lanes[batch::size];
  (even + odd).store_aligned(lanes);
  T total(0);
  for (const T lane : lanes) total += lane;
  for (; i < n; ++i) total += f(i, T());
  return total;
}

/// to[i] = f(i, type) for i < n, as vector_sum.
template <class T, class F>
void vector_map(std::size_t n, T* to, const F& f) {
  using batch = xsimd::batch<T>;
  std::size_t i = 0;
  for (; i + batch::size <= n; i += batch::size) f(i, batch()).store_unaligned(to + i);
  for (; i < n; ++i) to[i] = f(i, T());
}

/// A vector or a number from p on.
template <class T>
xsimd::batch<T> load(const T* p, xsimd::batch<T>) { return xsimd::batch<T>::load_unaligned(p); }
template <class T>
T load(const T* p, T) { return *p; }

/// One group of one image: z = γ_c·(x − mean)·rstd + β_c.
template <class T>
struct normalised_group {
  std::size_t channels, pixels;
  const T *x, *gamma, *beta;
  T mean, rstd;

  normalised_group(const group_norm_geometry& g, std::size_t index, const T* images,
                   const T* all_gamma, const T* all_beta)
      : channels(g.channels), pixels(g.pixels), x(images + index * g.group_size()),
        gamma(all_gamma + index % g.groups * g.channels),
        beta(all_beta + index % g.groups * g.channels), mean(0), rstd(0) {}

  std::size_t size() const { return channels * pixels; }

  /// (x − mean)·rstd from element i on.
  template <class V>
  V normalised(std::size_t i, V v) const { return (load(x + i, v) - V(mean)) * V(rstd); }
  template <class V>
  V z(std::size_t i, std::size_t c, V v) const {
    return normalised(i, v) * V(gamma[c]) + V(beta[c]);
  }
  /// Calls body(c, first) for every channel, whose elements start at `first`.
  template <class Body>
  void for_each_channel(const Body& body) const {
    for (std::size_t c = 0; c < channels; ++c) body(c, c * pixels);
  }
};

/// y = activation(z); writes the statistics (batch, groups) too.
template <class Activation, class T>
void group_norm_forward(const group_norm_geometry& g, T epsilon, const T* x, const T* gamma,
                        const T* beta, T* mean, T* rstd, T* y) {
  const auto n = static_cast<T>(g.group_size());
  parallel_for(g.batch * g.groups, 1, [&](std::size_t index, std::size_t) {
    normalised_group<T> group(g, index, x, gamma, beta);
    group.mean = vector_sum<T>(group.size(), [&](std::size_t i, auto v) {
                   return load(group.x + i, v);
                 }) / n;
    const T squares = vector_sum<T>(group.size(), [&](std::size_t i, auto v) {
      const auto deviation = load(group.x + i, v) - decltype(v)(group.mean);
      return deviation * deviation;
    });
    group.rstd = T(1) / std::sqrt(squares / n + epsilon);
    mean[index] = group.mean;
    rstd[index] = group.rstd;
    group.for_each_channel([&](std::size_t c, std::size_t first) {
      vector_map(g.pixels, y + index * g.group_size() + first, [&](std::size_t i, auto v) {
        return Activation::f(group.z(first + i, c, v));
      });
    });
  });
}

/// dy = activation'(z)·γ·P(d) for `tangents` stacked tangents d of x.
template <class Activation, class T>
void group_norm_tangents(const group_norm_geometry& g, std::size_t tangents, const T* x,
                         const T* gamma, const T* beta, const T* mean, const T* rstd, const T* d,
                         T* dy) {
  const std::size_t groups = g.batch * g.groups;
  const auto n = static_cast<T>(g.group_size());
  // A task sees one group's primal values for all its tangents.
  parallel_for(groups, 1, [&](std::size_t index, std::size_t) {
    normalised_group<T> group(g, index, x, gamma, beta);
    group.mean = mean[index];
    group.rstd = rstd[index];
    for (std::size_t k = 0; k < tangents; ++k) {
      const std::size_t offset = (k * groups + index) * g.group_size();
      const T* const tangent = d + offset;
      const T sum = vector_sum<T>(
          group.size(), [&](std::size_t i, auto v) { return load(tangent + i, v); });
      const T product = vector_sum<T>(group.size(), [&](std::size_t i, auto v) {
        return load(tangent + i, v) * group.normalised(i, v);
      });
      group.for_each_channel([&](std::size_t c, std::size_t first) {
        vector_map(g.pixels, dy + offset + first, [&](std::size_t at, auto v) {
          using V = decltype(v);
          const std::size_t i = first + at;
          const V normalised = group.normalised(i, v);
          const V z = normalised * V(group.gamma[c]) + V(group.beta[c]);
          return Activation::df(z) * V(group.gamma[c] * group.rstd) *
                 (load(tangent + i, v) - (V(sum) + normalised * V(product)) * V(T(1) / n));
        });
      });
    }
  });
}

/// The gradients of ⟨w, y⟩: P(γ·w'), Σ w'·x̂ and Σ w', w' = activation'(z)·w. Those of γ and β are
/// summed over the batch in order.
template <class Activation, class T>
void group_norm_gradient(const group_norm_geometry& g, const T* x, const T* gamma, const T* beta,
                         const T* mean, const T* rstd, const T* w, T* dx, T* dgamma, T* dbeta) {
  const auto n = static_cast<T>(g.group_size());
  const std::size_t channels = g.all_channels();
  std::vector<T> products(g.batch * channels), sums(g.batch * channels);  // (batch, channels)
  parallel_for(g.batch * g.groups, 1, [&](std::size_t index, std::size_t) {
    normalised_group<T> group(g, index, x, gamma, beta);
    group.mean = mean[index];
    group.rstd = rstd[index];
    const T* const weight = w + index * g.group_size();
    T* const result = dx + index * g.group_size();
    T total(0), correlation(0);
    group.for_each_channel([&](std::size_t c, std::size_t first) {
      vector_map(g.pixels, result + first, [&](std::size_t i, auto v) {
        return Activation::df(group.z(first + i, c, v)) * load(weight + first + i, v);
      });
      const T sum = vector_sum<T>(
          g.pixels, [&](std::size_t i, auto v) { return load(result + first + i, v); });
      const T product = vector_sum<T>(g.pixels, [&](std::size_t i, auto v) {
        return load(result + first + i, v) * group.normalised(first + i, v);
      });
      sums[index * g.channels + c] = sum;
      products[index * g.channels + c] = product;
      total += group.gamma[c] * sum;
      correlation += group.gamma[c] * product;
    });
    group.for_each_channel([&](std::size_t c, std::size_t first) {
      vector_map(g.pixels, result + first, [&](std::size_t i, auto v) {
        using V = decltype(v);
        return V(group.rstd) *
               (V(group.gamma[c]) * load(result + first + i, v) -
                (V(total) + group.normalised(first + i, v) * V(correlation)) * V(T(1) / n));
      });
    });
  });
  for (std::size_t c = 0; c < channels; ++c) {
    dgamma[c] = dbeta[c] = T(0);
    for (std::size_t b = 0; b < g.batch; ++b) {
      dgamma[c] += products[b * channels + c];
      dbeta[c] += sums[b * channels + c];
    }
  }
}

}  // namespace lift::detail
