// SPDX-License-Identifier: MIT
#pragma once

// Convolutions with kernels of 3, 5 or 7 pixels along one axis by Winograd's minimal filtering along
// that axis, row by row of the kernel (winograd_line_filter.hpp).

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <lift/backend/cpu/winograd_convolution.hpp>
#include <lift/backend/cpu/winograd_line_filter.hpp>

namespace lift::detail {

/// Matrices (rows, row), one for each of the points.
template <std::size_t Points, class T>
struct matrices_of_points {
  T* data;
  std::size_t row;     // elements, whole vectors
  std::size_t matrix;  // elements from one to the next

  T* operator()(std::size_t point, std::size_t at, std::size_t column) const {
    return data + point * matrix + at * row + column;
  }
  /// The odd vector spreads the matrices over the cache's sets.
  matrices_of_points(T* to, std::size_t rows, std::size_t columns)
      : data(to), row(round_up(columns, lanes<T>)), matrix(rows * row + lanes<T>) {}
  /// The rows from one on.
  matrices_of_points from(std::size_t at) const {
    matrices_of_points result = *this;
    result.data += at * row;
    return result;
  }
  static std::size_t size(std::size_t rows, std::size_t columns) {
    return Points * matrices_of_points(nullptr, rows, columns).matrix;
  }
};

/// The outputs of a convolution cut into lines of `length` pixels along one axis. Those that lie
/// beside or under one another are a row of lines: of one row of pixels, or of `length` of them.
struct line_tiling {
  bool along_rows;
  std::size_t length, height, width;

  std::size_t columns() const { return along_rows ? ceil_div(width, length) : width; }
  std::size_t pixel_rows() const { return along_rows ? 1 : length; }
  std::size_t rows() const { return ceil_div(height, pixel_rows()); }
};

/// Whether a kernel's lines lie along the rows of an image, and how many numbers a line has.
inline bool kernel_lies_along_rows(const convolution_geometry& g) { return g.kernel.width > 1; }
inline std::size_t line_taps(const convolution_geometry& g) {
  return kernel_lies_along_rows(g) ? g.kernel.width : g.kernel.height;
}

/// Calls body(line_filter) for a convolution's kernel, of 3, 5 or 7 numbers.
template <class Body>
auto with_line_filter(const convolution_geometry& g, const Body& body) {
  switch (line_taps(g)) {
    case 3: return body(line_filter<3>{});
    case 5: return body(line_filter<5>{});
    default: return body(line_filter<7>{});
  }
}

/// Whether this way takes at most two thirds of the products, and enough of them to pay for the
/// transforms.
inline bool winograd_lines_pay(const convolution_geometry& g) {
  const std::size_t taps = line_taps(g);
  if ((taps != 3 && taps != 5 && taps != 7) || !(g.stride == 1) || g.channels < 16 ||
      g.out_channels < 16 || g.padding.width >= g.kernel.width ||
      g.padding.height >= g.kernel.height)
    return false;
  return with_line_filter(g, [&]<std::size_t Taps>(line_filter<Taps>) {
    using filter = line_filter<Taps>;
    const line_tiling lines{kernel_lies_along_rows(g), filter::outputs, g.out_height, g.out_width};
    return lines.rows() * lines.columns() >= 8 &&
           3 * filter::points * lines.rows() * lines.columns() <= 2 * taps * g.out_area();
  });
}

/// A convolution whose kernel's lines have Filter::taps numbers.
template <class Filter, class T>
class line_convolution {
 public:
  line_convolution(const convolution_geometry& g, const T* weight)
      : g_(g), weight_(weight),
        lines_{kernel_lies_along_rows(g), Filter::outputs, g.out_height, g.out_width} {}

  /// Writes the results with the epilogue.
  void operator()(const T* image, const convolution_epilogue<T>& epilogue, T* result) const {
    constexpr std::size_t enough = 48;  // lines to pay for reading the kernels
    if (kernel_rows() == 1 && lines_.rows() * lines_.columns() < enough)
      panels_in_turn(image, epilogue, result);
    else
      lines_in_turn(image, epilogue, result);
  }

 private:
  using numbers = matrices_of_points<Filter::points, T>;
  using batch = xsimd::batch<T>;
  static constexpr std::size_t width = panel_width<T>, n = lanes<T>;

  /// All kernels are transformed first; a task then does a few rows of lines from end to end.
  void lines_in_turn(const T* image, const convolution_epilogue<T>& epilogue, T* result) const {
    const std::size_t panels = ceil_div(g_.out_channels, width);
    const std::size_t panel_size = numbers::size(kernel_rows() * g_.channels, width);
    work_buffer<T> space(panels * panel_size);
    const auto kernels_of = [&](std::size_t panel) {
      return numbers(space.data() + panel * panel_size, kernel_rows() * g_.channels, width);
    };
    constexpr std::size_t step = 16;
    const std::size_t parts = ceil_div(g_.channels, step);
    default_thread_pool().run(panels * parts, [&](std::size_t task) {
      const std::size_t first = task % parts * step;
      transform_kernels(task / parts, first, std::min(first + step, g_.channels), g_.channels,
                        kernels_of(task / parts).from(first));
    });
    const std::size_t rows = rows_of_task(), tasks = ceil_div(lines_.rows(), rows);
    default_thread_pool().run(g_.batch * tasks, [&](std::size_t task) {
      const std::size_t first = task % tasks * rows, last = std::min(first + rows, lines_.rows());
      const std::size_t count = (last - first) * lines_.columns();
      const std::size_t seen = count + (kernel_rows() - 1) * lines_.columns();
      const scratch<T> input_space(numbers::size(seen, g_.channels));
      const numbers inputs(input_space, seen, g_.channels);
      transform_inputs(image + task / tasks * g_.image_size(), first, last, inputs);
      const scratch<T> product_space(numbers::size(count, width));
      const numbers products(product_space, count, width);
      for (std::size_t panel = 0; panel < panels; ++panel) {
        for (std::size_t row = 0; row < kernel_rows(); ++row)
          multiply(inputs.from(row * lines_.columns()), count, 0, g_.channels, panel,
                   kernels_of(panel).from(row * g_.channels), products, row > 0);
        restore(products, task / tasks, first, last, panel, epilogue, result);
      }
    });
  }

  /// Of images of few lines some are transformed first; a task then does a panel of output channels,
  /// whose kernels it transforms itself.
  void panels_in_turn(const T* image, const convolution_epilogue<T>& epilogue, T* result) const {
    const std::size_t each = lines_.rows() * lines_.columns();
    const std::size_t together = std::max<std::size_t>(
        1, near_bytes() / (Filter::points * sizeof(T) * width) / each);
    for (std::size_t start = 0; start < g_.batch; start += together) {
      const std::size_t images = std::min(together, g_.batch - start), count = images * each;
      work_buffer<T> input_space(numbers::size(count, g_.channels));
      const numbers inputs(input_space.data(), count, g_.channels);
      default_thread_pool().run(images, [&](std::size_t i) {
        transform_inputs(image + (start + i) * g_.image_size(), 0, lines_.rows(),
                         inputs.from(i * each));
      });
      default_thread_pool().run(ceil_div(g_.out_channels, width), [&](std::size_t panel) {
        const scratch<T> kernel_space(numbers::size(kernel_depth, width));
        const numbers kernels(kernel_space, kernel_depth, width);
        const scratch<T> product_space(numbers::size(count, width));
        const numbers products(product_space, count, width);
        for (std::size_t c = 0; c < g_.channels; c += kernel_depth) {
          const std::size_t end = std::min(c + kernel_depth, g_.channels);
          transform_kernels(panel, c, end, 0, kernels);
          multiply(inputs, count, c, end, panel, kernels, products, c > 0);
        }
        for (std::size_t i = 0; i < images; ++i)
          restore(products.from(i * each), start + i, 0, lines_.rows(), panel, epilogue, result);
      });
    }
  }

  /// Rows of the kernel that lie along those of the image, whose products are added up.
  std::size_t kernel_rows() const { return lines_.along_rows ? g_.kernel.height : 1; }
  /// Output channels of a panel.
  std::size_t columns_of(std::size_t panel) const {
    return std::min(width, g_.out_channels - panel * width);
  }
  /// Rows of lines whose transformed inputs and products to a panel stay in a core's cache, about the
  /// same in every task.
  std::size_t rows_of_task() const {
    const std::size_t fit = near_bytes() / (Filter::points * sizeof(T) * (g_.channels + width));
    const std::size_t most = std::max<std::size_t>(1, fit / lines_.columns());
    return ceil_div(lines_.rows(), ceil_div(lines_.rows(), most));
  }

  /// The kernels of input channels [first, last) to those of a panel; those of each of the kernel's
  /// rows are `apart` rows from those of the row before.
  void transform_kernels(std::size_t panel, std::size_t first, std::size_t last, std::size_t apart,
                         const numbers& to) const {
    const std::size_t area = g_.kernel.area(), all = columns_of(panel);
    const kernel_view<T> view{weight_, weight_ + g_.out_channels * g_.patch(), area, g_.patch()};
    transposed_kernels<Filter::taps, T> transposed;
    for (std::size_t column = 0; column < all; column += n)
      for (std::size_t c = first; c < last; ++c)
        for (std::size_t row = 0; row < kernel_rows(); ++row) {
          kernel_view<T> of_row = view;
          of_row.data += row * Filter::taps;
          transposed.read(of_row, c, panel * width + column, std::min(n, all - column),
                          Filter::taps);
          std::array<batch, Filter::taps> taps;
          for (std::size_t i = 0; i < Filter::taps; ++i) taps[i] = transposed[i];
          const auto points = Filter::kernel(taps);
          for (std::size_t p = 0; p < points.size(); ++p)
            points[p].store_unaligned(to(p, row * apart + c - first, column));
        }
  }

  /// The inputs of rows of lines [first, last), and of the rows below that their kernels reach.
  void transform_inputs(const T* image, std::size_t first, std::size_t last,
                        const numbers& to) const {
    const std::size_t margin = lines_.along_rows ? g_.padding.width : 0;
    const std::size_t rows = last - first + kernel_rows() - 1, columns = lines_.columns();
    const std::size_t reach = Filter::points - Filter::outputs;
    const std::size_t pitch =
        lines_.along_rows ? columns * Filter::outputs + reach : columns;
    const std::size_t pixel_rows = lines_.along_rows ? rows : rows * Filter::outputs + reach;
    const scratch<T> z(pixel_rows * pitch * n);
    const tiling from{g_.batch, g_.channels, g_.height, g_.width};
    const std::size_t step = lines_.along_rows ? n : pitch * n;  // along a line
    for (std::size_t c = 0; c < g_.channels; c += n) {
      read_rows(from, image, c,
                static_cast<std::ptrdiff_t>(first * lines_.pixel_rows()) -
                    static_cast<std::ptrdiff_t>(g_.padding.height),
                pixel_rows, margin, pitch, z.data());
      for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t column = 0; column < columns; ++column) {
          const T* const at = start_of(z.data(), pitch, row, column);
          typename Filter::template line<batch> line;
          for (std::size_t i = 0; i < Filter::points; ++i)
            line[i] = batch::load_unaligned(at + i * step);
          const auto points = Filter::input(line);
          for (std::size_t p = 0; p < Filter::points; ++p)
            points[p].store_unaligned(to(p, row * columns + column, c));
        }
    }
  }

  /// Where a line begins in rows of pixels, a vector of channels for each.
  template <class U>
  U* start_of(U* rows, std::size_t pitch, std::size_t row, std::size_t column) const {
    return rows + (row * lines_.pixel_rows() * pitch +
                   column * (lines_.along_rows ? Filter::outputs : 1)) * n;
  }

  /// products = or += inputs·kernels for the input channels [first, last), which are all that
  /// `kernels` holds.
  void multiply(const numbers& inputs, std::size_t count, std::size_t first, std::size_t last,
                std::size_t panel, const numbers& kernels, const numbers& products, bool add) const {
    for (std::size_t p = 0; p < Filter::points; ++p) {
      const detail::panel<T> one{kernels(p, 0, 0), products(p, 0, 0), round_up(columns_of(panel), n)};
      panel_product<T>(count, last - first, {inputs(p, 0, first), inputs.row, 1}, width,
                       std::span(&one, 1), width, {.add = add});
    }
  }

  /// The results of rows of lines [first, last) of an image for a panel of output channels.
  void restore(const numbers& products, std::size_t image, std::size_t first, std::size_t last,
               std::size_t panel, const convolution_epilogue<T>& epilogue, T* result) const {
    for (std::size_t c = 0; c < columns_of(panel); c += n)
      restore_vector(products, image, first, last, c, panel * width + c, epilogue, result);
  }
  /// Those of a vector of channels from `channel` on.
  void restore_vector(const numbers& products, std::size_t image, std::size_t first,
                      std::size_t last, std::size_t column_of_product, std::size_t channel,
                      const convolution_epilogue<T>& epilogue, T* result) const {
    const std::size_t columns = lines_.columns(), valid = std::min(n, g_.out_channels - channel);
    const std::size_t pitch = lines_.along_rows ? columns * Filter::outputs : columns;
    const std::size_t top = first * lines_.pixel_rows();
    const std::size_t bottom = std::min(last * lines_.pixel_rows(), g_.out_height);
    const std::size_t step = lines_.along_rows ? n : pitch * n;
    const scratch<T> z((last - first) * lines_.pixel_rows() * pitch * n);
    const std::size_t plane = image * g_.out_channels + channel;
    const batch offset = load_offsets(epilogue.bias, channel, valid) +
                         load_offsets(epilogue.vectors, plane, valid);
    for (std::size_t row = 0; row < last - first; ++row)
      for (std::size_t column = 0; column < columns; ++column) {
        typename Filter::template line<batch> line;
        for (std::size_t p = 0; p < Filter::points; ++p)
          line[p] = batch::load_unaligned(
              products(p, row * columns + column, column_of_product));
        const auto y = Filter::output(line);
        T* const to = start_of(z.data(), pitch, row, column);
        for (std::size_t i = 0; i < Filter::outputs; ++i)
          (y[i] + offset).store_unaligned(to + i * step);
      }
    const std::size_t place = plane * g_.out_area() + top * g_.out_width;
    scatter_channels(
        [&](std::size_t pixel) { return pixel_cursor<T>(z.data(), g_.out_width, pitch, pixel); },
        g_.out_area(), valid, (bottom - top) * g_.out_width,
        epilogue.images ? epilogue.images + place : nullptr, epilogue.rectify, result + place);
  }

  convolution_geometry g_;
  const T* weight_;
  line_tiling lines_;
};

/// result = image ∗ weight, with its epilogue.
template <class T>
void winograd_convolve_lines(const convolution_geometry& g, const T* image, const T* weight,
                             const convolution_epilogue<T>& epilogue, T* result) {
  with_line_filter(g, [&]<std::size_t Taps>(line_filter<Taps>) {
    line_convolution<line_filter<Taps>, T>(g, weight)(image, epilogue, result);
  });
}

}  // namespace lift::detail
