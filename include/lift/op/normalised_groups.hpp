// SPDX-License-Identifier: MIT
#pragma once

// What group normalisation, its tangents and its gradient are to a team of a backend's threads, images
// with the channels first: group_norm.hpp has the formulas.

#include <cmath>
#include <cstddef>

#include <lift/core/config.hpp>
#include <lift/tensor/reduction.hpp>
#include <lift/tensor/storage.hpp>

namespace lift::kernel {

/// Images (batch, groups·channels, pixels) whose groups are normalised, with their statistics
/// (batch, groups), and the work of a team on one group of one image, which so stays in cache or in
/// a block's reach from its statistics to its result.
template <class T>
struct normalised_groups {
  using number = accumulator_t<T>;
  std::size_t batch, groups, channels, pixels;
  const T *x, *gamma, *beta;
  number *mean, *rstd;

  LIFT_HD std::size_t group_size() const { return channels * pixels; }

  /// One group: x̂ = (x − mean)·rstd, z = γ_c·x̂ + β_c.
  template <class Team>
  struct group {
    Team team;
    const T *x, *gamma, *beta;
    number mean, rstd;

    /// Element i of an array of the group's elements, and those after it if v is a vector.
    template <class V>
    LIFT_HD V at(const T* p, std::size_t i, V v) const {
      return team.load(p + i, v);
    }
    template <class V>
    LIFT_HD V normalised(std::size_t i, V v) const {
      return (at(x, i, v) - V(mean)) * V(rstd);
    }
    template <class V>
    LIFT_HD V z(std::size_t c, std::size_t i, V v) const {
      return normalised(i, v) * V(scale(c)) + V(number(beta[c]));
    }
    LIFT_HD number scale(std::size_t c) const { return number(gamma[c]); }
  };

  template <class Team>
  LIFT_HD group<Team> at(const Team& team, std::size_t index, number its_mean,
                         number its_rstd) const {
    const std::size_t first = index % groups * channels;
    return {team, x + index * group_size(), gamma + first, beta + first, its_mean, its_rstd};
  }
  template <class Team>
  LIFT_HD group<Team> at(const Team& team, std::size_t index) const {
    return at(team, index, mean[index], rstd[index]);
  }
};

/// y = f(z), and the statistics.
template <class Activation, class T>
struct group_norm {
  using number = accumulator_t<T>;
  normalised_groups<T> in;
  number epsilon;
  T* y;

  template <class Team>
  LIFT_HD void operator()(const Team& team, std::size_t index) const {
    using std::sqrt;
    auto group = in.at(team, index, number(0), number(0));
    const std::size_t size = in.group_size();
    const number n = static_cast<number>(size);
    group.mean = team.template reduce<sum, number>(size, [&](std::size_t i, auto v) {
      return group.at(group.x, i, v);
    }) / n;
    const number squares = team.template reduce<sum, number>(size, [&](std::size_t i, auto v) {
      const auto deviation = group.at(group.x, i, v) - decltype(v)(group.mean);
      return deviation * deviation;
    });
    group.rstd = number(1) / sqrt(squares / n + epsilon);
    team.once([&] {
      in.mean[index] = group.mean;
      in.rstd[index] = group.rstd;
    });
    team.map(in.channels, in.pixels, y + index * size,
             [&](std::size_t c, std::size_t i, auto v) { return Activation::f(group.z(c, i, v)); });
  }
};

/// dy = f'(z)·γ·P(d) for stacked tangents d of x; a team sees one group's values for all of them.
template <class Activation, class T>
struct group_norm_tangents {
  using number = accumulator_t<T>;
  normalised_groups<T> in;
  std::size_t tangents;
  const T* d;
  T* dy;

  template <class Team>
  LIFT_HD void operator()(const Team& team, std::size_t index) const {
    const auto group = in.at(team, index);
    const std::size_t size = in.group_size();
    for (std::size_t k = 0; k < tangents; ++k) {
      const std::size_t offset = (k * in.batch * in.groups + index) * size;
      const T* const tangent = d + offset;
      const number total = team.template reduce<sum, number>(
          size, [&](std::size_t i, auto v) { return group.at(tangent, i, v); });
      const number product = team.template reduce<sum, number>(size, [&](std::size_t i, auto v) {
        return group.at(tangent, i, v) * group.normalised(i, v);
      });
      const number share = number(1) / static_cast<number>(size);
      team.map(in.channels, in.pixels, dy + offset, [&](std::size_t c, std::size_t i, auto v) {
        using V = decltype(v);
        const V normalised = group.normalised(i, v);
        const V z = normalised * V(group.scale(c)) + V(number(group.beta[c]));
        return Activation::df(z) * V(group.scale(c) * group.rstd) *
               (group.at(tangent, i, v) - (V(total) + normalised * V(product)) * V(share));
      });
    }
  }
};

/// With w' = f'(z)·w: dx = P(γ·w'), and for each channel of each image (batch, channels) Σ w'·x̂
/// and Σ w'.
template <class Activation, class T>
struct group_norm_gradient {
  using number = accumulator_t<T>;
  normalised_groups<T> in;
  const T* w;
  T* dx;
  number *products, *sums;

  template <class Team>
  LIFT_HD void operator()(const Team& team, std::size_t index) const {
    const auto group = in.at(team, index);
    const std::size_t size = in.group_size();
    const T* const weight = w + index * size;
    T* const result = dx + index * size;
    number* const product = products + index * in.channels;
    number* const total = sums + index * in.channels;
    team.map(in.channels, in.pixels, result, [&](std::size_t c, std::size_t i, auto v) {
      return Activation::df(group.z(c, i, v)) * group.at(weight, i, v);
    });
    team.template reduce_rows<sum, number>(
        in.channels, in.pixels,
        [&](std::size_t, std::size_t i, auto v) { return group.at(result, i, v); },
        [&](std::size_t c, number sum) { total[c] = sum; });
    team.template reduce_rows<sum, number>(
        in.channels, in.pixels,
        [&](std::size_t, std::size_t i, auto v) {
          return group.at(result, i, v) * group.normalised(i, v);
        },
        [&](std::size_t c, number sum) { product[c] = sum; });
    number weighted_total(0), weighted_product(0);
    for (std::size_t c = 0; c < in.channels; ++c) {
      weighted_total += group.scale(c) * total[c];
      weighted_product += group.scale(c) * product[c];
    }
    const number share = number(1) / static_cast<number>(size);
    team.map(in.channels, in.pixels, result, [&](std::size_t c, std::size_t i, auto v) {
      using V = decltype(v);
      const V others = V(weighted_total) + group.normalised(i, v) * V(weighted_product);
      return V(group.rstd) * (V(group.scale(c)) * group.at(result, i, v) - others * V(share));
    });
  }
};

/// f'(z)·(dγ·x̂ + dβ), z as above.
template <class Activation>
struct group_norm_parameter_tangent {
  template <class T>
  LIFT_HD T operator()(T x, T mean, T rstd, T gamma, T beta, T dgamma, T dbeta) const {
    const T normalised = (x - mean) * rstd;
    return Activation::df(gamma * normalised + beta) * (dgamma * normalised + dbeta);
  }
};

}  // namespace lift::kernel
