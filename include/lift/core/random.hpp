// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <lift/core/config.hpp>

namespace lift {

/// What a random number is for; streams of different purposes never overlap.
enum class purpose : std::uint32_t {
  initialisation,     ///< network parameters
  data_order,         ///< shuffling of the training images
  training_timestep,  ///< the timesteps a training step sees
  training_noise,     ///< the forward noise of a training step
  probe,              ///< Hutchinson probes
  heatmap_noise,      ///< the forward noise of a heatmap's images
  initial_noise,      ///< the noise a generated image starts from
  step_noise,         ///< noise added along the sampling path (η > 0)
  evaluation_noise,   ///< the forward noise of a measurement
  label_dropout,      ///< which training images are shown without their label
  subset_order,       ///< the order in which images come into growing sets
};

/// A few numbers of a stream, on a device too.
template <class T, std::size_t Count>
struct random_numbers {
  T values[Count];
  LIFT_HD constexpr const T& operator[](std::size_t i) const { return values[i]; }
  LIFT_HD constexpr const T* begin() const { return values; }
  LIFT_HD constexpr const T* end() const { return values + Count; }
};

/// Philox4x32-10 (Salmon et al. 2011): the four random words at a counter, of the family of a key.
LIFT_HD constexpr random_numbers<std::uint32_t, 4> philox(
    random_numbers<std::uint32_t, 4> counter, random_numbers<std::uint32_t, 2> key) {
  auto& [c0, c1, c2, c3] = counter.values;
  auto& [k0, k1] = key.values;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c0, b = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(b);
    c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(a);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return counter;
}

/// A family of random numbers: one number for every (sample, element).
///
/// Every number is a pure function of (seed, purpose, scale, step, sample, element) through the
/// counter-based generator Philox4x32-10, so it does not depend on the backend, the batch size, the
/// number of threads or the order in which numbers are asked for.
struct random_stream {
  std::uint64_t seed = 42;
  purpose use = purpose::initial_noise;
  std::uint32_t scale = 0;  ///< from 0, the finest; below 256
  std::uint32_t step = 0;   ///< training step, sampling step, epoch or grid point

  /// Four 32-bit words: block `block` of sample `sample` (below 2^48).
  LIFT_HD random_numbers<std::uint32_t, 4> bits(std::uint64_t sample, std::uint32_t block) const {
    return philox({{block, static_cast<std::uint32_t>(sample), step,
                    static_cast<std::uint32_t>(use) | scale << 8 |
                        static_cast<std::uint32_t>(sample >> 32) << 16}},
                  {{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}});
  }

  /// One 32-bit word: number `element` of sample `sample`.
  LIFT_HD std::uint32_t word(std::uint64_t sample, std::uint64_t element) const {
    return bits(sample, static_cast<std::uint32_t>(element / 4))[element % 4];
  }

  /// Uniform on the open interval (0, 1), a multiple of 2^-33.
  LIFT_HD double uniform(std::uint64_t sample, std::uint64_t element) const {
    return unit(word(sample, element));
  }

  /// Uniform on the integers 0 … n − 1, n < 2^32 (multiply-shift, bias below n / 2^32).
  LIFT_HD std::uint32_t below(std::uint32_t n, std::uint64_t sample, std::uint64_t element) const {
    return static_cast<std::uint32_t>(std::uint64_t{word(sample, element)} * n >> 32);
  }

  /// −1 or +1 with probability one half each.
  LIFT_HD double rademacher(std::uint64_t sample, std::uint64_t element) const {
    const std::uint32_t bit = word(sample, element / 32) >> (element % 32) & 1u;
    return bit != 0 ? 1.0 : -1.0;
  }

  /// Standard normal numbers 2·pair and 2·pair + 1 of a sample, by the Box–Muller transform.
  LIFT_HD random_numbers<double, 2> normal_pair(std::uint64_t sample, std::uint64_t pair) const {
    const auto words = bits(sample, static_cast<std::uint32_t>(pair / 2));
    const double radius = std::sqrt(-2.0 * std::log(unit(words[pair % 2 * 2])));
    const double angle = 6.283185307179586476925 * unit(words[pair % 2 * 2 + 1]);
    return {{radius * std::cos(angle), radius * std::sin(angle)}};
  }

 private:
  LIFT_HD static double unit(std::uint32_t word) { return (word + 0.5) * 0x1p-32; }
};

}  // namespace lift
