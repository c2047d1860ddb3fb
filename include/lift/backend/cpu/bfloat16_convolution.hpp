// SPDX-License-Identifier: MIT
#pragma once

// Convolutions of bfloat16 images with the channels last, and their adjoints in the image, as sums
// over taps (bfloat16_taps.hpp): 32 pixels of a result times 32 of its channels at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/cpu/bfloat16_packing.hpp>
#include <lift/backend/cpu/cache_sizes.hpp>
#include <lift/backend/cpu/partial_lanes.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// Sums over taps of batches of images.
class pixel_convolver {
 public:
  pixel_convolver(const tap_geometry& t, const kernel_strides& strides, memory_layout layout)
      : t_(t),
        kernels_(t_, strides, layout == memory_layout::packed_kernels),
        out_blocks_(ceil_div(t.out_channels, product_side)),
        together_(pixel_strip::images(t_)) {}

  pixel_convolver(const pixel_convolver&) = delete;  // kernels_ refers to t_
  pixel_convolver& operator=(const pixel_convolver&) = delete;

  void operator()(const bfloat16* image, const bfloat16* weight,
                  const convolution_epilogue<bfloat16>& epilogue, bfloat16* out) const {
    if (t_.batch * t_.out_channels * t_.out_area() == 0) return;
    const pixel_strip whole(t_, t_.rows());
    if (t_.batch / together_ * whole.size() * sizeof(bfloat16) <
        out_blocks_ * kernels_.size() * sizeof(bfloat16_pair))
      by_channels(whole, image, weight, epilogue, out);
    else
      by_strips(image, weight, epilogue, out);
  }

 private:
  /// Where an image starts.
  const bfloat16* image_of(const bfloat16* images, std::size_t i) const {
    return images + i * t_.channels * t_.height * t_.width;
  }

  /// Rows of strips that stay in a core's own cache beside kernels, and are enough of them for
  /// several cores.
  std::size_t strip_rows() const {
    constexpr std::size_t least_strips = 8, least_rows = 4;
    const std::size_t row =
        pixel_strip(t_, t_.rows()).size() * sizeof(bfloat16) / (t_.rows() + t_.reach.height);
    const std::size_t most =
        std::max<std::size_t>(1, near_bytes() / 2 / std::max<std::size_t>(row, 1));
    const std::size_t wanted =
        std::max(least_rows, t_.batch / together_ * t_.rows() / least_strips);
    return ceil_div(t_.rows(), ceil_div(t_.rows(), std::min(most, wanted)));
  }

  /// The panels of all channels of the result, one after another; nothing where the weights are.
  work_buffer<bfloat16_pair> packed_kernels(const bfloat16* weight) const {
    if (kernels_.ready()) return {};
    work_buffer<bfloat16_pair> kernels(out_blocks_ * kernels_.size() + 1);  // there may be none
    if (kernels_.by_result())
      parallel_for(out_blocks_, 1, [&](std::size_t i, std::size_t) {
        kernels_.pack_result(weight, i, kernels.data() + i * kernels_.size());
      });
    else
      parallel_for(kernels_.blocks(), 1, [&](std::size_t i, std::size_t) {
        kernels_.pack_input(weight, i, kernels.data());
      });
    return kernels;
  }

  /// The kernels are packed once; each task packs a strip and takes it through all of them.
  void by_strips(const bfloat16* image, const bfloat16* weight,
                 const convolution_epilogue<bfloat16>& epilogue, bfloat16* out) const {
    const auto packed_here = packed_kernels(weight);
    const bfloat16_pair* const kernels = panels_of(weight, packed_here);
    const std::size_t rows = strip_rows(), strips = ceil_div(t_.rows(), rows);
    parallel_for(t_.batch / together_ * strips, 1, [&](std::size_t i, std::size_t) {
      const std::size_t image_at = i / strips * together_, first = i % strips * rows;
      const pixel_strip strip(t_, std::min(rows, t_.rows() - first));
      const scratch<bfloat16> packed(strip.size() + pixel_strip::overread);
      strip.pack(image_of(image, image_at), first, packed);
      const auto steps = steps_of(strip);
      const bfloat16_products_here products;
      for (std::size_t block = 0; block < out_blocks_; ++block)
        multiply(products, kernels + block * kernels_.size(), packed, strip, steps,
                 {image_at, 1, first, block}, epilogue, out);
    });
  }

  /// So many images are packed at once as stay in a core's own cache; each task takes all of them
  /// through 32 channels' kernels.
  void by_channels(const pixel_strip& whole, const bfloat16* image, const bfloat16* weight,
                   const convolution_epilogue<bfloat16>& epilogue, bfloat16* out) const {
    const std::size_t strips = t_.batch / together_,
                      room =
                          near_bytes() / sizeof(bfloat16) / std::max<std::size_t>(whole.size(), 1),
                      rounds = ceil_div(strips, std::clamp<std::size_t>(room, 1, strips)),
                      at_once = ceil_div(strips, rounds);
    work_buffer<bfloat16> packed(at_once * whole.size() + pixel_strip::overread);
    const auto steps = steps_of(whole);
    // Whether each task packs its own kernels.
    const bool own = kernels_.by_result() && !kernels_.ready() && at_once == strips;
    const auto packed_here = own ? work_buffer<bfloat16_pair>() : packed_kernels(weight);
    const bfloat16_pair* const all = panels_of(weight, packed_here);
    for (std::size_t first = 0; first < strips; first += at_once) {
      const std::size_t count = std::min(at_once, strips - first);
      parallel_for(count, 1, [&](std::size_t i, std::size_t) {
        whole.pack(image_of(image, (first + i) * together_), 0, packed.data() + i * whole.size());
      });
      parallel_for(out_blocks_, 1, [&](std::size_t block, std::size_t) {
        const scratch<bfloat16_pair> kernels(own ? kernels_.size() + 1 : 0);
        if (own) kernels_.pack_result(weight, block, kernels);
        const bfloat16_products_here products;
        multiply(products, own ? kernels.data() : all + block * kernels_.size(), packed.data(),
                 whole, steps, {first * together_, count, 0, block}, epilogue, out);
      });
    }
  }

  const bfloat16_pair* panels_of(const bfloat16* weight,
                                 const work_buffer<bfloat16_pair>& packed_here) const {
    return kernels_.ready() ? reinterpret_cast<const bfloat16_pair*>(weight) : packed_here.data();
  }

  std::vector<std::vector<std::uint32_t>> steps_of(const pixel_strip& strip) const {
    std::vector<std::vector<std::uint32_t>> steps;
    for (const auto& taps : t_.taps) steps.push_back(strip.steps(taps));
    return steps;
  }

  /// What is computed at once: of some strips, from the one of image `image` and of row `row` on,
  /// 32 channels of the result.
  struct part {
    std::size_t image, strips, row, block;
  };

  /// The sums of a part from its packed strips to the output.
  void multiply(const bfloat16_products_here& products, const bfloat16_pair* kernels,
                const bfloat16* packed, const pixel_strip& strip,
                const std::vector<std::vector<std::uint32_t>>& steps, const part& at,
                const convolution_epilogue<bfloat16>& epilogue, bfloat16* out) const {
    const std::size_t channels = std::min(product_side, t_.out_channels - at.block * product_side),
                      tiles = ceil_div(strip.positions(), tile_side), all = at.strips * tiles;
    const auto left = [&](std::size_t tile) {
      return tile < all
                 ? packed + tile / tiles * strip.size() + strip.place(tile % tiles * tile_side)
                 : nullptr;
    };
    const std::size_t images = at.strips * together_;
    const scratch<float> added(images * product_side);
    for (std::size_t i = 0; i < images; ++i)
      add_vectors(at.image + i, at.block * product_side, channels, epilogue,
                  added + i * product_side);
    alignas(64) float sums[product_side * product_side];
    for (std::size_t phase = 0; phase < steps.size(); ++phase) {
      const bfloat16_pair* const right = kernels + kernels_.phase(phase);
      for (std::size_t tile = 0; tile < all; tile += 2) {
        products.multiply(
            {.left = {left(tile), left(tile + 1)},
             .left_pitch = step_depth,
             .right = {right, channels > tile_side ? right + pixel_kernels::tile : nullptr},
             .right_pitch = tile_side,
             .steps = steps[phase].size(),
             .left_steps = steps[phase].data(),
             .right_steps = kernels_.steps()},
            sums, product_side);
        for (std::size_t i = tile; i < std::min(tile + 2, all); ++i) {
          const std::size_t image = i / tiles * together_;
          store(sums + (i - tile) * tile_side * product_side, channels, strip,
                i % tiles * tile_side, phase, {at.image + image, 1, at.row, at.block},
                added + image * product_side, epilogue, out);
        }
      }
    }
  }

  /// What is added to all pixels of 32 channels of an image.
  void add_vectors(std::size_t image, std::size_t first, std::size_t channels,
                   const convolution_epilogue<bfloat16>& epilogue, float* to) const {
    for (std::size_t c = 0; c < channels; ++c) {
      to[c] = epilogue.bias ? epilogue.bias[first + c] : 0.0f;
      if (epilogue.vectors) to[c] += epilogue.vectors[image * t_.out_channels + first + c];
    }
  }

  /// Stores the sums of a tile, of some channels of the pixels from `position` of the part's strip
  /// on, row by row and image by image.
  void store(const float* sums, std::size_t channels, const pixel_strip& strip,
             std::size_t position, std::size_t phase, const part& at, const float* added,
             const convolution_epilogue<bfloat16>& epilogue, bfloat16* out) const {
    const std::size_t end = std::min(position + tile_side, strip.positions()),
                      length = strip.row_length();
    while (position < end) {
      const std::size_t column = position % length / together_,
                        count = std::min(end - position, length - position % length);
      const std::size_t y = (at.row + position / length) * t_.out_phases.height +
                            phase / t_.out_phases.width,
                        x = column * t_.out_phases.width + phase % t_.out_phases.width;
      if (y < t_.out_height && x < t_.out_width) {
        const std::size_t inside = ceil_div(t_.out_width - x, t_.out_phases.width);
        for (std::size_t i = 0; i < together_; ++i)
          finish(std::min(count / together_, inside), channels, sums + i * product_side,
                 added + i * product_side, epilogue,
                 (((at.image + i) * t_.out_height + y) * t_.out_width + x) * t_.out_channels +
                     at.block * product_side,
                 out);
      }
      position += count;
      sums += count * product_side;
    }
  }

  /// Some channels of `count` pixels of a row of an output phase, from element `at` of the output
  /// on: sums + added and what else is added, rounded.
  void finish(std::size_t count, std::size_t channels, const float* sums, const float* added,
              const convolution_epilogue<bfloat16>& epilogue, std::size_t at, bfloat16* out) const {
    using batch = xsimd::batch<float>;
    const std::size_t pitch = t_.out_phases.width * t_.out_channels,
                      sums_pitch = together_ * product_side;
    const auto pixels = [&](auto all, const auto& end_of) {  // all: how many channels
      for (std::size_t i = 0; i < count; ++i)
        for_each_lanes<float>(all, [&](std::size_t c, auto n) {
          const std::size_t element = at + i * pitch + c;
          const batch x =
              batch::load_aligned(sums + i * sums_pitch + c) + batch::load_unaligned(added + c);
          store_lanes(end_of(x, element, n), out + element, n);
        });
    };
    const auto row = [&](const auto& end_of) {
      if (channels == product_side)
        pixels(std::integral_constant<std::size_t, product_side>(), end_of);
      else
        pixels(channels, end_of);
    };
    const auto image = [&](std::size_t element, auto n) {
      return load_lanes(epilogue.images + element, n);
    };
    const auto rectified = [](const batch& x) {
      return batch(xsimd::select(x < batch(0.0f), batch(0.0f), x));
    };
    if (epilogue.images && epilogue.rectify)
      row([&](const batch& x, auto element, auto n) { return rectified(x + image(element, n)); });
    else if (epilogue.images)
      row([&](const batch& x, auto element, auto n) { return x + image(element, n); });
    else if (epilogue.rectify)
      row([&](const batch& x, auto, auto) { return rectified(x); });
    else
      row([&](const batch& x, auto, auto) { return x; });
  }

  tap_geometry t_;
  pixel_kernels kernels_;
  std::size_t out_blocks_, together_;
};

/// result = image * weight, with what the epilogue adds; weights are (O, kh, kw, C).
inline void bfloat16_convolve(const convolution_geometry& g, const bfloat16* image,
                              const bfloat16* weight,
                              const convolution_epilogue<bfloat16>& epilogue, bfloat16* result) {
  pixel_convolver(taps_of(g), {g.patch(), g.channels, 1}, g.weight_layout)(image, weight, epilogue,
                                                                           result);
}

/// image = the adjoint of the convolution of results, with a bias.
inline void bfloat16_convolve_transpose(const convolution_geometry& g, const bfloat16* result,
                                        const bfloat16* weight, const bfloat16* bias,
                                        bfloat16* image) {
  pixel_convolver(adjoint_taps_of(g), {1, g.channels, g.patch()}, g.weight_layout)(
      result, weight, {.bias = bias}, image);
}

/// to = kernels (O, kh, kw, C) packed as convolutions take them; both in multiples of 32 channels.
inline void bfloat16_pack_kernels(std::size_t out_channels, std::size_t channels, std::size_t area,
                                  const bfloat16* from, bfloat16* to) {
  tap_geometry t{.batch = 1,
                 .channels = channels,
                 .height = 1,
                 .width = 1,
                 .out_channels = out_channels,
                 .out_height = 1,
                 .out_width = 1,
                 .taps = {{}}};
  for (std::size_t i = 0; i < area; ++i) t.taps[0].push_back({i, 0, 0, 0});
  const pixel_kernels kernels(t, {area * channels, channels, 1});
  parallel_for(out_channels / product_side, 1, [&](std::size_t block, std::size_t) {
    kernels.pack_result(from, block, reinterpret_cast<bfloat16_pair*>(to) + block * kernels.size());
  });
}

}  // namespace lift::detail
