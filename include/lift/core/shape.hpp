// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <ostream>
#include <span>

#include <lift/core/error.hpp>

namespace lift {

/// The extents of a row-major array, outermost first, at most `max_rank` of them.
class shape {
 public:
  static constexpr std::size_t max_rank = 8;

  shape() = default;
  shape(std::initializer_list<std::size_t> extents)
      : shape(std::span<const std::size_t>(extents.begin(), extents.size())) {}
  explicit shape(std::span<const std::size_t> extents) : rank_(extents.size()) {
    require(rank_ <= max_rank, "rank of a shape", rank_, "at most 8");
    std::copy(extents.begin(), extents.end(), extents_.begin());
  }

  std::size_t rank() const { return rank_; }
  std::size_t operator[](std::size_t axis) const { return extents_[axis]; }
  std::size_t& operator[](std::size_t axis) { return extents_[axis]; }

  /// Number of elements: the product of the extents, 1 for rank 0.
  std::size_t size() const { return product(0, rank_); }

  /// Product of the extents of the axes first, …, last − 1.
  std::size_t product(std::size_t first, std::size_t last) const {
    std::size_t result = 1;
    for (std::size_t axis = first; axis < last; ++axis) result *= extents_[axis];
    return result;
  }

  const std::size_t* begin() const { return extents_.data(); }
  const std::size_t* end() const { return extents_.data() + rank_; }

  friend bool operator==(const shape& a, const shape& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

  /// Writes "(2, 3, 16, 16)".
  friend std::ostream& operator<<(std::ostream& out, const shape& s) {
    out << '(';
    for (std::size_t axis = 0; axis < s.rank_; ++axis) out << (axis ? ", " : "") << s.extents_[axis];
    return out << ')';
  }

 private:
  std::array<std::size_t, max_rank> extents_{};
  std::size_t rank_ = 0;
};

}  // namespace lift
