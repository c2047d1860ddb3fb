// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <lift/op/pooling.hpp>

namespace lift::kernel {

/// One row of maxima alone. What is not a number is the greatest.
template <class T>
struct maximum_value_row {
  window_grid windows;
  const T* x;
  T* y;
  LIFT_HD void operator()(std::size_t row) const {
    using A = accumulator_t<T>;
    combine_windows<A>(
        windows, x, row, -A(INFINITY),
        [](A most, A value) { return ((value > most) | (value != value)) ? value : most; },
        [&](std::size_t j, std::size_t n, const A* most) {
          T* const to = y + row * windows.columns.count + j;
          for (std::size_t k = 0; k < n; ++k) to[k] = static_cast<T>(most[k]);
        });
  }
};

/// One row of maxima, and of their places in their windows, row by row.
template <class T>
struct maximum_row {
  window_grid windows;
  const T* x;
  T* y;
  accumulator_t<T>* places;
  LIFT_HD void operator()(std::size_t row) const {
    pool_in_groups<8, 1>(*this, windows.columns, row);
  }

  template <std::size_t Group, std::size_t Stride>
  LIFT_HD void pool(std::size_t row, std::size_t j) const {
    using A = accumulator_t<T>;
    const window_axis rows = windows.rows, columns = windows.columns;
    const std::size_t i = row % rows.count;
    const T* const image = x + row / rows.count * rows.length * columns.length;
    const auto place = [&](std::size_t p, std::size_t q) {
      return static_cast<A>(rows.place(p, i) * columns.size + columns.place(q, j));
    };
    T most[Group];
    A chosen[Group], not_numbers[Group];
    for (std::size_t k = 0; k < Group; ++k) {
      most[k] = image[rows.begin(i) * columns.length + columns.begin(j) + k * Stride];
      chosen[k] = place(rows.begin(i), columns.begin(j));
      not_numbers[k] = A(0);
    }
    for (std::size_t p = rows.begin(i); p < rows.end(i); ++p)
      for (std::size_t q = columns.begin(j); q < columns.end(j); ++q) {
        const T* const pixel = image + p * columns.length + q;
        const A here = place(p, q);
        // One comparison a loop, so that compilers make vectors of them.
        T value[Group];
        for (std::size_t k = 0; k < Group; ++k) value[k] = pixel[k * Stride];
        if (Group == 1 && value[0] != value[0]) {  // what is no number is the most
          most[0] = value[0];
          chosen[0] = here;
        }
        for (std::size_t k = 0; k < Group; ++k) chosen[k] = value[k] > most[k] ? here : chosen[k];
        for (std::size_t k = 0; k < Group; ++k) most[k] = value[k] > most[k] ? value[k] : most[k];
        for (std::size_t k = 0; k < Group; ++k)
          not_numbers[k] = value[k] != value[k] ? A(1) : not_numbers[k];
      }
    for (std::size_t k = 0; k < Group; ++k) {
      y[row * columns.count + j + k] = most[k];
      places[row * columns.count + j + k] = chosen[k];
    }
    if constexpr (Group > 1)
      for (std::size_t k = 0; k < Group; ++k)
        if (not_numbers[k] != A(0)) pool<1, 1>(row, j + k);
  }
};

/// One row of the tangents of the pixels that were chosen; the places are repeated for stacked ones.
template <class T>
struct chosen_row {
  window_grid windows;
  const accumulator_t<T>* places;
  const T* d;
  std::size_t place_rows;
  T* dy;
  LIFT_HD void operator()(std::size_t row) const {
    const window_axis rows = windows.rows, columns = windows.columns;
    const std::size_t i = row % rows.count;
    const T* const image = d + row / rows.count * rows.length * columns.length;
    for (std::size_t j = 0; j < columns.count; ++j) {
      const auto place =
          static_cast<std::size_t>(places[row % place_rows * columns.count + j]);
      dy[row * columns.count + j] =
          image[rows.pixel(place / columns.size, i) * columns.length +
                columns.pixel(place % columns.size, j)];
    }
  }
};

/// Adjoint of chosen_row, as a gather: one row of pixels, each of the windows that chose it.
template <class T>
struct chosen_transpose_row {
  window_grid windows;
  const accumulator_t<T>* places;
  const T* w;
  T* g;
  LIFT_HD void operator()(std::size_t row) const {
    const window_axis rows = windows.rows, columns = windows.columns;
    const std::size_t p = row % rows.length;
    const std::size_t image = row / rows.length * rows.count * columns.count;
    for (std::size_t q = 0; q < columns.length; ++q) {
      accumulator_t<T> total(0);
      for (std::size_t i = rows.first(p); i < rows.last(p); ++i)
        for (std::size_t j = columns.first(q); j < columns.last(q); ++j) {
          const std::size_t window = image + i * columns.count + j;
          if (places[window] ==
              static_cast<accumulator_t<T>>(rows.place(p, i) * columns.size + columns.place(q, j)))
            total += w[window];
        }
      g[row * columns.length + q] = static_cast<T>(total);
    }
  }
};

}  // namespace lift::kernel

namespace lift::op {

/// The maxima of an image (B, C, H, W) over windows, (B, C, …), as torch.nn.functional.max_pool2d;
/// padding is never the greatest. Of equal pixels the first, row by row, is chosen:
/// dy = dx at the chosen pixels, and of Jᵀw a pixel has the sum of w over the windows that chose it.
struct max_pool2d {
  static constexpr const char* name = "max_pool2d";
  static constexpr std::size_t inputs = 1;

  pooling_windows windows;

  constexpr explicit max_pool2d(const pooling_windows& windows_) : windows(windows_) {}

  shape output_shape(const shape& x) const {
    require(windows.kernel.area() <= std::size_t{1} << 24, "max_pool2d: pixels of the kernel",
            windows.kernel.area(), "at most 2^24");  // a float counts as far
    const kernel::window_grid g = windows.over(x, name);
    return {x[0], x[1], g.rows.count, g.columns.count};
  }

  template <class Tensor>
  Tensor value(const Tensor& x) const {
    const shape s = output_shape(x.shape());
    const Tensor image = channels_first(x);
    Tensor y(s);
    Tensor::backend_type::for_each(
        s.product(0, 3),
        kernel::maximum_value_row<typename Tensor::value_type>{
            windows.over(x.shape(), name), image.data(), y.mutable_data()},
        s[3] * windows.kernel.area());
    return y.in_layout(x.layout());
  }

  template <class Tensor>
  struct saved {
    typename Tensor::accumulators places;  // of the chosen pixels in their windows, row by row
    shape x;
  };

  template <class Tensor>
  auto forward(const Tensor& x) const {
    using T = typename Tensor::value_type;
    const shape s = output_shape(x.shape());
    const Tensor image = channels_first(x);
    Tensor y(s);
    typename Tensor::accumulators places(s);
    Tensor::backend_type::for_each(
        s.product(0, 3),
        kernel::maximum_row<T>{windows.over(x.shape(), name), image.data(), y.mutable_data(),
                               places.mutable_data()},
        2 * s[3] * windows.kernel.area());
    return evaluation{y.in_layout(x.layout()), saved<Tensor>{places, x.shape()}};
  }

  template <class Tensor>
  Tensor jvp(const saved<Tensor>& s, const tangents<Tensor, 1>& dx) const {
    using T = typename Tensor::value_type;
    const shape to = output_shape(dx[0].shape());
    const Tensor d = channels_first(dx[0]);
    Tensor dy(to);
    Tensor::backend_type::for_each(
        to.product(0, 3),
        kernel::chosen_row<T>{windows.over(s.x, name), s.places.data(), d.data(),
                              s.places.shape().product(0, 3), dy.mutable_data()},
        4 * to[3]);
    return dy.in_layout(dx[0].layout());
  }

  template <class Tensor>
  tangents<Tensor, 1> vjp(const saved<Tensor>& s, const Tensor& w, const selection<1>&) const {
    using T = typename Tensor::value_type;
    const Tensor weights = channels_first(w);
    Tensor g(s.x);
    Tensor::backend_type::for_each(
        s.x.product(0, 3),
        kernel::chosen_transpose_row<T>{windows.over(s.x, name), s.places.data(), weights.data(),
                                        g.mutable_data()},
        4 * w.shape()[3] * windows.kernel.area());
    return {g.in_layout(w.layout())};
  }
};

}  // namespace lift::op
