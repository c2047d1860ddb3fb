// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>

#include <lift/backend/backend.hpp>
#include <lift/op/primitive.hpp>

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

namespace lift::op {

/// The activation that changes nothing.
struct no_activation {
  template <class T>
  LIFT_HD static T f(const T& x) {
    return x;
  }
  template <class T>
  LIFT_HD static T df(const T&) {
    return T(1);
  }
};

/// Group normalisation (Wu & He 2018) and an activation f, a type with f and df as a pointwise
/// primitive: x̂ = (x − mean)/√(var + ε) over each of `groups` groups of channels of each image,
/// z = γ_c·x̂ + β_c, y = f(z);  x (B, C, …), γ (C), β (C).
///
/// With P(d) = (d − mean(d) − x̂·mean(x̂·d))/√(var + ε), which is symmetric, and w' = f'(z)·w:
/// dy = f'(z)·(γ·P(dx) + dγ·x̂ + dβ),  Jᵀw = (P(γ·w'), Σ w'·x̂, Σ w'). The rules recompute z.
/// Stacked tangents of x share the primal's statistics; those of γ and β are not stacked.
template <class Activation>
struct activated_group_norm {
  static constexpr const char* name = "group_norm";
  static constexpr std::size_t inputs = 3;

  std::size_t groups = 8;
  double epsilon = 1e-5;

  shape output_shape(const shape& x, const shape& gamma, const shape& beta) const {
    require(x.rank() >= 2 && x[1] % groups == 0, "group_norm: shape of the image", x,
            text("channels in a multiple of ", groups));
    require(gamma == shape{x[1]}, "group_norm: shape of the scale", gamma, shape{x[1]});
    require(beta == shape{x[1]}, "group_norm: shape of the offset", beta, shape{x[1]});
    return x;
  }

  /// What is added to images before they are normalised: vectors (B, C), a number for each channel
  /// of each image, and a bias (C), one for each channel. Two empty tensors: nothing is.
  template <class Tensor>
  struct addends {
    Tensor vectors, bias;
  };

  template <class Tensor>
  struct saved {
    Tensor x, gamma, beta;
    addends<Tensor> added;
    typename Tensor::accumulators mean, rstd;  // (B, groups)
  };

  /// Whether the backend adds what is to be added to such images as it reads them.
  template <class Tensor>
  static bool adds(const Tensor& x) {
    return for_pixels<Tensor> && x.layout() == memory_layout::channels_last;
  }

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& gamma, const Tensor& beta) const {
    return forward(x, gamma, beta, {});
  }
  /// The same of images and what is added to them; the rules take derivatives in their sum.
  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& gamma, const Tensor& beta,
               const addends<Tensor>& added) const {
    using T = typename Tensor::value_type;
    using statistics = typename Tensor::accumulators;
    const shape s = output_shape(x.shape(), gamma.shape(), beta.shape()), each_group{s[0], groups};
    saved<Tensor> kept{x, gamma, beta, added, statistics(each_group), statistics(each_group)};
    if constexpr (for_pixels<Tensor>)
      if (adds(x)) {
        Tensor y(s, x.layout());
        Tensor::backend_type::template normalise_pixels<Activation>(
            geometry(s), input(kept, x), static_cast<accumulator_t<T>>(epsilon),
            kept.mean.mutable_data(), kept.rstd.mutable_data(), y.mutable_data());
        return evaluation{y, kept};
      }
    kept = in_channels_first(kept);
    Tensor first(s);
    for_each_group(
        kept, kernel::group_norm<Activation, T>{
                  groups_of(kept), static_cast<accumulator_t<T>>(epsilon), first.mutable_data()});
    return evaluation{first.in_layout(x.layout()), kept};
  }

  template <class Tensor>
  Tensor jvp(const saved<Tensor>& kept, const tangents<Tensor, 3>& d) const {
    using T = typename Tensor::value_type;
    const auto& [given, dgamma, dbeta] = d;
    if constexpr (for_pixels<Tensor>)
      if (adds(given) && dgamma.empty() && dbeta.empty()) {
        const Tensor x = kept.x.in_layout(given.layout());
        Tensor dy(given.shape(), given.layout());
        Tensor::backend_type::template normalise_pixels_tangents<Activation>(
            geometry(x.shape()), input(kept, x), kept.mean.data(), kept.rstd.data(),
            given.size() / x.size(), given.data(), dy.mutable_data());
        return dy;
      }
    const saved<Tensor> s = in_channels_first(kept);
    const Tensor dx = channels_first(given);
    const shape& x = s.x.shape();
    Tensor dy;
    if (!dx.empty()) {
      dy = Tensor(dx.shape());
      for_each_group(s, kernel::group_norm_tangents<Activation, T>{
                            groups_of(s), dx.size() / s.x.size(), dx.data(), dy.mutable_data()});
    }
    if (dgamma.empty() && dbeta.empty()) return dy.in_layout(given.layout());
    const std::size_t pixels = x.product(2, x.rank()), n = x[1] / groups * pixels;
    const Tensor zero = zeros<Tensor>(s.gamma.shape());
    const auto channels = [&](const Tensor& v) { return spread(v.empty() ? zero : v, pixels); };
    accumulate(dy, mapped<Tensor>(x, kernel::group_norm_parameter_tangent<Activation>{}, each(s.x),
                                  spread(s.mean, n), spread(s.rstd, n), channels(s.gamma),
                                  channels(s.beta), channels(dgamma), channels(dbeta)));
    return dy.in_layout(given.layout());
  }

  template <class Tensor>
  tangents<Tensor, 3> vjp(const saved<Tensor>& s, const Tensor& w, const selection<3>&) const {
    using numbers = typename Tensor::accumulators;
    const shape& x = s.x.shape();
    numbers products(shape{x[0], x[1]}), sums(shape{x[0], x[1]});
    tangents<Tensor, 3> g{image_gradient(s, w, products, sums), Tensor(s.gamma.shape()),
                          Tensor(s.gamma.shape())};
    const auto over_batch = [&](const numbers& from, Tensor& to) {
      Tensor::backend_type::reduce(sum{}, x[0], x[1], 1, to.mutable_data(), kernel::identity{},
                                   each(from));
    };
    over_batch(products, g[1]);
    over_batch(sums, g[2]);
    return g;
  }

 private:
  /// Whether the backend does it for images with the channels last.
  template <class Tensor>
  static constexpr bool for_pixels =
      pixel_group_norm_backend<typename Tensor::backend_type, typename Tensor::value_type,
                               Activation>;
  group_norm_geometry geometry(const shape& x) const {
    return {x[0], groups, x[1] / groups, x.product(2, x.rank())};
  }

  /// x, which is the saved one in a layout, and what is saved beside it.
  template <class Tensor>
  static group_norm_input<typename Tensor::value_type> input(const saved<Tensor>& s,
                                                             const Tensor& x) {
    return {.x = x.data(),
            .gamma = s.gamma.data(),
            .beta = s.beta.data(),
            .vectors = s.added.vectors.data(),
            .bias = s.added.bias.data()};
  }

  /// The images with the channels first and with what is added to them.
  template <class Tensor>
  static saved<Tensor> in_channels_first(saved<Tensor> s) {
    s.x = channels_first(s.x);
    if (s.added.vectors.empty()) return s;
    const auto& [vectors, bias] = s.added;
    const auto sums = mapped<typename Tensor::accumulators>(vectors.shape(), kernel::add{},
                                                            each(vectors), each(bias));
    const shape& x = s.x.shape();
    s.x = mapped<Tensor>(x, kernel::add{}, each(s.x), spread(sums, x.product(2, x.rank())));
    s.added = {};
    return s;
  }

  /// P(γ·w') in the layout of w, and for each channel of each image Σ w'·x̂ and Σ w'.
  template <class Tensor>
  Tensor image_gradient(const saved<Tensor>& kept, const Tensor& w,
                        typename Tensor::accumulators& products,
                        typename Tensor::accumulators& sums) const {
    using T = typename Tensor::value_type;
    if constexpr (for_pixels<Tensor>)
      if (adds(w)) {
        const Tensor x = kept.x.in_layout(w.layout());
        Tensor g(x.shape(), w.layout());
        Tensor::backend_type::template normalise_pixels_gradient<Activation>(
            geometry(x.shape()), input(kept, x), kept.mean.data(), kept.rstd.data(), w.data(),
            g.mutable_data(), products.mutable_data(), sums.mutable_data());
        return g;
      }
    const saved<Tensor> s = in_channels_first(kept);
    const Tensor weights = channels_first(w);
    Tensor g(s.x.shape());
    for_each_group(s, kernel::group_norm_gradient<Activation, T>{
                          groups_of(s), weights.data(), g.mutable_data(), products.mutable_data(),
                          sums.mutable_data()});
    return g.in_layout(w.layout());
  }

  template <class Tensor>
  auto groups_of(const saved<Tensor>& s) const {
    using T = typename Tensor::value_type;
    const shape& x = s.x.shape();
    auto mean = s.mean, rstd = s.rstd;  // handles: forward writes the elements
    return kernel::normalised_groups<T>{.batch = x[0],
                                        .groups = groups,
                                        .channels = x[1] / groups,
                                        .pixels = x.product(2, x.rank()),
                                        .x = s.x.data(),
                                        .gamma = s.gamma.data(),
                                        .beta = s.beta.data(),
                                        .mean = mean.mutable_data(),
                                        .rstd = rstd.mutable_data()};
  }

  template <class Tensor, class Functor>
  void for_each_group(const saved<Tensor>& s, const Functor& f) const {
    const std::size_t count = s.x.shape()[0] * groups;
    Tensor::backend_type::for_each_team(count, f, 4 * s.x.size() / count);
  }
};

/// Group normalisation alone.
using group_norm = activated_group_norm<no_activation>;

}  // namespace lift::op
