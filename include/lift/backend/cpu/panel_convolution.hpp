// SPDX-License-Identifier: MIT
#pragma once

// Convolutions of any kernel as products of panels: the patch matrix of a strip is the right factor
// as it is built, and results go where they belong.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <lift/backend/cpu/panel_product.hpp>
#include <lift/backend/cpu/patch_convolution.hpp>

namespace lift::detail {

/// The part of a convolution's epilogue that a product does itself, taken out of it.
template <class T>
epilogue<T> take_epilogue_of_product(convolution_epilogue<T>& whole) {
  const bool last = !whole.vectors && !whole.images;
  return {.bias = std::exchange(whole.bias, nullptr),
          .rectify = last && std::exchange(whole.rectify, false)};
}

/// Products of panel_product, for patch_convolution.hpp.
template <class T>
struct panel_products {
  static constexpr std::size_t width = panel_width<T>;
  static constexpr std::size_t overread = width, weight_columns = 256;

  static std::size_t columns(const convolution_geometry& g) {
    const std::size_t at_once = sizeof(T) * std::min(g.patch(), depth_block);
    const std::size_t some =
        std::clamp<std::size_t>((std::size_t{512} << 10) / at_once, 64, 512) / width * width;
    // Where pixels are patches already, the product copies them, a part at a time.
    const bool copied = g.pointwise() && g.out_channels >= rows_worth_a_copy && g.batch >= 8;
    return copied ? std::max(some, std::min<std::size_t>(g.out_area(), 512)) : some;
  }
  /// Whole images where patches overlap.
  static std::size_t transpose_columns(const convolution_geometry& g) {
    return std::max<std::size_t>(g.pointwise() ? 0 : g.out_area(), 256);
  }
  static std::size_t transpose_channels(const convolution_geometry& g, const strip& s, bool share) {
    if (g.pointwise()) return rows_of_part(g.channels, share);
    const std::size_t patches = sizeof(T) * g.kernel.area() * s.columns();
    return std::clamp<std::size_t>((std::size_t{256} << 10) / patches, 1, ceil_div(g.channels, 4));
  }
  static std::size_t weight_channels(const convolution_geometry& g) {
    return std::clamp<std::size_t>(256 / g.kernel.area(), 1, ceil_div(g.channels, 4));
  }

  static void convolve(const convolution_geometry& g, const strip& s, bool share, const T* weight,
                       const T* patches, std::size_t row, convolution_epilogue<T> epilogue,
                       T* result) {
    const detail::epilogue<T> of_product = take_epilogue_of_product(epilogue);
    const std::size_t length = s.last - s.first;
    std::vector<panel<T>> panels;
    for (std::size_t b = 0; b < s.images; ++b)
      add_panels(length, patches + b * length, width,
                 result + (s.image + b) * g.result_size() + s.first, panels);
    parallel_for(g.out_channels, rows_of_part(g.out_channels, share),
                 [&](std::size_t first, std::size_t last) {
      auto rows = panels;
      for (auto& p : rows) p.c += first * g.out_area();
      panel_product<T>(last - first, g.patch(), {weight + first * g.patch(), g.patch(), 1}, row,
                       rows, g.out_area(), of_product.from_row(first));
      finish_strip(g, s, first, last, epilogue, result);
    });
  }

  class strip_results;
  class transposed_results;
  class weight_sums;

 private:
  /// All rows at once, or some for each thread.
  static std::size_t rows_of_part(std::size_t rows, bool share) {
    return share ? round_up(ceil_div(rows, 8), row_block<T>(panel_vectors<T>)) : rows;
  }
  /// Appends the panels of a matrix of n columns, those of its right factor `step` elements apart.
  static void add_panels(std::size_t n, const T* b, std::size_t step, T* c,
                         std::vector<panel<T>>& to) {
    for (std::size_t j = 0; j < n; j += width, b += step)
      to.push_back({b, c + j, std::min(width, n - j)});
  }
};

/// The results of a strip, panel by panel: (panels, O, width).
template <class T>
class panel_products<T>::strip_results {
 public:
  strip_results(const convolution_geometry& g, const strip& s, bool share, const T* result)
      : in_place(g.pointwise()), channels_(g.out_channels), patch_(g.patch()),
        piece_(in_place ? s.last - s.first : s.columns()), pieces_(s.columns() / piece_),
        panels_of_piece_(ceil_div(piece_, width)),
        memory_(pieces_ * panels_of_piece_ * channels_ * width) {
    const std::size_t length = s.last - s.first;
    parallel_for(channels_, share ? 64 : channels_, [&](std::size_t first, std::size_t last) {
      for (std::size_t o = first; o < last; ++o)
        for (std::size_t j = 0, n; j < s.columns(); j += n) {
          const std::size_t at = j % length, lane = j % piece_ % width;
          n = std::min(length - at, width - lane);
          std::copy_n(result + (s.image + j / length) * g.result_size() + o * g.out_area() +
                          s.first + at,
                      n, panel_at(j) + o * width + lane);
        }
    });
  }

  void multiply(std::size_t first, std::size_t last, const T* weight, T* to, std::size_t row,
                std::size_t image, bool add) const {
    std::vector<panel<T>> panels;
    for (std::size_t b = 0; b < pieces_; ++b)
      add_panels(piece_, panel_at(b * piece_), channels_ * width, to + b * image, panels);
    panel_product<T>(last - first, channels_, {weight + first, 1, patch_}, width, panels, row,
                     {.add = add});
  }

  const bool in_place;

 private:
  T* panel_at(std::size_t column) const {
    return memory_.data() + (column / piece_ * panels_of_piece_ + column % piece_ / width) *
                                channels_ * width;
  }

  std::size_t channels_, patch_;
  // A panel whose products go straight to an image lies within one.
  std::size_t piece_, pieces_, panels_of_piece_;
  scratch<T> memory_;
};

/// The results of strips as right factors, for each its panels (pixels, width) one after the other.
template <class T>
class panel_products<T>::transposed_results {
 public:
  /// Those of a strip.
  struct panels {
    const T* data;
    std::size_t width, size;
  };

  transposed_results(const convolution_geometry& g, const std::vector<strip>& work, const T* result)
      : width_(std::min(width, round_up(std::max<std::size_t>(g.out_channels, 1), lanes<T>))),
        panels_(ceil_div(g.out_channels, width_)) {
    std::size_t pixels = 0;
    for (const strip& s : work) {
      before_.push_back(pixels);
      pixels += s.columns();
    }
    before_.push_back(pixels);
    numbers_.resize(pixels * panels_ * width_);
    default_thread_pool().run(work.size() * panels_, [&](std::size_t task) {
      const strip& s = work[task / panels_];
      const std::size_t length = s.last - s.first, out = task % panels_ * width_;
      T* to = numbers_.data() + (before_[task / panels_] * panels_ + task % panels_ * s.columns()) *
                                    width_;
      for (std::size_t b = s.image; b < s.image + s.images; ++b, to += length * width_)
        transpose_matrix(std::min(width_, g.out_channels - out), length,
                         result + b * g.result_size() + out * g.out_area() + s.first, g.out_area(),
                         to, width_);
    });
  }

  panels operator[](std::size_t strip) const {
    return {numbers_.data() + before_[strip] * panels_ * width_, width_,
            (before_[strip + 1] - before_[strip]) * width_};
  }

 private:
  std::size_t width_, panels_;
  std::vector<std::size_t> before_;  // pixels of the strips before each
  work_buffer<T> numbers_;
};

/// Sums as a matrix (weights, O): there the patch matrix is the left factor as it is.
template <class T>
class panel_products<T>::weight_sums {
 public:
  weight_sums(const convolution_geometry& g, std::size_t first, std::size_t last, T* weight)
      : g_(g), rows_((last - first) * g.kernel.area()), to_(weight + first * g.kernel.area()),
        sums_(rows_ * g.out_channels) {}

  /// Adds patches (weights, pixels), their rows `row` apart, times the results there.
  void add(std::size_t pixels, const T* patches, std::size_t row,
           const typename transposed_results::panels& results) {
    const std::size_t out = g_.out_channels;
    std::vector<panel<T>> panels;
    add_panels(out, results.data, results.size, sums_.data(), panels);
    panel_product<T>(rows_, pixels, {patches, row, 1}, results.width, panels, out,
                     {.add = std::exchange(started_, true)});
  }

  void store() const {
    transpose_matrix(rows_, g_.out_channels, sums_.data(), g_.out_channels, to_, g_.patch());
  }

 private:
  const convolution_geometry& g_;
  std::size_t rows_;
  T* to_;
  scratch<T> sums_;
  bool started_ = false;
};

/// Pixels that convolve_pixels takes at once.
inline constexpr std::size_t pixels_at_once = 64;

/// Whether convolve_pixels has copies that pay, for so many output channels in all, and runs enough
/// to share out.
inline bool runs_of_pixels_pay(const convolution_geometry& g, std::size_t out_channels) {
  return g.padding == 0 && out_channels >= rows_worth_a_copy &&
         g.batch * g.out_area() >= few_strips * pixels_at_once;
}

/// The results of a run of pixels, of which each of `pieces` lies in one image: a kernel's products
/// with its patches.
template <class T>
void convolve_run(const convolution_geometry& g, std::span<const strip> pieces, const T* patches,
                  const convolution_branch<T>& branch) {
  constexpr std::size_t pitch = pixels_at_once;
  const std::size_t area = g.out_area(), rows = g.out_channels;
  convolution_epilogue<T> rest = branch.epilogue;
  const detail::epilogue<T> of_product = take_epilogue_of_product(rest);
  const auto place = [&](const strip& s) { return branch.result + s.image * g.result_size() + s.first; };
  const bool one = pieces.size() == 1;
  const scratch<T> together(one ? 0 : rows * pitch);
  T* const to = one ? place(pieces[0]) : together.data();
  std::size_t columns = 0;
  for (const strip& s : pieces) columns += s.columns();
  std::vector<panel<T>> panels;
  for (std::size_t j = 0; j < columns; j += panel_width<T>)
    panels.push_back({patches + j, to + j, std::min(panel_width<T>, columns - j)});
  product_of_panels<T>(rows, g.patch(), {branch.weight, g.patch(), 1}, pitch, panels,
                       one ? area : pitch, of_product);
  for (std::size_t i = 0, at = 0; i < pieces.size(); at += pieces[i++].columns()) {
    if (!one)
      for (std::size_t o = 0; o < rows; ++o)
        std::copy_n(to + o * pitch + at, pieces[i].columns(), place(pieces[i]) + o * area);
    finish_strip(g, pieces[i], 0, rows, rest, branch.result);
  }
}

/// Convolutions of the same images without padding, a run of pixels at a time: of one image, or the last
/// of it and the first of the next, so that all panels but the last are full. g's output channels are
/// not read.
template <class T>
void convolve_pixels(const convolution_geometry& g, const T* image,
                     std::span<const convolution_branch<T>> branches) {
  constexpr std::size_t pitch = pixels_at_once;
  const std::size_t area = g.out_area();
  parallel_for(g.batch * area, pitch, [&](std::size_t first, std::size_t last) {
    const scratch<T> patches(g.patch() * pitch);
    std::vector<strip> pieces;  // the run's parts in its images
    for (std::size_t p = first; p < last; p += pieces.back().columns()) {
      const std::size_t b = p / area;
      pieces.push_back({b, 1, p - b * area, std::min(last - b * area, area)});
      const strip& s = pieces.back();
      T* const to = patches + (p - first);
      if (g.pointwise() && s.columns() % lanes<T> == 0)
        copy_side_by_side(g.channels, s.columns(), image + b * g.image_size() + s.first, area, to,
                          pitch);
      else
        im2col_of_pixels(g, s, image, to, pitch);
    }
    for (const convolution_branch<T>& branch : branches)
      convolve_run<T>(g.with_outputs(branch.out_channels), pieces, patches, branch);
  });
}

template <class T>
void panel_convolve(const convolution_geometry& g, const T* image, const T* weight,
                    const convolution_epilogue<T>& epilogue, T* result) {
  // Strips of an image are to be whole panels.
  if (g.out_area() % pixels_at_once != 0 && runs_of_pixels_pay(g, g.out_channels)) {
    const convolution_branch<T> all{g.out_channels, weight, epilogue, result};
    convolve_pixels<T>(g, image, {&all, 1});
  } else {
    patch_convolve<panel_products<T>>(g, image, weight, epilogue, result);
  }
}
template <class T>
void panel_convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                              const T* bias, T* image) {
  patch_convolve_transpose<panel_products<T>>(g, result, weight, bias, image);
}
template <class T>
void panel_convolve_weight(const convolution_geometry& g, const T* image, const T* result,
                           T* weight) {
  patch_convolve_weight<panel_products<T>>(g, image, result, weight);
}

}  // namespace lift::detail
