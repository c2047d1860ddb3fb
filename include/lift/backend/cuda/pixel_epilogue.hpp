// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/index_divider.hpp>
#include <lift/backend/thrust/packet.hpp>
#include <lift/tensor/storage.hpp>

namespace lift::kernel {

/// A packet of N channels of a pixel of results (B, pixels, O), channels last, with a convolution's
/// epilogue.
template <class T, std::size_t N>
struct finish_pixels {
  index_divider channels, pixels;  // channels in packets
  convolution_epilogue<T> epilogue;
  T* result;

  finish_pixels(std::size_t out_channels, std::size_t area, const convolution_epilogue<T>& e, T* y)
      : channels(out_channels / N), pixels(area), epilogue(e), result(y) {}

  LIFT_HD void operator()(std::size_t i) const {
    using A = accumulator_t<T>;
    auto image = static_cast<std::uint32_t>(i);
    const std::uint32_t channel = channels.split(image);
    pixels.split(image);
    packet<T, N>& here = packets<N>(result)[i];
    A sums[N];
    for (std::size_t k = 0; k < N; ++k) sums[k] = static_cast<A>(here.of[k]);
    const auto add = [&](const T* from, std::size_t at) {
      if (!from) return;
      const packet<T, N> more = packets<N>(from)[at];
      for (std::size_t k = 0; k < N; ++k) sums[k] += static_cast<A>(more.of[k]);
    };
    add(epilogue.bias, channel);
    add(epilogue.vectors, std::size_t{image} * channels.divisor() + channel);
    add(epilogue.images, i);
    packet<T, N> finished;
    for (std::size_t k = 0; k < N; ++k)
      finished.of[k] = static_cast<T>(epilogue.rectify && sums[k] < A(0) ? A(0) : sums[k]);
    here = finished;
  }
};

/// A packet of N channels of a pixel of two images' joined channels, channels last, a bias added to
/// those of the first.
template <class T, std::size_t N>
struct join_pixels {
  index_divider channels;  // of a result, in packets, as all counts here
  std::uint32_t first_channels;
  const T *first, *bias, *second;  // bias: null for none
  T* result;

  join_pixels(std::size_t a_channels, const T* a, const T* a_bias, std::size_t b_channels,
              const T* b, T* y)
      : channels((a_channels + b_channels) / N),
        first_channels(static_cast<std::uint32_t>(a_channels / N)),
        first(a),
        bias(a_bias),
        second(b),
        result(y) {}

  LIFT_HD void operator()(std::size_t i) const {
    using A = accumulator_t<T>;
    auto pixel = static_cast<std::uint32_t>(i);
    const std::uint32_t channel = channels.split(pixel);
    packet<T, N> here;
    if (channel >= first_channels) {
      here = packets<N>(second)[pixel * (channels.divisor() - first_channels) +
                                (channel - first_channels)];
    } else {
      here = packets<N>(first)[pixel * first_channels + channel];
      if (bias) {
        const packet<T, N> more = packets<N>(bias)[channel];
        for (std::size_t k = 0; k < N; ++k)
          here.of[k] = static_cast<T>(static_cast<A>(here.of[k]) + static_cast<A>(more.of[k]));
      }
    }
    packets<N>(result)[i] = here;
  }
};

}  // namespace lift::kernel
