// SPDX-License-Identifier: MIT
#pragma once

#include <lift/op/linear_map.hpp>
#include <lift/op/pooling.hpp>

namespace lift::kernel {

/// How many pixels an average is over: those of the image, or of the padding too.
struct averaged_windows {
  window_grid windows;
  bool count_padding;

  LIFT_HD std::size_t pixels(std::size_t i, std::size_t j) const {
    return pixels(windows.rows, i) * pixels(windows.columns, j);
  }
  LIFT_HD std::size_t pixels(const window_axis& axis, std::size_t i) const {
    if (!count_padding) return axis.end(i) - axis.begin(i);
    const std::size_t first = i * axis.stride, all = axis.length + 2 * axis.padding;
    return first + axis.size < all ? axis.size : all - first;
  }
};

/// One row of averages.
template <class T>
struct average_row {
  averaged_windows in;
  const T* x;
  T* y;
  LIFT_HD void operator()(std::size_t row) const {
    using A = accumulator_t<T>;
    combine_windows<A>(
        in.windows, x, row, A(0),
        [](A total, A value) { return total + value; },
        [&](std::size_t j, std::size_t n, const A* totals) {
          const window_axis& columns = in.windows.columns;
          const std::size_t i = row % in.windows.rows.count;
          T* const to = y + row * columns.count;
          const auto divide = [&](std::size_t begin, std::size_t end, auto pixels) {
            for (std::size_t k = begin; k < end; ++k)
              to[k] = static_cast<T>(totals[k - j] / static_cast<A>(pixels(k)));
          };
          // Whole windows are of equally many.
          const auto each = [&](std::size_t k) { return in.pixels(i, k); };
          const auto within = [&](std::size_t k) { return k < j ? j : k < j + n ? k : j + n; };
          const std::size_t first = within(columns.whole_begin());
          const std::size_t last = within(columns.whole_end());
          if (first >= last) return divide(j, j + n, each);
          divide(j, first, each);
          divide(first, last, [all = each(first)](std::size_t) { return all; });
          divide(last, j + n, each);
        });
  }
};

/// Adjoint of average_row, as a gather: one row of pixels.
template <class T>
struct average_transpose_row {
  averaged_windows in;
  const T* w;
  T* g;
  LIFT_HD void operator()(std::size_t row) const {
    using A = accumulator_t<T>;
    const window_axis rows = in.windows.rows, columns = in.windows.columns;
    const std::size_t p = row % rows.length;
    const T* const image = w + row / rows.length * rows.count * columns.count;
    for (std::size_t q = 0; q < columns.length; ++q) {
      A total(0);
      for (std::size_t i = rows.first(p); i < rows.last(p); ++i)
        for (std::size_t j = columns.first(q); j < columns.last(q); ++j)
          total += image[i * columns.count + j] / static_cast<A>(in.pixels(i, j));
      g[row * columns.length + q] = static_cast<T>(total);
    }
  }
};

}  // namespace lift::kernel

namespace lift::op {

/// The means of an image (B, C, H, W) over windows, (B, C, …), as torch.nn.functional.avg_pool2d:
/// with `count_padding` its padding counts as pixels that are 0.
struct average_pool2d : linear_map<average_pool2d> {
  static constexpr const char* name = "average_pool2d";
  static constexpr bool channels_first_alone = true;

  pooling_windows windows;
  bool count_padding;

  constexpr explicit average_pool2d(const pooling_windows& windows_, bool count_padding_ = true)
      : windows(windows_), count_padding(count_padding_) {}

  shape output_shape(const shape& x) const {
    const kernel::window_grid g = windows.over(x, name);
    return {x[0], x[1], g.rows.count, g.columns.count};
  }

  template <class Tensor>
  Tensor map(const Tensor& x) const {
    using T = typename Tensor::value_type;
    const shape s = output_shape(x.shape());
    Tensor y(s);
    Tensor::backend_type::for_each(
        s.product(0, 3),
        kernel::average_row<T>{averaged(x.shape()), x.data(), y.mutable_data()},
        s[3] * windows.kernel.area());
    return y;
  }
  template <class Tensor>
  Tensor transpose(const Tensor& w, const shape& x) const {
    using T = typename Tensor::value_type;
    Tensor g(x);
    Tensor::backend_type::for_each(
        x.product(0, 3),
        kernel::average_transpose_row<T>{averaged(x), w.data(), g.mutable_data()},
        4 * w.shape()[3] * windows.kernel.area());
    return g;
  }

 private:
  kernel::averaged_windows averaged(const shape& x) const {
    return {windows.over(x, name), count_padding};
  }
};

}  // namespace lift::op
