// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/scales.hpp>

namespace lift {

/// A row-major table of doubles with N axes; default-constructed it is empty.
template <std::size_t N = 2>
class grid {
 public:
  using lengths = std::array<std::size_t, N>;

  grid() = default;
  explicit grid(const lengths& axes, double fill = 0)
      : grid(axes, std::vector<double>(size_of(axes), fill)) {}
  /// Throws lift::error unless there is a value for each index.
  grid(const lengths& axes, std::vector<double> values) : lengths_(axes), values_(std::move(values)) {
    std::string wanted;
    for (const std::size_t length : axes) wanted += (wanted.empty() ? "" : "×") + std::to_string(length);
    require(values_.size() == size_of(axes), "number of grid values", values_.size(), wanted);
  }
  grid(std::size_t rows, std::size_t columns, double fill = 0)
    requires(N == 2)
      : grid(lengths{rows, columns}, fill) {}
  grid(std::size_t rows, std::size_t columns, std::vector<double> values)
    requires(N == 2)
      : grid(lengths{rows, columns}, std::move(values)) {}
  /// `points` along every axis.
  static grid cube(std::size_t points, double fill = 0) {
    lengths axes;
    axes.fill(points);
    return grid(axes, fill);
  }

  std::size_t length(std::size_t axis) const { return lengths_[axis]; }
  std::size_t rows() const { return lengths_[0]; }
  std::size_t columns() const { return lengths_[N - 1]; }
  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }

  double operator[](const scales<std::size_t, N>& index) const { return values_[offset(index)]; }
  double& operator[](const scales<std::size_t, N>& index) { return values_[offset(index)]; }
  template <std::convertible_to<std::size_t>... Index>
    requires(sizeof...(Index) == N)
  double operator()(Index... index) const {
    return (*this)[{static_cast<std::size_t>(index)...}];
  }
  template <std::convertible_to<std::size_t>... Index>
    requires(sizeof...(Index) == N)
  double& operator()(Index... index) {
    return (*this)[{static_cast<std::size_t>(index)...}];
  }

  const std::vector<double>& values() const { return values_; }
  std::vector<double>& values() { return values_; }

  /// Where values() has an index, and the index of an offset.
  std::size_t offset(const scales<std::size_t, N>& index) const {
    std::size_t result = 0;
    for (std::size_t axis = 0; axis < N; ++axis) result = result * lengths_[axis] + index[axis];
    return result;
  }
  scales<std::size_t, N> index_at(std::size_t offset) const {
    scales<std::size_t, N> result;
    for (std::size_t axis = N; axis-- > 0; offset /= lengths_[axis])
      result[axis] = offset % lengths_[axis];
    return result;
  }

  friend bool operator==(const grid&, const grid&) = default;

 private:
  static std::size_t size_of(const lengths& axes) {
    std::size_t size = 1;
    for (const std::size_t length : axes) size *= length;
    return size;
  }

  lengths lengths_{};
  std::vector<double> values_;
};

}  // namespace lift
