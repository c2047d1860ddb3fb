// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include <lift/core/error.hpp>
#include <lift/metric/feature_extractor.hpp>

namespace lift {

namespace detail {

using image_plane = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The means of 2×2 pixels, a last odd row or column left out; (H, W) → (⌊H/2⌋, ⌊W/2⌋).
inline image_plane halve(const image_plane& x) {
  const auto each_second = [](Eigen::Index first, Eigen::Index extent) {
    return Eigen::seqN(first, extent / 2, 2);
  };
  const Eigen::Index h = x.rows(), w = x.cols();
  return (x(each_second(0, h), each_second(0, w)) + x(each_second(0, h), each_second(1, w)) +
          x(each_second(1, h), each_second(0, w)) + x(each_second(1, h), each_second(1, w))) /
         4;
}

/// |ψ ⋆ x| for the Haar wavelets across columns, across rows and across both, at every 2×2 window
/// (not every second, which would miss what happens on even borders); (H, W) → 3 × (H − 1, W − 1).
inline std::array<image_plane, 3> haar_amplitudes(const image_plane& x) {
  const Eigen::Index h = x.rows() - 1, w = x.cols() - 1;
  const auto a = x.topLeftCorner(h, w), b = x.topRightCorner(h, w);
  const auto c = x.bottomLeftCorner(h, w), d = x.bottomRightCorner(h, w);
  return {(a - b + c - d).abs() / 4, (a + b - c - d).abs() / 4, (a - b - c + d).abs() / 4};
}

}  // namespace detail

/// Wavelet scattering (Bruna and Mallat 2013) of a colour image, two layers of Haar wavelets: the
/// default features of the Fréchet distance. They know colours, layout and texture, and nothing of
/// what an image means. docs/metrics.md defines each feature and shows what they tell apart.
class scattering_features {
 public:
  std::string_view name() const { return "haar-scattering"; }

  std::size_t dimension(std::size_t height, std::size_t width) const {
    const std::size_t levels = number_of_levels(height, width);
    return 3 * layout_cells * layout_cells + 3 * (texture_cells * texture_cells + 2) * levels +
           9 * levels * (levels - 1) / 2;
  }

  /// (N, 3, H, W) RGB in [-1, 1] → N × dimension(H, W). Throws lift::error where the images have
  /// other than 3 channels or a side under 16 pixels.
  Eigen::MatrixXf operator()(const image_batch_view& images) const {
    require(images.channels == 3, "channels of images to measure", images.channels, 3);
    Eigen::MatrixXf features(images.count, dimension(images.height, images.width));
    for (std::size_t n = 0; n < images.count; ++n) {
      const std::vector<float> row = scatter(images.part(n, 1));
      features.row(static_cast<Eigen::Index>(n)) =
          Eigen::Map<const Eigen::RowVectorXf>(row.data(), features.cols());
    }
    return features;
  }

 private:
  static constexpr int layout_cells = 4, texture_cells = 2;

  // Fixed weights under which each group has about a third of the variance of photographs.
  static constexpr std::array<float, 3> layout_weights{2, 6, 12};
  static constexpr float first_weight = 1.5F, second_weight = 3;
  static constexpr float faintest = 0.004F;  // half a grey level of 8 bits, in [-1, 1]

  // The coarsest wavelet still leaves 4 cells per side.
  static std::size_t number_of_levels(std::size_t height, std::size_t width) {
    const std::size_t side = std::min(height, width);
    require(side >= 16, "smaller side of images to measure", side, "at least 16");
    std::size_t levels = 2;
    while (levels < 5 && side >> (levels + 3)) ++levels;
    return levels;
  }

  static std::vector<float> scatter(const image_batch_view& image) {
    const auto h = static_cast<Eigen::Index>(image.height);
    const auto w = static_cast<Eigen::Index>(image.width);
    const auto plane = [&](Eigen::Index channel) {
      return Eigen::Map<const detail::image_plane>(image.values.data() + channel * h * w, h, w);
    };
    const auto r = plane(0), g = plane(1), b = plane(2);
    std::array<detail::image_plane, 3> colours{(r + g + b) / 3, (r - b) / 2, (2 * g - r - b) / 4};

    std::vector<float> row;
    for (std::size_t c = 0; c < 3; ++c)
      append(row, layout_weights[c] * cell_means(colours[c], layout_cells));
    const std::size_t levels = number_of_levels(image.height, image.width);
    for (std::size_t level = 0; level < levels; ++level)
      for (std::size_t c = 0; c < 3; ++c) {
        for (const auto& amplitude : detail::haar_amplitudes(colours[c])) {
          const Eigen::ArrayXf means = cell_means(amplitude, c == 0 ? texture_cells : 1);
          append(row, first_weight * (faintest + means).log());
          if (c == 0) scatter_again(row, amplitude, levels - 1 - level);
        }
        colours[c] = detail::halve(colours[c]);
      }
    return row;
  }

  // How unevenly an amplitude is spread: its own wavelet amplitudes over its mean.
  static void scatter_again(std::vector<float>& row, detail::image_plane amplitude,
                            std::size_t levels) {
    const float mean = faintest + amplitude.mean();
    for (std::size_t level = 0; level < levels; ++level) {
      amplitude = detail::halve(amplitude);
      for (const auto& again : detail::haar_amplitudes(amplitude))
        row.push_back(second_weight * std::log((faintest + again.mean()) / mean));
    }
  }

  // The means over a grid of per_side × per_side cells.
  static Eigen::ArrayXf cell_means(const detail::image_plane& x, Eigen::Index per_side) {
    Eigen::ArrayXf means(per_side * per_side);
    for (Eigen::Index cell = 0; cell < means.size(); ++cell) {
      const Eigen::Index i = cell / per_side, j = cell % per_side;
      const Eigen::Index top = i * x.rows() / per_side, bottom = (i + 1) * x.rows() / per_side;
      const Eigen::Index left = j * x.cols() / per_side, right = (j + 1) * x.cols() / per_side;
      means[cell] = x.block(top, left, bottom - top, right - left).mean();
    }
    return means;
  }

  static void append(std::vector<float>& row, const Eigen::ArrayXf& values) {
    row.insert(row.end(), values.begin(), values.end());
  }
};

static_assert(feature_extractor<scattering_features>);

}  // namespace lift
