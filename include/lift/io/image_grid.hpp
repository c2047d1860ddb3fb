// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lift/core/ceil_div.hpp>
#include <lift/core/error.hpp>
#include <lift/core/shape.hpp>
#include <lift/io/image.hpp>

namespace lift {

struct grid_options {
  std::size_t columns = 0;  ///< 0 = about as many as rows
  std::size_t margin = 2;   ///< pixels around and between the images
  std::uint8_t background = 255;
};

/// Images of one size side by side, row by row, in one image.
inline image image_grid(std::span<const image> tiles, const grid_options& options = {}) {
  require(!tiles.empty(), "images of a grid", tiles.size(), "at least 1");
  const auto square =
      static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(tiles.size()))));
  const std::size_t columns = std::min(options.columns ? options.columns : square, tiles.size());
  const std::size_t rows = ceil_div(tiles.size(), columns);
  const image& first = tiles.front();
  const std::size_t channels = first.channels, margin = options.margin;
  image grid = blank_image(margin + columns * (first.width + margin),
                           margin + rows * (first.height + margin), channels, options.background);
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const image& tile = tiles[i];
    const shape got{tile.height, tile.width, tile.channels},
        want{first.height, first.width, channels};
    require(got == want, text("shape of image ", i, " of a grid"), got, want);
    const std::size_t left = margin + i % columns * (tile.width + margin);
    const std::size_t top = margin + i / columns * (tile.height + margin);
    for (std::size_t y = 0; y < tile.height; ++y) {
      std::copy_n(tile.pixels.data() + y * tile.width * channels, tile.width * channels,
                  grid.pixels.data() + ((top + y) * grid.width + left) * channels);
    }
  }
  return grid;
}

/// The same of a batch (N, C, H, W) of values in [−1, 1].
inline image image_grid(std::span<const float> batch, const shape& dims,
                        const grid_options& options = {}, rounding how = rounding::nearest) {
  require(dims.rank() == 4 && dims.size() == batch.size(), "shape of a batch of images", dims,
          text("(N, C, H, W) of ", batch.size(), " values"));
  const std::size_t stride = dims.product(1, 4);
  std::vector<image> tiles;
  for (std::size_t i = 0; i < dims[0]; ++i) {
    tiles.push_back(from_planar(batch.subspan(i * stride, stride), dims[1], dims[2], dims[3], how));
  }
  return image_grid(tiles, options);
}

}  // namespace lift
