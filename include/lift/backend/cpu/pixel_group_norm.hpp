// SPDX-License-Identifier: MIT
#pragma once

// Group normalisation and an activation of images with the channels last, without derivatives:
// op/group_norm.hpp has the formulas.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include <lift/backend/cpu/rough_exp2.hpp>
#include <lift/backend/cpu/simd_lanes.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/backend/group_norm_geometry.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/op/silu.hpp>

namespace lift::detail {

/// Some groups of the channels of one image. Vectors run along the channels, and each channel has
/// its own sums; what is left of a vector's length is done number by number.
/// An activation of numbers that are rounded to bfloat16.
template <class Activation>
struct rough {
  template <class V>
  static V f(const V& x) { return Activation::f(x); }
};
template <>
struct rough<op::silu> {
  static float f(float x) { return op::silu::f(x); }
  static xsimd::batch<float> f(const xsimd::batch<float>& x) {
    using batch = xsimd::batch<float>;
    // Beyond e¹²⁶ the result is as good as 0.
    const batch exponent = xsimd::min(x * batch(-std::numbers::log2e_v<float>), batch(126.0f));
    const batch below = batch(1.0f) + rough_exp2(exponent), inverse = xsimd::reciprocal(below);
    return x * inverse * (batch(2.0f) - below * inverse);  // a step of Newton's
  }
};

template <class Activation, class T>
class pixel_groups {
  using number = accumulator_t<T>;
  using batch = simd_lanes<T>;

 public:
  /// Groups [first, first + groups) of image `image`.
  pixel_groups(const group_norm_geometry& g, std::size_t image, std::size_t first,
               std::size_t groups, const T* x, T* y)
      : g_(g),
        groups_(groups),
        first_(first * g.channels),
        channels_(groups * g.channels),
        pitch_(g.groups * g.channels),
        x_(x + image * g.pixels * pitch_ + first_),
        y_(y + image * g.pixels * pitch_ + first_) {}

  void operator()(number epsilon, const T* gamma, const T* beta) const {
    // y = f(x·factor + offset), channel by channel.
    const scratch<number> factor(channels_ + batch::size), offset(channels_ + batch::size);
    sum(factor, offset);
    for (std::size_t group = 0; group < groups_; ++group) {
      number *const mean = factor + group * g_.channels, *const squares = offset + group * g_.channels;
      const number pixels = static_cast<number>(g_.pixels), size = pixels * static_cast<number>(g_.channels);
      number total = 0, whole = 0;
      for (std::size_t c = 0; c < g_.channels; ++c) total += mean[c];
      const number group_mean = total / static_cast<number>(g_.channels);
      for (std::size_t c = 0; c < g_.channels; ++c) {
        const number deviation = mean[c] - group_mean;
        whole += squares[c] + pixels * deviation * deviation;
      }
      const number rstd = number(1) / std::sqrt(whole / size + epsilon);
      for (std::size_t c = 0; c < g_.channels; ++c) {
        const std::size_t channel = first_ + group * g_.channels + c;
        mean[c] = number(gamma[channel]) * rstd;
        squares[c] = number(beta[channel]) - group_mean * mean[c];
      }
    }
    activate(factor, offset);
  }

 private:
  /// Each channel's mean, and its sum of squared deviations from that.
  void sum(number* means, number* squares) const {
    const auto channel = [&](std::size_t c, auto v) {
      using V = decltype(v);
      // Deviations from the first pixel, so that little is lost where the mean is far from 0.
      const V shift = load(x_ + c, v);
      V sums[2] = {V(0), V(0)}, products[2] = {V(0), V(0)};
      const auto add = [&](std::size_t strand, std::size_t pixel) {
        const V d = load(x_ + pixel * pitch_ + c, v) - shift;
        sums[strand] += d;
        products[strand] += d * d;
      };
      std::size_t i = 0;
      for (; i + 2 <= g_.pixels; i += 2) {
        add(0, i);
        add(1, i + 1);
      }
      if (i < g_.pixels) add(0, i);
      const V total = sums[0] + sums[1], share = V(number(1) / static_cast<number>(g_.pixels));
      store(shift + total * share, means + c);
      store(products[0] + products[1] - total * total * share, squares + c);
    };
    for_each_channel(channel);
  }

  void activate(const number* factor, const number* offset) const {
    for (std::size_t i = 0; i < g_.pixels; ++i)
      for_each_channel([&](std::size_t c, auto v) {
        using V = decltype(v);
        store(V(rough<Activation>::f(load(x_ + i * pitch_ + c, v) * load(factor + c, v) +
                              load(offset + c, v))),
              y_ + i * pitch_ + c);
      });
  }

  template <class Body>
  void for_each_channel(const Body& body) const {
    std::size_t c = 0;
    for (; c + batch::size <= channels_; c += batch::size) body(c, batch());
    for (; c < channels_; ++c) body(c, number());
  }
  template <class U>
  static number load(const U* p, number) { return static_cast<number>(*p); }
  template <class U>
  static batch load(const U* p, const batch&) { return load_lanes(p); }
  template <class U>
  static void store(number x, U* p) { *p = static_cast<U>(x); }
  template <class U>
  static void store(const batch& x, U* p) { store_lanes(x, p); }

  const group_norm_geometry& g_;
  std::size_t groups_, first_, channels_, pitch_;
  const T* x_;
  T* y_;
};

/// y = f(γ·x̂ + β) of every group of every image, x and y (B, pixels, groups·channels).
template <class Activation, class T>
void normalise_pixels(const group_norm_geometry& g, accumulator_t<T> epsilon, const T* x,
                      const T* gamma, const T* beta, T* y) {
  if (g.batch * g.groups * g.channels * g.pixels == 0) return;
  // A cache line or more of channels in a task.
  const std::size_t at_once =
      std::clamp<std::size_t>(ceil_div(64 / sizeof(T), g.channels), 1, g.groups);
  const std::size_t tasks = ceil_div(g.groups, at_once);
  default_thread_pool().run(g.batch * tasks, [&](std::size_t task) {
    const std::size_t first = task % tasks * at_once;
    pixel_groups<Activation, T>(g, task / tasks, first, std::min(at_once, g.groups - first), x, y)(
        epsilon, gamma, beta);
  });
}

}  // namespace lift::detail
