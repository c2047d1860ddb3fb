// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/shape.hpp>
#include <lift/tensor/bfloat16.hpp>

namespace lift {

static_assert(std::endian::native == std::endian::little, "tensor files are little-endian");

/// IEEE 754 binary16 as it lies in a file: 1 sign, 5 exponent, 10 fraction bits.
struct float16 {
  std::uint16_t bits;
  explicit operator float() const {
    const std::uint32_t sign = (bits & 0x8000u) << 16, magnitude = bits & 0x7fffu;
    const bool finite = magnitude < 0x7c00u;
    // Shifted into a float's place the exponent is too small by 127 − 15; the product is exact.
    const float value = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
    const std::uint32_t special = 0x7f800000u | (magnitude & 0x3ffu) << 13;
    return std::bit_cast<float>(sign | (finite ? std::bit_cast<std::uint32_t>(value) : special));
  }
};

/// The nearest float16, of two the even one; infinite from 65520 on, NaN stays NaN.
inline float16 to_float16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  const auto with_sign = [&](std::uint32_t half) {
    return float16{static_cast<std::uint16_t>(sign | half)};
  };
  if (magnitude > 0x7f800000u) return with_sign(0x7e00u);
  if (magnitude >= 0x477ff000u) return with_sign(0x7c00u);
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴, as floats from 0.5 to 1 are: the sum rounds.
  if (magnitude < 0x38800000u)
    return with_sign(std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
                     0x3f000000u);
  return with_sign((magnitude + 0xfffu + (magnitude >> 13 & 1u) - 0x38000000u) >> 13);
}

/// Element types of a tensor file, in the order of `dtype_names`.
enum class dtype : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};

inline constexpr std::array<std::string_view, 13> dtype_names = {
    "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"};

inline std::string_view name(dtype type) { return dtype_names[static_cast<std::size_t>(type)]; }

inline std::optional<dtype> find_dtype(std::string_view name) {
  const auto found = std::find(dtype_names.begin(), dtype_names.end(), name);
  if (found == dtype_names.end()) return std::nullopt;
  return static_cast<dtype>(found - dtype_names.begin());
}

/// Calls `visit(Stored{})` with the C++ type that a dtype is stored as; BOOL is a byte.
template <class Visit>
decltype(auto) with_type(dtype type, Visit&& visit) {
  switch (type) {
    case dtype::f64:
      return visit(double{});
    case dtype::f32:
      return visit(float{});
    case dtype::f16:
      return visit(float16{});
    case dtype::bf16:
      return visit(bfloat16{});
    case dtype::i64:
      return visit(std::int64_t{});
    case dtype::i32:
      return visit(std::int32_t{});
    case dtype::i16:
      return visit(std::int16_t{});
    case dtype::i8:
      return visit(std::int8_t{});
    case dtype::u64:
      return visit(std::uint64_t{});
    case dtype::u32:
      return visit(std::uint32_t{});
    case dtype::u16:
      return visit(std::uint16_t{});
    case dtype::u8:
    case dtype::boolean:
      break;
  }
  return visit(std::uint8_t{});
}

/// Bytes per element.
inline std::size_t size_of(dtype type) {
  return with_type(type, [](auto stored) { return sizeof(stored); });
}

/// The dtype that a C++ type is stored as.
template <class T>
constexpr dtype dtype_of() {
  if constexpr (std::is_same_v<T, double>) return dtype::f64;
  if constexpr (std::is_same_v<T, float>) return dtype::f32;
  if constexpr (std::is_same_v<T, float16>) return dtype::f16;
  if constexpr (std::is_same_v<T, bfloat16>) return dtype::bf16;
  if constexpr (std::is_integral_v<T>) {
    constexpr int width = std::countr_zero(sizeof(T));  // 0 … 3: 1, 2, 4, 8 bytes
    constexpr auto widest = std::is_signed_v<T> ? dtype::i64 : dtype::u64;
    return static_cast<dtype>(static_cast<int>(widest) + 3 - width);
  }
  static_assert(std::is_same_v<T, double> || std::is_same_v<T, float> || std::is_integral_v<T> ||
                std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>);
}

/// A tensor as it lies in a file: row-major little-endian elements in host memory.
struct host_tensor {
  dtype type = dtype::f32;
  shape dims;
  std::vector<std::byte> data;

  /// The elements as T: any dtype converts to float and double, integers only to themselves.
  template <class T>
  std::vector<T> as() const {
    require(data.size() == dims.size() * size_of(type), "bytes of a tensor", data.size(),
            dims.size() * size_of(type));
    std::vector<T> result(dims.size());
    with_type(type, [&]<class Stored>(Stored element) {
      if constexpr (std::is_same_v<T, Stored>) {
        if (!data.empty()) std::memcpy(result.data(), data.data(), data.size());
      } else if constexpr (std::is_floating_point_v<T>) {
        for (std::size_t i = 0; i < result.size(); ++i) {
          std::memcpy(&element, data.data() + i * sizeof element, sizeof element);
          if constexpr (std::is_class_v<Stored>) {
            result[i] = static_cast<T>(static_cast<float>(element));
          } else {
            result[i] = static_cast<T>(element);
          }
        }
      } else {
        throw error(
            text("element type of a tensor: got ", name(type), ", want ", name(dtype_of<T>())));
      }
    });
    return result;
  }

  /// The same elements as F32, F16 or BF16, each the nearest, of two the even one; infinite where
  /// they are too large.
  host_tensor rounded_to(dtype wanted) const {
    const std::vector<float> values = as<float>();
    const auto rounded = [&](auto round) {
      using Stored = decltype(round(0.f));
      std::vector<Stored> result(values.size());
      std::transform(values.begin(), values.end(), result.begin(), round);
      return from<Stored>(dims, result);
    };
    if (wanted == dtype::f16) return rounded(to_float16);
    if (wanted == dtype::bf16) return rounded([](float x) { return bfloat16(x); });
    require(wanted == dtype::f32, "element type to round to", name(wanted), "F32, F16 or BF16");
    return rounded([](float x) { return x; });
  }

  template <class T>
  static host_tensor from(const shape& dims, std::span<const T> values) {
    require(values.size() == dims.size(), "elements of a tensor", values.size(), dims.size());
    const auto bytes = std::as_bytes(values);
    return {dtype_of<T>(), dims, {bytes.begin(), bytes.end()}};
  }
};

}  // namespace lift
