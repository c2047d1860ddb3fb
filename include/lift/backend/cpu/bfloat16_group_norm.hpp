// SPDX-License-Identifier: MIT
#pragma once

// Group normalisation and an activation of bfloat16 images with the channels last, their tangents
// and their gradient: op/group_norm.hpp has the formulas.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>

#include <lift/backend/cpu/partial_lanes.hpp>
#include <lift/backend/cpu/rough_exp2.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/backend/group_norm_geometry.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::op {
struct silu;
}

namespace lift::detail {

/// An activation of what is rounded to bfloat16.
template <class Activation>
struct rough : Activation {};
template <>
struct rough<op::silu> {
  using batch = xsimd::batch<float>;
  static batch s(const batch& x) {
    // Beyond 2¹²⁶ the result is as good as 0.
    const batch exponent = xsimd::min(x * batch(-std::numbers::log2e_v<float>), batch(126.0f));
    return rough_inverse(batch(1.0f) + rough_exp2(exponent));
  }
  static batch f(const batch& x) { return x * s(x); }
  static batch df(const batch& x) {
    const batch y = s(x);
    return y * (batch(1.0f) + x * (batch(1.0f) - y));
  }
};

/// Some groups of the channels of one image. Vectors run along the channels, the last one perhaps
/// with fewer of them, and each channel has its own sums.
template <class Activation>
class pixel_groups {
  using batch = xsimd::batch<float>;

 public:
  /// Groups [first, first + groups) of image `image`.
  pixel_groups(const group_norm_geometry& g, std::size_t image, std::size_t first,
               std::size_t groups, const group_norm_input<bfloat16>& in)
      : g_(g),
        groups_(groups),
        channels_(groups * g.channels),
        pitch_(g.groups * g.channels),
        statistics_(image * g.groups + first),
        images_(image * g.pixels * pitch_ + first * g.channels),
        vectors_(image * pitch_ + first * g.channels),
        x_(in.x + images_),
        gamma_(in.gamma + first * g.channels),
        beta_(in.beta + first * g.channels),
        added_(channels_) {
    for (std::size_t c = 0; c < channels_; ++c) {
      added_[c] = 0;
      if (in.vectors) added_[c] += in.vectors[vectors_ + c];
      if (in.bias) added_[c] += in.bias[first * g.channels + c];
    }
  }

  /// mean and rstd (B, groups), y = f(γ·x̂ + β).
  void normalise(float epsilon, float* mean, float* rstd, bfloat16* y) const {
    y += images_;
    const scratch<float> means(room()), squares(room());
    sum(means, squares);
    for (std::size_t c = 0; c < channels_; ++c) means[c] += added_[c];
    for (std::size_t group = 0; group < groups_; ++group) {
      const float* const of = means + group * g_.channels;
      const float* const deviations = squares + group * g_.channels;
      const float pixels = static_cast<float>(g_.pixels),
                  channels = static_cast<float>(g_.channels);
      float total = 0, square = 0;
      for (std::size_t c = 0; c < g_.channels; ++c) total += of[c];
      const float middle = total / channels;
      for (std::size_t c = 0; c < g_.channels; ++c)
        square += deviations[c] + pixels * (of[c] - middle) * (of[c] - middle);
      mean[statistics_ + group] = middle;
      rstd[statistics_ + group] = 1 / std::sqrt(square / (pixels * channels) + epsilon);
    }
    float *const factor = means, *const offset = squares;  // z = factor·x + offset
    affine(mean, rstd, factor, offset);
    for_each_pixel([&](std::size_t at, std::size_t c, auto n) {
      store_lanes(rough<Activation>::f(load_lanes(x_ + at, n) * load_lanes(factor + c) +
                                       load_lanes(offset + c)),
                  y + at, n);
    });
  }

  /// dy = f'(z)·γ·P(d) of stacked tangents d, so many images apart.
  void differentiate_along(const float* mean, const float* rstd, std::size_t tangents,
                           const bfloat16* d, bfloat16* dy) const {
    const scratch<float> factor(room()), offset(room()), scale(room()), shift(room()), sums(room()),
        products(room()), of_x(room()), of_one(room());
    affine(mean, rstd, factor, offset);
    standard(mean, rstd, scale, shift);
    const float share = 1 / static_cast<float>(g_.pixels * g_.channels);
    for (std::size_t k = 0; k < tangents; ++k) {
      const std::size_t first = k * g_.batch * g_.pixels * pitch_ + images_;
      const bfloat16* const tangent = d + first;
      for_each_lanes<float>(channels_, [&](std::size_t c, auto n) {
        const batch s = load_lanes(scale + c), t = load_lanes(shift + c);
        batch total(0.0f), product(0.0f);
        for (std::size_t i = 0, at = c; i < g_.pixels; ++i, at += pitch_) {
          const batch here = load_lanes(tangent + at, n);
          total += here;
          product += here * (load_lanes(x_ + at, n) * s + t);
        }
        store_lanes(total, sums + c);
        store_lanes(product, products + c);
      });
      // P(d) = rstd·(d − (Σd + x̂·Σd·x̂)/n), the sums over a group: γ·P(d) = factor·d + of_x·x + of_one.
      for_each_group([&](std::size_t begin, std::size_t end) {
        const float total = share * std::accumulate(sums + begin, sums + end, 0.0f),
                    product = share * std::accumulate(products + begin, products + end, 0.0f);
        for (std::size_t c = begin; c < end; ++c) {
          of_x[c] = -factor[c] * scale[c] * product;
          of_one[c] = -factor[c] * (total + shift[c] * product);
        }
      });
      for_each_pixel([&](std::size_t at, std::size_t c, auto n) {
        const batch x = load_lanes(x_ + at, n), a = load_lanes(factor + c);
        store_lanes(rough<Activation>::df(x * a + load_lanes(offset + c)) *
                        (load_lanes(tangent + at, n) * a + x * load_lanes(of_x + c) +
                         load_lanes(of_one + c)),
                    dy + first + at, n);
      });
    }
  }

  /// With w' = f'(z)·w: dx, and for each channel of each image Σ w'·x̂ and Σ w'.
  void differentiate(const float* mean, const float* rstd, const bfloat16* w, bfloat16* dx,
                     float* products, float* sums) const {
    w += images_;
    dx += images_;
    products += vectors_;
    sums += vectors_;
    const scratch<float> factor(room()), offset(room()), scale(room()), shift(room());
    affine(mean, rstd, factor, offset);
    standard(mean, rstd, scale, shift);
    for_each_lanes<float>(channels_, [&](std::size_t c, auto n) {
      const batch a = load_lanes(factor + c), b = load_lanes(offset + c), s = load_lanes(scale + c),
                  t = load_lanes(shift + c);
      batch total(0.0f), product(0.0f);
      for (std::size_t i = 0, at = c; i < g_.pixels; ++i, at += pitch_) {
        const batch here = load_lanes(x_ + at, n);
        store_lanes(rough<Activation>::df(here * a + b) * load_lanes(w + at, n), dx + at, n);
        const batch change =
            load_lanes(dx + at, n);  // rounded: the sums are of what they are taken from
        total += change;
        product += change * (here * s + t);
      }
      store_lanes(total, sums + c, n);
      store_lanes(product, products + c, n);
    });
    // dx = rstd·(γ·w' − (Σγw' + x̂·Σγw'x̂)/n), the sums over a group, = factor·w' + scale·x + shift.
    const float share = 1 / static_cast<float>(g_.pixels * g_.channels);
    for_each_group([&](std::size_t begin, std::size_t end) {
      float total = 0, product = 0;
      for (std::size_t c = begin; c < end; ++c) {
        total += gamma_[c] * sums[c];
        product += gamma_[c] * products[c];
      }
      for (std::size_t c = begin; c < end; ++c) {
        const float r = scale[c];
        scale[c] = -r * r * product * share;
        shift[c] = -r * (total + shift[c] * product) * share;
      }
    });
    for_each_pixel([&](std::size_t at, std::size_t c, auto n) {
      store_lanes(load_lanes(factor + c) * load_lanes(dx + at, n) +
                      load_lanes(scale + c) * load_lanes(x_ + at, n) + load_lanes(shift + c),
                  dx + at, n);
    });
  }

 private:
  /// Of a number of each channel, for whole vectors.
  std::size_t room() const { return channels_ + batch::size; }

  /// Each channel's mean, and its sum of squared deviations from that.
  void sum(float* means, float* squares) const {
    for_each_lanes<float>(channels_, [&](std::size_t c, auto n) {
      const batch share(1 / static_cast<float>(g_.pixels));
      const batch mean =
          share * sum_of_pixels([&](std::size_t i) { return load_lanes(x_ + i + c, n); });
      store_lanes(mean, means + c);
      store_lanes(sum_of_pixels([&](std::size_t i) {
                    const batch deviation = load_lanes(x_ + i + c, n) - mean;
                    return deviation * deviation;
                  }),
                  squares + c);
    });
  }
  /// The sum of f(element) over the pixels, 64 of them at a time, so that sums of many equal
  /// numbers stay exact enough.
  template <class F>
  batch sum_of_pixels(const F& f) const {
    constexpr std::size_t at_once = 64;
    batch total(0.0f);
    for (std::size_t first = 0; first < g_.pixels; first += at_once) {
      const std::size_t last = std::min(g_.pixels, first + at_once);
      batch even(0.0f), odd(0.0f);
      std::size_t i = first;
      for (; i + 2 <= last; i += 2) {
        even += f(i * pitch_);
        odd += f((i + 1) * pitch_);
      }
      if (i < last) even += f(i * pitch_);
      total += even + odd;
    }
    return total;
  }

  /// γ·x̂ + β = factor·x + offset of each channel.
  void affine(const float* mean, const float* rstd, float* factor, float* offset) const {
    line([&](std::size_t c) { return float(gamma_[c]); },
         [&](std::size_t c) { return float(beta_[c]); }, mean, rstd, factor, offset);
  }
  /// x̂ = scale·x + shift.
  void standard(const float* mean, const float* rstd, float* scale, float* shift) const {
    line([](std::size_t) { return 1.0f; }, [](std::size_t) { return 0.0f; }, mean, rstd, scale, shift);
  }
  /// slope(c)·x̂ + start(c) = factor·x + offset, x without what is added to it; 0 behind the last channel.
  template <class Slope, class Start>
  void line(const Slope& slope, const Start& start, const float* mean, const float* rstd,
            float* factor, float* offset) const {
    for_each_group([&](std::size_t begin, std::size_t end) {
      const std::size_t group = statistics_ + begin / g_.channels;
      for (std::size_t c = begin; c < end; ++c) {
        factor[c] = slope(c) * rstd[group];
        offset[c] = start(c) + (added_[c] - mean[group]) * factor[c];
      }
    });
    for (float* const numbers : {factor, offset}) std::fill_n(numbers + channels_, batch::size, 0.0f);
  }

  /// Calls body(begin, end) for the channels of each group.
  template <class Body>
  void for_each_group(const Body& body) const {
    for (std::size_t c = 0; c < channels_; c += g_.channels) body(c, c + g_.channels);
  }
  /// Calls body(element, c, n) for n channels from c on of each pixel.
  template <class Body>
  void for_each_pixel(const Body& body) const {
    for (std::size_t i = 0; i < g_.pixels; ++i)
      for_each_lanes<float>(channels_, [&](std::size_t c, auto n) { body(i * pitch_ + c, c, n); });
  }

  const group_norm_geometry& g_;
  std::size_t groups_, channels_, pitch_, statistics_, images_, vectors_;
  const bfloat16 *x_, *gamma_, *beta_;
  scratch<float> added_;  // to each channel
};

/// Calls body(groups) for some groups of some image at a time.
template <class Activation, class Body>
void for_each_pixel_groups(const group_norm_geometry& g, const group_norm_input<bfloat16>& in,
                           const Body& body) {
  if (g.batch * g.groups * g.channels == 0) return;
  // A cache line or more of channels in a task.
  const std::size_t at_once =
      std::clamp<std::size_t>(ceil_div(64 / sizeof(bfloat16), g.channels), 1, g.groups);
  const std::size_t tasks = ceil_div(g.groups, at_once);
  default_thread_pool().run(g.batch * tasks, [&](std::size_t task) {
    const std::size_t first = task % tasks * at_once;
    body(pixel_groups<Activation>(g, task / tasks, first, std::min(at_once, g.groups - first), in));
  });
}

}  // namespace lift::detail
