// SPDX-License-Identifier: MIT
#pragma once

// Convolutions whose numbers are bfloat16 with the channels of a pixel side by side (B, H, W, C), as
// tensor cores take them, for tensors that are not: they are transposed and rounded on the way in,
// and back on the way out.

#include <cstddef>
#include <cstdint>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/convolution_geometry.hpp>
#include <lift/backend/index_divider.hpp>
#include <lift/core/config.hpp>
#include <lift/tensor/bfloat16.hpp>

namespace lift {

/// Channels of one pixel that a thread transposes: 32 bytes of bfloat16, moved at once.
inline constexpr std::size_t transposed_channels = 16;
struct alignas(32) bfloat16_channels {
  bfloat16 of[transposed_channels];
};

/// Where the channels that thread i transposes are, of arrays (B, C, pixels) and (B, pixels, C).
struct transposed_index {
  index_divider pixels, blocks;
  explicit transposed_index(std::size_t channels, std::size_t area)
      : pixels(area), blocks(channels / transposed_channels) {}

  struct position {
    std::size_t planes;  ///< at the first channel, of which the next is `pixels` further
    std::size_t last;    ///< in blocks of channels
    std::uint32_t channel, image;
  };
  LIFT_HD position operator()(std::size_t i) const {
    auto image = static_cast<std::uint32_t>(i);
    const std::uint32_t pixel = pixels.split(image), block = blocks.split(image);
    const std::size_t area = pixels.divisor(), count = blocks.divisor();
    return {(image * count + block) * transposed_channels * area + pixel,
            (image * area + pixel) * count + block,
            static_cast<std::uint32_t>(block * transposed_channels), image};
  }
};

namespace kernel {
/// (B, C, pixels) to (B, pixels, C) by thread i of B·C/16·pixels, neighbours at neighbouring pixels.
struct to_channels_last {
  transposed_index at;
  const float* planes;
  bfloat16_channels* last;
  LIFT_HD void operator()(std::size_t i) const {
    const auto position = at(i);
    bfloat16_channels transposed;
    for (std::size_t k = 0; k < transposed_channels; ++k)
      transposed.of[k] = bfloat16(planes[position.planes + k * at.pixels.divisor()]);
    last[position.last] = transposed;
  }
};

/// The way back, and a convolution's epilogue.
struct from_channels_last {
  transposed_index at;
  const bfloat16_channels* last;
  convolution_epilogue<float> epilogue;
  float* planes;
  LIFT_HD void operator()(std::size_t i) const {
    const auto position = at(i);
    const bfloat16_channels transposed = last[position.last];
    const std::size_t channels = at.blocks.divisor() * transposed_channels;
    for (std::size_t k = 0; k < transposed_channels; ++k) {
      const std::size_t element = position.planes + k * at.pixels.divisor();
      const std::size_t channel = position.channel + k;
      planes[element] = epilogue.added_to(static_cast<float>(transposed.of[k]), channel,
                                          position.image * channels + channel, element);
    }
  }
};
}  // namespace kernel

/// A convolution of float32 tensors (B, C, H, W) by one of bfloat16 ones (B, H, W, C), kernels
/// (O, kh, kw, C): `Inner` has forward(image, weight, result), backward_image(result, weight, image)
/// and backward_weight(image, result, weight). A System, as thrust_backend's, gives memory and loops.
template <class System, class Inner>
class channels_last_convolution {
 public:
  /// Whether there are channels enough to transpose.
  static bool suits(const convolution_geometry& g) {
    return g.channels % transposed_channels == 0 && g.out_channels % transposed_channels == 0;
  }
  channels_last_convolution(const convolution_geometry& g, const Inner& inner)
      : inner_(inner), image_{g.batch, g.channels, g.image_area()},
        weight_{g.out_channels, g.channels, g.kernel.area()},
        result_{g.batch, g.out_channels, g.out_area()} {}

  convolution_epilogue<float> forward(const float* image, const float* weight,
                                      const convolution_epilogue<float>& epilogue,
                                      float* result) const {
    const transposed x(image_, image), w(weight_, weight), y(result_);
    inner_.forward(x.data(), w.data(), y.data());
    y.back(result, epilogue);
    return {};
  }
  const float* backward_image(const float* result, const float* weight, const float* bias,
                              float* image) const {
    const transposed y(result_, result), w(weight_, weight), x(image_);
    inner_.backward_image(y.data(), w.data(), x.data());
    x.back(image, {.bias = bias});
    return nullptr;
  }
  void backward_weight(const float* image, const float* result, float* weight) const {
    const transposed x(image_, image), y(result_, result), w(weight_);
    inner_.backward_weight(x.data(), y.data(), w.data());
    w.back(weight, {});
  }

 private:
  struct sizes {
    std::size_t count, channels, area;
    std::size_t size() const { return count * channels * area; }
  };

  /// An array with its channels last.
  class transposed {
   public:
    explicit transposed(const sizes& s) : sizes_(s), memory_(s.size() * sizeof(bfloat16)) {}
    transposed(const sizes& s, const float* planes) : transposed(s) {
      System::for_each(threads(), kernel::to_channels_last{index(), planes, blocks()});
    }
    void back(float* planes, const convolution_epilogue<float>& epilogue) const {
      System::for_each(threads(), kernel::from_channels_last{index(), blocks(), epilogue, planes});
    }
    bfloat16* data() const { return static_cast<bfloat16*>(memory_.data()); }

   private:
    bfloat16_channels* blocks() const { return static_cast<bfloat16_channels*>(memory_.data()); }
    std::size_t threads() const { return sizes_.size() / transposed_channels; }
    transposed_index index() const { return transposed_index(sizes_.channels, sizes_.area); }

    sizes sizes_;
    typename System::block memory_;
  };

  const Inner& inner_;
  sizes image_, weight_, result_;
};

}  // namespace lift
