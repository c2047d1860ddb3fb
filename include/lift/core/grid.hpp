// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>

namespace lift {

/// A row-major table of doubles; default-constructed it is empty (0×0).
class grid {
 public:
  grid() = default;
  grid(std::size_t rows, std::size_t columns, double fill = 0)
      : grid(rows, columns, std::vector<double>(rows * columns, fill)) {}

  /// Throws lift::error unless there are rows × columns values.
  grid(std::size_t rows, std::size_t columns, std::vector<double> values)
      : rows_(rows), columns_(columns), values_(std::move(values)) {
    require(values_.size() == rows * columns, "number of grid values", values_.size(),
            text(rows, "×", columns));
  }

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  bool empty() const { return values_.empty(); }

  double operator()(std::size_t i, std::size_t j) const { return values_[i * columns_ + j]; }
  double& operator()(std::size_t i, std::size_t j) { return values_[i * columns_ + j]; }

  const std::vector<double>& values() const { return values_; }

  friend bool operator==(const grid&, const grid&) = default;

 private:
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<double> values_;
};

}  // namespace lift
