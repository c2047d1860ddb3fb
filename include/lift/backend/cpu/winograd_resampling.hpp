// SPDX-License-Identifier: MIT
#pragma once

// The 4×4 convolutions with stride 2 that halve an image and their adjoints that double it, by
// Winograd's F(4×4, 3×3): of the image's pixels, those of even and of odd rows and columns are four
// images of half the size, the phases, and each has a 3×3 kernel of which 2×2 numbers are not zero.
// 25 of a kernel's 36 points are not zero then: 100 products for 16 small pixels instead of 256.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <lift/backend/cpu/winograd_convolution.hpp>

namespace lift::detail {

/// Whether a convolution or its adjoint is one of these, and faster this way.
template <class T>
bool winograd_resampling_pays(const convolution_geometry& g) {
  return g.kernel == 4 && g.stride == 2 && g.padding == 1 && g.height == 2 * g.out_height &&
         g.width == 2 * g.out_width && g.channels >= lanes<T> && g.out_channels >= lanes<T> &&
         output_tiling(g).tiles() >= 8;
}

/// Along one axis: which number of a kernel of four is number i of a phase's kernel of three (none:
/// 4), and which of the six points is zero for a phase.
struct halving {
  static constexpr std::size_t tap(std::size_t phase, std::size_t i) {
    return phase == 0 ? (i == 0 ? 4 : 2 * i - 1) : (i == 2 ? 4 : 2 * i);
  }
  static constexpr std::size_t empty_point(std::size_t phase) { return phase == 0 ? 0 : 5; }
};
struct doubling {
  static constexpr std::size_t tap(std::size_t phase, std::size_t i) {
    return phase == 0 ? (i == 2 ? 4 : 3 - 2 * i) : (i == 0 ? 4 : 4 - 2 * i);
  }
  static constexpr std::size_t empty_point(std::size_t phase) { return phase == 0 ? 5 : 0; }
};

/// Kernels of 4×4 numbers from input channels [first, last) to `count` output channels from `out`
/// on, as transform_kernels: those of phase (y, x) into column column(y, x) of to(y, x).
template <class Resampling, class T, class To, class Column>
void transform_phase_kernels(const kernel_view<T>& kernels, std::size_t first, std::size_t last,
                             std::size_t out, std::size_t count, const To& to,
                             const Column& column) {
  using batch = xsimd::batch<T>;
  transposed_kernels<16, T> taps;
  for (std::size_t c = first; c < last; ++c) {
    taps.read(kernels, c, out, count, 16);
    for (std::size_t o = 0; o < lanes<T>; ++o) prefetch(kernels(c + 4, out + o), 16);
    const auto transform = [&]<std::size_t Y, std::size_t X>() {
      const transformed_kernels<T> target = to(Y, X);
      winograd_transform<winograd_kernel, batch>(
          [&](std::size_t i, std::size_t j) {
            const std::size_t y = Resampling::tap(Y, i), x = Resampling::tap(X, j);
            return y < 4 && x < 4 ? taps[4 * y + x] : batch(T(0));
          },
          strided_store<T>{target(0, c - first) + column(Y, X), target.matrix()});
    };
    transform.template operator()<0, 0>();
    transform.template operator()<0, 1>();
    transform.template operator()<1, 0>();
    transform.template operator()<1, 1>();
  }
}

/// Reads rows of phases (y, 0) and (y, 1) of a vector of channels, six from row `top` of the phases
/// on and from column −1 on, as read_rows, into two such arrays.
template <class T>
void read_phase_rows(const tiling& from, const T* image, std::size_t channel, std::size_t y,
                     std::ptrdiff_t top, std::size_t z_width, const std::array<T*, 2>& z) {
  constexpr std::size_t n = lanes<T>, rows = 6;
  const std::size_t valid = std::min(n, from.channels - channel);
  const std::size_t plane = from.height * from.width, width = from.width;
  for (T* const to : z) std::fill_n(to, rows * z_width * n, T(0));
  for (std::size_t r = 0; r < rows; ++r) {
    const std::ptrdiff_t row = 2 * (top + static_cast<std::ptrdiff_t>(r)) +
                               static_cast<std::ptrdiff_t>(y);
    if (row < 0 || row >= static_cast<std::ptrdiff_t>(from.height)) continue;
    const T* const source = image + channel * plane + static_cast<std::size_t>(row) * width;
    gather_channels(source, plane, valid, width, [&](std::size_t first) {
      T* const even = z[0] + (r * z_width + 1 + (first + 1) / 2) * n;
      T* const odd = z[1] + (r * z_width + 1 + first / 2) * n;
      return [next = first % 2 ? odd : even, other = first % 2 ? even : odd]() mutable {
        T* const here = std::exchange(next, other);
        other = here + lanes<T>;
        return here;
      };
    });
  }
}

/// The convolution that halves, some rows of tiles at a time.
template <class T>
class winograd_halving {
 public:
  winograd_halving(const convolution_geometry& g, const T* weight)
      : in_(input_tiling(g)), out_(output_tiling(g)),
        kernels_{weight, weight + g.out_channels * g.patch(), 16, g.patch()} {}

  /// Writes the results with the epilogue.
  void operator()(const T* image, const convolution_epilogue<T>& epilogue, T* result) const {
    const std::size_t width = panel_of_task<T>(out_.channels);
    const std::size_t most = out_.rows_within<T>(near_bytes(), width);
    const std::size_t groups = ceil_div(in_.channels, n);
    for (std::size_t first = 0; first < out_.rows(); first += most) {
      const std::size_t last = std::min(first + most, out_.rows());
      const std::size_t tiles = (last - first) * out_.columns();
      const std::size_t size = transformed_tiles<T>::size(tiles, in_.channels);
      work_buffer<T> space(4 * size);
      const auto inputs = [&](std::size_t y, std::size_t x) {
        return transformed_tiles<T>(space.data() + (2 * y + x) * size, tiles, in_.channels);
      };
      default_thread_pool().run(2 * groups, [&](std::size_t task) {
        transform(image, first, last, task / groups, task % groups * n, inputs);
      });
      default_thread_pool().run(ceil_div(out_.channels, width), [&](std::size_t panel) {
        const std::size_t out = panel * width, channels = std::min(width, out_.channels - out);
        const scratch<T> product_space(transformed_tiles<T>::size(tiles, width));
        const transformed_tiles<T> products(product_space, tiles, width);
        multiply(inputs, out, channels, products);
        for (std::size_t c = 0; c < channels; c += n)
          restore_tile_rows(out_, first, last, products, c, out + c, epilogue, result);
      });
    }
  }

 private:
  static constexpr std::size_t n = lanes<T>, depth = kernel_depth / 2;  // of four phases' kernels

  /// Rows of tiles [first, last) of phases (y, 0) and (y, 1), a vector of channels, to inputs(y, x).
  template <class Tiles>
  void transform(const T* image, std::size_t first, std::size_t last, std::size_t y,
                 std::size_t channel, const Tiles& inputs) const {
    const std::size_t z_size = tile_row_size<T>(out_), z_width = 4 * out_.columns() + 2;
    const scratch<T> z(2 * z_size);
    for_each_tile_row(out_, first, last, [&](std::size_t b, std::size_t top, std::size_t,
                                             std::size_t tile) {
      read_phase_rows(in_, image + b * in_.channels * in_.height * in_.width, channel, y,
                      static_cast<std::ptrdiff_t>(top) - 1, z_width, {z.data(), z + z_size});
      for (const std::size_t x : {0u, 1u})
        transform_tile_row<winograd_input>(out_, z + x * z_size, inputs(y, x), tile, channel);
    });
  }

  /// products = the sum over phases of inputs(y, x)·kernels, for `channels` output channels from
  /// `out` on.
  template <class Tiles>
  void multiply(const Tiles& inputs, std::size_t out, std::size_t channels,
                const transformed_tiles<T>& products) const {
    const std::size_t columns = round_up(channels, n);
    const std::size_t panel_size = transformed_kernels<T>::size(depth, columns);
    const scratch<T> kernel_space(4 * panel_size);
    const auto phase_kernels = [&](std::size_t y, std::size_t x) {
      return transformed_kernels<T>{kernel_space + (2 * y + x) * panel_size, depth, columns};
    };
    for (std::size_t c = 0; c < in_.channels; c += depth) {
      const std::size_t end = std::min(c + depth, in_.channels);
      for (std::size_t column = 0; column < channels; column += n)
        transform_phase_kernels<halving>(kernels_, c, end, out + column,
                                         std::min(n, channels - column), phase_kernels,
                                         [&](std::size_t, std::size_t) { return column; });
      for (std::size_t p = 0; p < winograd_points; ++p) {
        bool add = c > 0;
        for (const std::size_t y : {0u, 1u})
          for (const std::size_t x : {0u, 1u}) {
            if (p / 6 == halving::empty_point(y) || p % 6 == halving::empty_point(x)) continue;
            const detail::panel<T> one{phase_kernels(y, x)(p, 0), products(p, 0, 0), columns};
            panel_product<T>(products.tiles(), end - c,
                             {inputs(y, x)(p, 0, c), inputs(y, x).row, 1}, columns,
                             std::span(&one, 1), products.row,
                             {.add = std::exchange(add, true)});
          }
      }
    }
  }

  tiling in_, out_;
  kernel_view<T> kernels_;
};

/// result = image ∗ weight, with its epilogue.
template <class T>
void winograd_halve(const convolution_geometry& g, const T* image, const T* weight,
                    const convolution_epilogue<T>& epilogue, T* result) {
  winograd_halving<T>(g, weight)(image, epilogue, result);
}

/// Brings rows of tiles of phases (y, 0) and (y, 1) of a vector of channels back to images of
/// twice the size, as restore_tile_rows; columns of `from` from from_channel on are the one, those
/// a vector further the other.
template <class T>
void restore_phase_rows(const tiling& tiles, const tiling& to, std::size_t first, std::size_t last,
                        const transformed_tiles<T>& from, std::size_t from_channel, std::size_t y,
                        std::size_t channel, const T* bias, T* image) {
  constexpr std::size_t n = lanes<T>;
  const std::size_t valid = std::min(n, to.channels - channel), plane = to.height * to.width;
  const std::size_t pitch = 8 * tiles.columns();
  const scratch<T> z(4 * pitch * n);
  const auto offset = load_offsets(bias, channel, valid);
  for_each_tile_row(tiles, first, last, [&](std::size_t b, std::size_t top, std::size_t height,
                                            std::size_t tile) {
    for (std::size_t x = 0; x < tiles.columns(); ++x)
      for (const std::size_t phase : {0u, 1u})
        restore_tile(from, tile + x, from_channel + phase * n, offset, z + (8 * x + phase) * n,
                     2 * n, pitch * n);
    for (std::size_t i = 0; i < height; ++i)
      scatter_channels(
          [&](std::size_t pixel) { return pixel_cursor<T>(z + i * pitch * n, pitch, pitch, pixel); },
          plane, valid, to.width, static_cast<const T*>(nullptr), false,
          image + (b * to.channels + channel) * plane + (2 * (top + i) + y) * to.width);
  });
}

/// The adjoint that doubles, some rows of tiles at a time.
template <class T>
class winograd_doubling {
 public:
  winograd_doubling(const convolution_geometry& g, const T* weight)
      : in_(output_tiling(g)), out_(input_tiling(g)),  // of what is read, of what is written
        kernels_{weight, weight + g.out_channels * g.patch(), g.patch(), 16} {}

  /// Writes the images, plus bias[c] where there is a bias.
  void operator()(const T* result, const T* bias, T* image) const {
    const std::size_t most = in_.rows_within<T>(near_bytes(), 4 * n);
    for (std::size_t first = 0; first < in_.rows(); first += most) {
      const std::size_t last = std::min(first + most, in_.rows());
      const std::size_t tiles = (last - first) * in_.columns();
      work_buffer<T> space(transformed_tiles<T>::size(tiles, in_.channels));
      const transformed_tiles<T> inputs(space.data(), tiles, in_.channels);
      default_thread_pool().run(ceil_div(in_.channels, n), [&](std::size_t group) {
        transform_tile_rows<winograd_input>(in_, in_, result, 1, first, last, group * n, inputs);
      });
      default_thread_pool().run(ceil_div(out_.channels, n), [&](std::size_t group) {
        const std::size_t channel = group * n, size = transformed_tiles<T>::size(tiles, width);
        const scratch<T> product_space(panels * size);
        const auto products = [&](std::size_t panel) {
          return transformed_tiles<T>(product_space + panel * size, tiles, width);
        };
        multiply(inputs, channel, products);
        for (const std::size_t y : {0u, 1u})
          restore_phase_rows(in_, out_, first, last, products(panel_of(y, 0)), column_of(y, 0), y,
                             channel, bias, image);
      });
    }
  }

 private:
  // The four phases of a vector of channels side by side, in one panel or two.
  static constexpr std::size_t n = lanes<T>, width = panel_width<T>, panels = 4 * n / width;
  static constexpr std::size_t panel_of(std::size_t y, std::size_t x) {
    return (2 * y + x) * n / width;
  }
  static constexpr std::size_t column_of(std::size_t y, std::size_t x) {
    return (2 * y + x) * n % width;
  }

  /// products(panel) = inputs·kernels of all phases, for a vector of channels from `channel` on.
  template <class Products>
  void multiply(const transformed_tiles<T>& inputs, std::size_t channel,
                const Products& products) const {
    const std::size_t panel_size = transformed_kernels<T>::size(kernel_depth, width);
    const scratch<T> kernel_space(panels * panel_size);
    const auto kernels = [&](std::size_t panel) {
      return transformed_kernels<T>{kernel_space + panel * panel_size, kernel_depth, width};
    };
    for (std::size_t c = 0; c < in_.channels; c += kernel_depth) {
      const std::size_t last = std::min(c + kernel_depth, in_.channels);
      transform_phase_kernels<doubling>(
          kernels_, c, last, channel, std::min(n, out_.channels - channel),
          [&](std::size_t y, std::size_t x) { return kernels(panel_of(y, x)); }, column_of);
      for (std::size_t p = 0; p < winograd_points; ++p)
        multiply_point(inputs, p, c, last, kernels, products);
    }
  }

  /// One of the 36 products for input channels [first, last), = or += as they are the first or not.
  template <class Kernels, class Products>
  void multiply_point(const transformed_tiles<T>& inputs, std::size_t p, std::size_t first,
                      std::size_t last, const Kernels& kernels, const Products& products) const {
    std::vector<panel<T>> some;
    for (const std::size_t y : {0u, 1u})
      for (const std::size_t x : {0u, 1u}) {
        const std::size_t panel = panel_of(y, x), column = column_of(y, x);
        T* const to = products(panel)(p, 0, column);
        if (p / 6 == doubling::empty_point(y) || p % 6 == doubling::empty_point(x)) {
          if (first == 0)
            for (std::size_t tile = 0; tile < inputs.tiles(); ++tile)
              std::fill_n(to + tile * width, n, T(0));
        } else if (column > 0 && !some.empty() && some.back().c + some.back().columns == to) {
          some.back().columns += n;
        } else {
          some.push_back({kernels(panel)(p, 0) + column, to, n});
        }
      }
    panel_product<T>(inputs.tiles(), last - first, {inputs(p, 0, first), inputs.row, 1}, width,
                     some, width, {.add = first > 0});
  }

  tiling in_, out_;
  kernel_view<T> kernels_;
};

/// image from result, plus bias[c] where there is a bias.
template <class T>
void winograd_double(const convolution_geometry& g, const T* result, const T* weight,
                     const T* bias, T* image) {
  winograd_doubling<T>(g, weight)(result, bias, image);
}

}  // namespace lift::detail
