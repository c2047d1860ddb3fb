// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <lift/core/config.hpp>
#include <lift/core/error.hpp>

namespace lift {

/// Most elements that are counted in 32 bits: what index_divider divides is below.
inline constexpr std::size_t max_divided_index = std::size_t{1} << 31;

/// Division of indices i < 2³¹ by one divisor 1 … 2³¹, a product and a shift, since devices divide
/// slowly: with s = ⌈log₂ d⌉ and m = ⌈2^(31+s)/d⌉, ⌊i/d⌋ = ⌊i·m/2^(31+s)⌋ (Granlund & Montgomery
/// 1994).
class index_divider {
 public:
  index_divider() : index_divider(1) {}
  explicit index_divider(std::size_t divisor) : divisor_(static_cast<std::uint32_t>(divisor)) {
    require(divisor >= 1 && divisor <= max_divided_index, "divisor of an index", divisor,
            "1 to 2^31");
    shift_ = 31 + static_cast<std::uint32_t>(std::bit_width(divisor - 1));
    multiplier_ = static_cast<std::uint32_t>(((std::uint64_t{1} << shift_) + divisor - 1) / divisor);
  }

  LIFT_HD std::uint32_t divisor() const { return divisor_; }
  /// i / divisor.
  LIFT_HD std::uint32_t quotient(std::uint32_t i) const {
    return static_cast<std::uint32_t>(std::uint64_t{i} * multiplier_ >> shift_);
  }
  /// i % divisor.
  LIFT_HD std::uint32_t remainder(std::uint32_t i) const { return i - quotient(i) * divisor_; }
  /// Sets i to i / divisor and returns i % divisor: the last of the places that i numbers.
  LIFT_HD std::uint32_t split(std::uint32_t& i) const {
    const std::uint32_t whole = quotient(i), rest = i - whole * divisor_;
    i = whole;
    return rest;
  }

 private:
  std::uint32_t divisor_, multiplier_, shift_;
};

}  // namespace lift
