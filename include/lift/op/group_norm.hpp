// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <type_traits>

#include <lift/op/primitive.hpp>

namespace lift::op {

/// The activation that changes nothing.
struct no_activation {
  template <class T>
  LIFT_HD static T f(const T& x) { return x; }
  template <class T>
  LIFT_HD static T df(const T&) { return T(1); }
};

/// f((x − mean)·rstd·γ + β), f an activation.
template <class Activation>
struct normalise_activate_functor {
  template <class T>
  LIFT_HD T operator()(T x, T mean, T rstd, T gamma, T beta) const {
    return Activation::f((x - mean) * (rstd * gamma) + beta);
  }
};
/// d·f'((x − mean)·rstd·γ + β).
template <class Activation>
struct activation_tangent_functor {
  template <class T>
  LIFT_HD T operator()(T d, T x, T mean, T rstd, T gamma, T beta) const {
    return d * Activation::df((x - mean) * (rstd * gamma) + beta);
  }
};
/// (x − mean)·rstd.
struct normalise_functor {
  template <class T>
  LIFT_HD T operator()(T x, T mean, T rstd) const { return (x - mean) * rstd; }
};
struct squared_deviation_functor {
  template <class T>
  LIFT_HD T operator()(T x, T mean) const { return (x - mean) * (x - mean); }
};
/// d·(x − mean)·rstd.
struct correlation_functor {
  template <class T>
  LIFT_HD T operator()(T d, T x, T mean, T rstd) const { return d * ((x - mean) * rstd); }
};
/// 1/√(s/n + ε) from a sum of n squared deviations.
template <class Number>
struct reciprocal_deviation_functor {
  Number n, epsilon;
  template <class T>
  LIFT_HD T operator()(T s) const {
    using std::sqrt;
    return T(1) / sqrt(s / T(n) + T(epsilon));
  }
};
/// rstd·(d − mean(d) − x̂·mean(x̂·d)) from the two sums over n elements.
template <class Number>
struct normalised_tangent_functor {
  Number n;
  template <class T>
  LIFT_HD T operator()(T d, T x, T mean, T rstd, T sum_d, T sum_xd) const {
    return rstd * (d - (sum_d + (x - mean) * rstd * sum_xd) / T(n));
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

  template <class Tensor>
  struct saved {
    Tensor x, gamma, beta, mean, rstd;  // mean, rstd: (B, groups)
  };

  template <class Tensor>
  auto forward(const Tensor& x, const Tensor& gamma, const Tensor& beta) const {
    output_shape(x.shape(), gamma.shape(), beta.shape());
    using T = typename Tensor::value_type;
    const shape& s = x.shape();
    if constexpr (fused<Tensor>) {
      Tensor y(s), mean({s[0], groups}), rstd({s[0], groups});
      Tensor::backend_type::template normalise<Activation>(
          geometry(s), static_cast<T>(epsilon), x.data(), gamma.data(), beta.data(),
          mean.mutable_data(), rstd.mutable_data(), y.mutable_data());
      return evaluation{y, saved<Tensor>{x, gamma, beta, mean, rstd}};
    } else {
      const std::size_t n = group_size(s);
      const Tensor mean = scaled(group_sums<Tensor>(s, lift::detail::identity_functor{}, each(x)),
                                 T(1) / static_cast<T>(n));
      const Tensor deviations =
          group_sums<Tensor>(s, squared_deviation_functor{}, each(x), spread(mean, n));
      const Tensor rstd = mapped<Tensor>(
          mean.shape(),
          reciprocal_deviation_functor<T>{static_cast<T>(n), static_cast<T>(epsilon)},
          each(deviations));
      Tensor y = mapped<Tensor>(s, normalise_activate_functor<Activation>{}, each(x),
                                spread(mean, n), spread(rstd, n), channels(gamma, s),
                                channels(beta, s));
      return evaluation{y, saved<Tensor>{x, gamma, beta, mean, rstd}};
    }
  }

  template <class Tensor>
  Tensor jvp(const saved<Tensor>& s, const tangents<Tensor, 3>& d) const {
    using B = typename Tensor::backend_type;
    const shape& x = s.x.shape();
    if constexpr (fused<Tensor>) {
      if (d[1].empty() && d[2].empty()) {
        Tensor dy(d[0].shape());
        B::template normalise_tangents<Activation>(
            geometry(x), d[0].size() / s.x.size(), s.x.data(), s.gamma.data(), s.beta.data(),
            s.mean.data(), s.rstd.data(), d[0].data(), dy.mutable_data());
        return dy;
      }
    }
    Tensor dz;
    if (!d[0].empty()) {
      dz = project(s, d[0]);
      B::map(dz.size(), dz.mutable_data(), multiply_functor{}, each(dz), channels(s.gamma, x));
    }
    if (!d[1].empty())
      accumulate(dz, mapped<Tensor>(x, multiply_functor{}, each(normalised(s)), channels(d[1], x)));
    if (!d[2].empty())
      accumulate(dz, mapped<Tensor>(x, lift::detail::identity_functor{}, channels(d[2], x)));
    return through_activation(s, dz);
  }

  template <class Tensor>
  tangents<Tensor, 3> vjp(const saved<Tensor>& s, const Tensor& w,
                          const selection<3>& wanted) const {
    using B = typename Tensor::backend_type;
    const shape& x = s.x.shape();
    tangents<Tensor, 3> g;
    if constexpr (fused<Tensor>) {
      g = {Tensor(x), Tensor(s.gamma.shape()), Tensor(s.gamma.shape())};
      B::template normalise_gradient<Activation>(
          geometry(x), s.x.data(), s.gamma.data(), s.beta.data(), s.mean.data(), s.rstd.data(),
          w.data(), g[0].mutable_data(), g[1].mutable_data(), g[2].mutable_data());
    } else {
      const std::size_t pixels = x.product(2, x.rank());
      const Tensor wz = through_activation(s, w);
      if (wanted[0])
        g[0] = project(s, mapped<Tensor>(x, multiply_functor{}, each(wz), channels(s.gamma, x)));
      if (wanted[1]) {
        g[1] = Tensor(s.gamma.shape());
        B::reduce(sum{}, x[0], x[1], pixels, g[1].mutable_data(), correlation_functor{}, each(wz),
                  each(s.x), spread(s.mean, group_size(x)), spread(s.rstd, group_size(x)));
      }
      if (wanted[2]) {
        g[2] = Tensor(s.gamma.shape());
        B::reduce(sum{}, x[0], x[1], pixels, g[2].mutable_data(),
                  lift::detail::identity_functor{}, each(wz));
      }
    }
    return g;
  }

 private:
  template <class Tensor>
  static constexpr bool fused =
      group_norm_backend<typename Tensor::backend_type, typename Tensor::value_type, Activation>;

  std::size_t group_size(const shape& x) const { return x.product(1, x.rank()) / groups; }
  group_norm_geometry geometry(const shape& x) const {
    return {x[0], groups, x[1] / groups, x.product(2, x.rank())};
  }

  template <class Tensor>
  static operand<typename Tensor::value_type> channels(const Tensor& v, const shape& x) {
    return spread(v, x.product(2, x.rank()));
  }

  /// Sums of f(in...) over each group of a batch of the given shape, (B, groups).
  template <class Tensor, class F, class... In>
  Tensor group_sums(const shape& s, const F& f, const In&... in) const {
    Tensor sums({s[0], groups});
    Tensor::backend_type::reduce(sum{}, 1, sums.size(), group_size(s), sums.mutable_data(), f,
                                 in...);
    return sums;
  }

  template <class Tensor>
  Tensor normalised(const saved<Tensor>& s) const {
    const std::size_t n = group_size(s.x.shape());
    return mapped<Tensor>(s.x.shape(), normalise_functor{}, each(s.x), spread(s.mean, n),
                          spread(s.rstd, n));
  }

  /// f'(z)·d, for one d or K stacked ones.
  template <class Tensor>
  Tensor through_activation(const saved<Tensor>& s, const Tensor& d) const {
    if constexpr (std::is_same_v<Activation, no_activation>) {
      return d;
    } else {
      const shape& x = s.x.shape();
      const std::size_t n = group_size(x);
      return mapped<Tensor>(d.shape(), activation_tangent_functor<Activation>{}, each(d),
                            each(s.x), spread(s.mean, n), spread(s.rstd, n), channels(s.gamma, x),
                            channels(s.beta, x));
    }
  }

  /// P(d), for one d or K stacked ones.
  template <class Tensor>
  Tensor project(const saved<Tensor>& s, const Tensor& d) const {
    using T = typename Tensor::value_type;
    const std::size_t n = group_size(d.shape());
    const operand mean = spread(s.mean, n), rstd = spread(s.rstd, n);
    const Tensor sum_d = group_sums<Tensor>(d.shape(), lift::detail::identity_functor{}, each(d));
    const Tensor sum_xd =
        group_sums<Tensor>(d.shape(), correlation_functor{}, each(d), each(s.x), mean, rstd);
    return mapped<Tensor>(d.shape(), normalised_tangent_functor<T>{static_cast<T>(n)}, each(d),
                          each(s.x), mean, rstd, spread(sum_d, n), spread(sum_xd, n));
  }
};

/// Group normalisation alone.
using group_norm = activated_group_norm<no_activation>;

}  // namespace lift::op
