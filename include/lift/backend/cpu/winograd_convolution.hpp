// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <lift/backend/cpu/cache_sizes.hpp>
#include <lift/backend/cpu/panel_product.hpp>
#include <lift/backend/cpu/winograd_tiles.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// Whether a convolution is one that Winograd's way computes, and faster than a direct product:
/// small images or few channels take too few products to pay for the transforms. The gradient with
/// respect to the weight has more to transform: it wants more tiles.
inline bool winograd_pays(const convolution_geometry& g, std::size_t least_tiles = 4) {
  const tiling tiles{g.batch, g.out_channels, g.out_height, g.out_width};
  return g.kernel == 3 && g.stride == 1 && g.padding.height <= 2 && g.padding.width <= 2 &&
         g.channels >= 4 &&
         g.out_channels >= 4 && tiles.tiles() >= least_tiles;
}

inline tiling input_tiling(const convolution_geometry& g) {
  return {g.batch, g.channels, g.height, g.width};
}
inline tiling output_tiling(const convolution_geometry& g) {
  return {g.batch, g.out_channels, g.out_height, g.out_width};
}

/// Input channels whose kernels to a panel a thread transforms at a time: they stay in its core's own
/// cache.
inline constexpr std::size_t kernel_depth = 64;

/// Columns of a panel where each task does one: fewer than panel_width if else there were fewer tasks
/// than threads.
template <class T>
std::size_t panel_of_task(std::size_t out_channels) {
  std::size_t width = panel_width<T>;
  while (width > lanes<T> && ceil_div(out_channels, width) < default_thread_pool().size())
    width /= 2;
  return width;
}

/// A 3×3 convolution with stride 1 by Winograd's F(4×4, 3×3), with the kernels as they are or
/// flipped.
template <bool Flipped, class T>
class winograd_convolution {
 public:
  winograd_convolution(const convolution_geometry& g, const kernel_view<T>& kernels)
      : in_(input_tiling(g)), out_(output_tiling(g)), padding_(g.padding), kernels_(kernels) {}

  /// Writes the results with the epilogue.
  void operator()(const T* image, const convolution_epilogue<T>& epilogue, T* result) const {
    const std::size_t kernels = transformed_tiles<T>::size(in_.channels, out_.channels);
    const std::size_t inputs = transformed_tiles<T>::size(out_.tiles(), in_.channels);
    // Of so many channels enough tiles are done together to pay for reading the kernels; the processor
    // has no say here, since the two ways add up in different orders.
    constexpr std::size_t few_channels = 320;
    if (kernels <= far_bytes / 2 / sizeof(T) ||
        (kernels <= inputs && in_.channels < few_channels))
      tiles_in_turn(image, epilogue, result);
    else
      panels_in_turn(image, epilogue, result);
  }

 private:
  /// Few kernels, or fewer than tiles of few channels: all are transformed first; a task then does a few
  /// rows of tiles from end to end.
  void tiles_in_turn(const T* image, const convolution_epilogue<T>& epilogue, T* result) const {
    constexpr std::size_t width = panel_width<T>;
    const std::size_t panels = ceil_div(out_.channels, width);
    const std::size_t panel_size = transformed_kernels<T>::size(in_.channels, width);
    work_buffer<T> kernels(panels * panel_size);
    const auto kernels_of = [&](std::size_t panel, std::size_t channel) {
      return transformed_kernels<T>{kernels.data() + panel * panel_size + channel * width,
                                    in_.channels, width};
    };
    constexpr std::size_t step = 16;
    const std::size_t parts = ceil_div(in_.channels, step);
    default_thread_pool().run(panels * parts, [&](std::size_t task) {
      const std::size_t first = task % parts * step, panel = task / parts;
      transform_panel(panel, first, std::min(first + step, in_.channels),
                      kernels_of(panel, first));
    });
    // A task's inputs and their products to a panel stay in a core's cache.
    const std::size_t most = out_.rows_within<T>(near_bytes(), in_.channels + width);
    const std::size_t tasks = round_up(ceil_div(out_.rows(), most), default_thread_pool().size());
    parallel_for(out_.rows(), ceil_div(out_.rows(), tasks), [&](std::size_t first, std::size_t last) {
      const std::size_t tiles = (last - first) * out_.columns();
      const scratch<T> input_space(transformed_tiles<T>::size(tiles, in_.channels));
      const transformed_tiles<T> inputs(input_space, tiles, in_.channels);
      for (std::size_t c = 0; c < in_.channels; c += lanes<T>)
        transform(image, first, last, c, inputs);
      const scratch<T> product_space(transformed_tiles<T>::size(tiles, width));
      const transformed_tiles<T> products(product_space, tiles, width);
      for (std::size_t panel = 0; panel < panels; ++panel) {
        multiply(inputs, 0, in_.channels, panel, kernels_of(panel, 0), products);
        restore(products, first, last, panel, epilogue, result);
      }
    });
  }

  /// Many kernels: the tiles are transformed first; a task then does a panel of output channels.
  void panels_in_turn(const T* image, const convolution_epilogue<T>& epilogue, T* result) const {
    const std::size_t width = panel_of_task<T>(out_.channels);
    const std::size_t most = std::min(out_.rows_within<T>(far_bytes, in_.channels),
                                      out_.rows_within<T>(near_bytes(), width));
    for (std::size_t first = 0; first < out_.rows(); first += most) {
      const std::size_t rows = std::min(most, out_.rows() - first);
      const std::size_t tiles = rows * out_.columns();
      work_buffer<T> space(transformed_tiles<T>::size(tiles, in_.channels));
      const transformed_tiles<T> inputs(space.data(), tiles, in_.channels);
      default_thread_pool().run(ceil_div(in_.channels, lanes<T>), [&](std::size_t group) {
        transform(image, first, first + rows, group * lanes<T>, inputs);
      });
      default_thread_pool().run(ceil_div(out_.channels, width), [&](std::size_t panel) {
        const scratch<T> kernel_space(transformed_kernels<T>::size(kernel_depth, width));
        const transformed_kernels<T> kernels{kernel_space, kernel_depth, width};
        const scratch<T> product_space(transformed_tiles<T>::size(tiles, width));
        const transformed_tiles<T> products(product_space, tiles, width);
        for (std::size_t c = 0; c < in_.channels; c += kernel_depth) {
          const std::size_t end = std::min(c + kernel_depth, in_.channels);
          transform_panel(panel, c, end, kernels);
          multiply(inputs, c, end, panel, kernels, products);
        }
        restore(products, first, first + rows, panel, epilogue, result);
      });
    }
  }

  void transform_panel(std::size_t panel, std::size_t first, std::size_t last,
                       const transformed_kernels<T>& to) const {
    const std::size_t columns = columns_of(panel, to.row);
    for (std::size_t c = 0; c < columns; c += lanes<T>)
      transform_kernels<Flipped>(kernels_, first, last, panel * to.row + c,
                                 std::min(lanes<T>, columns - c), to, c);
  }

  void transform(const T* image, std::size_t first, std::size_t last, std::size_t channel,
                 const transformed_tiles<T>& to) const {
    transform_tile_rows<winograd_input>(out_, in_, image, padding_, first, last, channel, to);
  }

  /// products = or += inputs·kernels for the input channels [first, last), which are all that
  /// `kernels` holds; it is = for those from the first on.
  void multiply(const transformed_tiles<T>& inputs, std::size_t first, std::size_t last,
                std::size_t panel, const transformed_kernels<T>& kernels,
                const transformed_tiles<T>& products) const {
    const std::size_t columns = round_up(columns_of(panel, kernels.row), lanes<T>);
    for (std::size_t p = 0; p < winograd_points; ++p) {
      const detail::panel<T> one{kernels(p, 0), products(p, 0, 0), columns};
      panel_product<T>(inputs.tiles(), last - first, {inputs(p, 0, first), inputs.row, 1},
                       kernels.row, std::span(&one, 1), products.row, {.add = first > 0});
    }
  }

  void restore(const transformed_tiles<T>& products, std::size_t first, std::size_t last,
               std::size_t panel, const convolution_epilogue<T>& epilogue, T* result) const {
    const std::size_t width = products.row;
    for (std::size_t c = 0; c < columns_of(panel, width); c += lanes<T>)
      restore_tile_rows(out_, first, last, products, c, panel * width + c, epilogue, result);
  }

  /// Output channels of a panel of at most `width`.
  std::size_t columns_of(std::size_t panel, std::size_t width) const {
    return std::min(width, out_.channels - panel * width);
  }

  tiling in_, out_;
  extent2d padding_;
  kernel_view<T> kernels_;
};

/// result = image ∗ weight, with its epilogue.
template <class T>
void winograd_convolve(const convolution_geometry& g, const T* image, const T* weight,
                       const convolution_epilogue<T>& epilogue, T* result) {
  const kernel_view<T> kernels{weight, weight + g.out_channels * g.patch(), 9, g.patch()};
  winograd_convolution<false, T>(g, kernels)(image, epilogue, result);
}

/// The adjoint of winograd_convolve in the image, plus bias[c] where there is a bias.
template <class T>
void winograd_convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                                 const T* bias, T* image) {
  const kernel_view<T> kernels{weight, weight + g.out_channels * g.patch(), g.patch(), 9};
  winograd_convolution<true, T>(adjoint(g), kernels)(result, {.bias = bias}, image);
}

/// Brings the kernels of a weight (O, C, 3, 3) back from tiles, one for each output channel.
template <class T>
void restore_kernels(const convolution_geometry& g, const transformed_tiles<T>& from, T* weight) {
  using batch = xsimd::batch<T>;
  constexpr std::size_t n = lanes<T>;
  parallel_for(g.out_channels, 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t o = begin; o < end; ++o)
      for (std::size_t c = 0; c < g.channels; c += n) {
        alignas(64) std::array<std::array<T, n>, 9> kernels;
        winograd_transform<winograd_kernel_adjoint, batch>(
            strided_load<batch>{from(0, o, c), from.matrix},
            [&](std::size_t j, std::size_t i, const batch& v) {
              v.store_aligned(kernels[3 * i + j].data());
            });
        T* const to = weight + (o * g.channels + c) * 9;
        for (std::size_t i = 0; i < std::min(n, g.channels - c); ++i)
          for (std::size_t tap = 0; tap < 9; ++tap) to[9 * i + tap] = kernels[tap][i];
      }
  });
}

/// The gradient of a 3×3 convolution with respect to its weight, the same way.
template <class T>
void winograd_weight_gradient(const convolution_geometry& g, const T* image, const T* result,
                              T* weight) {
  constexpr std::size_t n = lanes<T>;
  const tiling in = input_tiling(g), out = output_tiling(g);
  const std::size_t tile_bytes = winograd_points * sizeof(T) * (g.channels + g.out_channels);
  const std::size_t most =
      std::max<std::size_t>(128, far_bytes / tile_bytes) / out.columns() + 1;
  const std::size_t in_vectors = ceil_div(g.channels, n);
  const std::size_t out_vectors = ceil_div(g.out_channels, n);
  work_buffer<T> sum_space(transformed_tiles<T>::size(g.out_channels, g.channels));
  const transformed_tiles<T> sums(sum_space.data(), g.out_channels, g.channels);
  for (std::size_t first = 0; first < out.rows(); first += most) {
    const std::size_t last = std::min(first + most, out.rows());
    const std::size_t tiles = (last - first) * out.columns();
    work_buffer<T> in_space(transformed_tiles<T>::size(tiles, g.channels));
    work_buffer<T> out_space(transformed_tiles<T>::size(tiles, g.out_channels));
    const transformed_tiles<T> inputs(in_space.data(), tiles, g.channels);
    const transformed_tiles<T> outputs(out_space.data(), tiles, g.out_channels);
    default_thread_pool().run(in_vectors + out_vectors, [&](std::size_t task) {
      if (task < in_vectors)
        transform_tile_rows<winograd_input>(out, in, image, g.padding, first, last, task * n,
                                            inputs);
      else
        transform_tile_rows<winograd_output_adjoint>(out, out, result, 0, first, last,
                                                     (task - in_vectors) * n, outputs);
    });
    default_thread_pool().run(winograd_points, [&](std::size_t p) {
      std::vector<panel<T>> panels;
      for (std::size_t c = 0; c < sums.row; c += panel_width<T>)
        panels.push_back({inputs(p, 0, c), sums(p, 0, c), std::min(panel_width<T>, sums.row - c)});
      panel_product<T>(g.out_channels, tiles, {outputs(p, 0, 0), 1, outputs.row}, inputs.row,
                       panels, sums.row, {.add = first > 0});
    });
  }
  restore_kernels(g, sums, weight);
}

}  // namespace lift::detail
