// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/backend/backend.hpp>
#include <lift/op/normalised_groups.hpp>
#include <lift/op/primitive.hpp>

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
  /// of each image, and a bias (C), one for each channel. Both are given or neither, which is nothing.
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

  /// Whether the backend normalises such images itself, and so adds what is to be added as it reads.
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
    const bool adds_some = !added.vectors.empty() || !added.bias.empty();
    require(!adds_some || added.vectors.shape() == shape{s[0], s[1]},
            "group_norm: shape of the vectors that are added", added.vectors.shape(), shape{s[0], s[1]});
    require(!adds_some || added.bias.shape() == shape{s[1]},
            "group_norm: shape of the bias that is added", added.bias.shape(), shape{s[1]});
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
    if (kept.x.size() == 0)
      return Tensor(given.empty() ? kept.x.shape() : given.shape(), kept.x.layout());
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
    if (count > 0) Tensor::backend_type::for_each_team(count, f, 4 * s.x.size() / count);
  }
};

/// Group normalisation alone.
using group_norm = activated_group_norm<no_activation>;

}  // namespace lift::op
