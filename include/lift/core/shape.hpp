// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

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
    for (std::size_t axis = 0; axis < rank_; ++axis) extents_[axis] = extents[axis];
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

  friend bool operator==(const shape&, const shape&) = default;

  /// "(2, 3, 16, 16)"
  friend std::string to_text(const shape& s) {
    std::string result;
    for (const std::size_t extent : s) result += (result.empty() ? "" : ", ") + std::to_string(extent);
    return "(" + result + ")";
  }
  template <class Traits>
  friend auto& operator<<(std::basic_ostream<char, Traits>& out, const shape& s) {
    return out << to_text(s);
  }

 private:
  std::array<std::size_t, max_rank> extents_{};  // 0 beyond the rank
  std::size_t rank_ = 0;
};

}  // namespace lift
