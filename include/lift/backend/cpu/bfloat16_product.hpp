// SPDX-License-Identifier: MIT
#pragma once

// Products of factors in bfloat16 with sums in float32, 32 × 32 of them at a time, by what the
// processor has for them: the tiles of AMX, the dot products of AVX-512-BF16, or float32 arithmetic
// on widened numbers.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <xsimd/xsimd.hpp>

#include <lift/backend/cpu/multiply_add.hpp>
#include <lift/tensor/bfloat16.hpp>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lift::detail {

/// Rows, and columns, of a tile of sums; half the depth of a step.
inline constexpr std::size_t tile_side = 16;
/// Rows and columns of the sums of one product.
inline constexpr std::size_t product_side = 2 * tile_side;
/// How many products a step adds to each sum.
inline constexpr std::size_t step_depth = 2 * tile_side;

/// Two numbers that a dot product takes together, the first in the lower half.
using bfloat16_pair = std::uint32_t;

/// The factors of a product in tiles of 16 rows: in each step 16 × 32 numbers of the left one, and
/// 16 pairs × 16 columns of the right one. Absent second tiles are null.
struct bfloat16_factors {
  const bfloat16* left[2];
  std::size_t left_pitch;  ///< numbers from a row to the next
  const bfloat16_pair* right[2];
  std::size_t right_pitch;  ///< pairs from a row of pairs to the next
  std::size_t steps;
  const std::uint32_t *left_steps,
      *right_steps;  ///< where each step starts, in numbers and in pairs
};

/// How a processor makes such products.
struct bfloat16_unit {
  const char* name;
  void (*begin)();  ///< prepares a thread for products
  void (*end)();
  /// sums (32, 32) = left·right, added or not, in rows of `pitch`; those of absent tiles are left
  /// alone.
  void (*multiply)(const bfloat16_factors& f, float* sums, std::size_t pitch, bool add);
};

/// Float32 arithmetic on widened numbers: for every processor.
struct widened_products {
  static constexpr const char* name = "float32";
  static void begin() {}
  static void end() {}
  static void multiply(const bfloat16_factors& f, float* sums, std::size_t pitch, bool add) {
    for (std::size_t i = 0; i < 2 && f.left[i]; ++i)
      for (std::size_t j = 0; j < 2 && f.right[j]; ++j)
        for (std::size_t row = 0; row < tile_side; row += rows)
          multiply_rows(f, f.left[i] + row * f.left_pitch, f.right[j],
                        sums + (i * tile_side + row) * pitch + j * tile_side, pitch, add);
  }

 private:
  using batch = xsimd::batch<float>;
  using words = xsimd::batch<std::uint32_t>;
  static constexpr std::size_t rows = 4, vectors = tile_side / batch::size;
  static_assert(tile_side % batch::size == 0);

  static void multiply_rows(const bfloat16_factors& f, const bfloat16* left,
                            const bfloat16_pair* right, float* sums, std::size_t pitch, bool add) {
    batch total[rows][vectors];
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t v = 0; v < vectors; ++v)
        total[i][v] = add ? batch::load_unaligned(sums + i * pitch + v * batch::size) : batch(0.0f);
    for (std::size_t step = 0; step < f.steps; ++step) {
      const bfloat16* const at = left + f.left_steps[step];
      for (std::size_t pair = 0; pair < tile_side; ++pair)
        for (std::size_t v = 0; v < vectors; ++v) {
          const auto both = words::load_unaligned(right + f.right_steps[step] +
                                                  pair * f.right_pitch + v * batch::size);
          const auto first = __builtin_bit_cast(batch, both << 16);
          const auto second = __builtin_bit_cast(batch, both & words(0xffff0000u));
          for (std::size_t i = 0; i < rows; ++i) {
            const bfloat16* const factor = at + i * f.left_pitch + 2 * pair;
            total[i][v] = multiply_add(batch(float(factor[0])), first, total[i][v]);
            total[i][v] = multiply_add(batch(float(factor[1])), second, total[i][v]);
          }
        }
    }
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t v = 0; v < vectors; ++v)
        total[i][v].store_unaligned(sums + i * pitch + v * batch::size);
  }
};

#ifdef __AVX512F__

/// The dot products of pairs of AVX-512-BF16.
struct dot_products {
  static constexpr const char* name = "avx512-bf16";
  static bool usable() { return __builtin_cpu_supports("avx512bf16"); }
  static void begin() {}
  static void end() {}
  static void multiply(const bfloat16_factors& f, float* sums, std::size_t pitch, bool add) {
    for (std::size_t i = 0; i < 2 && f.left[i]; ++i)
      for (std::size_t row = 0; row < tile_side; row += rows) {
        const bfloat16* const left = f.left[i] + row * f.left_pitch;
        float* const to = sums + (i * tile_side + row) * pitch;
        if (f.right[1])
          multiply_rows<2>(f, left, to, pitch, add);
        else
          multiply_rows<1>(f, left, to, pitch, add);
      }
  }

 private:
  static constexpr std::size_t rows = 8;

  template <std::size_t Tiles>
  [[gnu::target("avx512f,avx512bf16")]] static void multiply_rows(const bfloat16_factors& f,
                                                                  const bfloat16* left, float* sums,
                                                                  std::size_t pitch, bool add) {
    __m512 total[rows][Tiles];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
      for (std::size_t j = 0; j < Tiles; ++j)
        total[i][j] = add ? _mm512_loadu_ps(sums + i * pitch + j * tile_side) : _mm512_setzero_ps();
    for (std::size_t step = 0; step < f.steps; ++step) {
      const bfloat16* const at = left + f.left_steps[step];
      for (std::size_t pair = 0; pair < tile_side; ++pair) {
        __m512i right[Tiles];
#pragma GCC unroll 2
        for (std::size_t j = 0; j < Tiles; ++j)
          right[j] = _mm512_loadu_si512(f.right[j] + f.right_steps[step] + pair * f.right_pitch);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < rows; ++i) {
          int both;
          __builtin_memcpy(&both, at + i * f.left_pitch + 2 * pair, sizeof both);
          const __m512i factor = _mm512_set1_epi32(both);
#pragma GCC unroll 2
          for (std::size_t j = 0; j < Tiles; ++j)
            total[i][j] = _mm512_dpbf16_ps(total[i][j], __builtin_bit_cast(__m512bh, factor),
                                           __builtin_bit_cast(__m512bh, right[j]));
        }
      }
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
      for (std::size_t j = 0; j < Tiles; ++j)
        _mm512_storeu_ps(sums + i * pitch + j * tile_side, total[i][j]);
  }
};

#endif
#if defined(__x86_64__) && defined(__linux__)

/// The tiles of AMX, whose use a process asks the kernel for.
struct tile_products {
  static constexpr const char* name = "amx";
  /// Whether the processor has them and the kernel lets this process use them, which it is asked
  /// here.
  static bool usable() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    constexpr unsigned has_bfloat16 = 1u << 22, has_tiles = 1u << 24;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & has_bfloat16) || !(d & has_tiles) ||
        !__builtin_cpu_supports("avx512f"))
      return false;
    constexpr long request_permission = 0x1023, tile_data = 18;  // of arch_prctl(2)
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }

  [[gnu::target("amx-tile")]] static void begin() { _tile_loadconfig(&shapes); }
  [[gnu::target("amx-tile")]] static void end() { _tile_release(); }

  static void multiply(const bfloat16_factors& f, float* sums, std::size_t pitch, bool add) {
    if (f.left[1])
      f.right[1] ? multiply_tiles<2, 2>(f, sums, pitch, add)
                 : multiply_tiles<2, 1>(f, sums, pitch, add);
    else
      f.right[1] ? multiply_tiles<1, 2>(f, sums, pitch, add)
                 : multiply_tiles<1, 1>(f, sums, pitch, add);
  }

 private:
  /// Eight tiles of 16 rows of 64 bytes; not a local variable, since g++ does not see that all of
  /// it is read.
  struct alignas(64) tile_shapes {
    std::uint8_t palette, start, reserved[14];
    std::uint16_t bytes[16];
    std::uint8_t rows[16];
  };
  static constexpr tile_shapes shapes{
      1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

  // Tiles 0 to 3 are sums, 4 and 5 the left factor, 6 and 7 the right one.
  template <int Rows, int Columns>
  [[gnu::target("amx-tile,amx-bf16,avx512f")]] static void multiply_tiles(const bfloat16_factors& f,
                                                                          float* sums,
                                                                          std::size_t pitch,
                                                                          bool add) {
    const std::size_t sums_pitch = pitch * sizeof(float),
                      left_pitch = f.left_pitch * sizeof(bfloat16),
                      right_pitch = f.right_pitch * sizeof(bfloat16_pair);
    float* const lower = sums + tile_side * pitch;
    __asm__ volatile("" ::: "memory");  // g++ does not see that tiles are read from memory
    if (add) {
      _tile_loadd(0, sums, sums_pitch);
      if constexpr (Columns == 2) _tile_loadd(1, sums + tile_side, sums_pitch);
      if constexpr (Rows == 2) _tile_loadd(2, lower, sums_pitch);
      if constexpr (Rows == 2 && Columns == 2) _tile_loadd(3, lower + tile_side, sums_pitch);
    } else {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    }
    // Sums are stored by the processor's widest arithmetic, which goes to sleep after some 2,000
    // cycles without work, the products of tiles counting as none, and takes 900 to wake up.
    __m512 awake = _mm512_setzero_ps();
    // Each tile is loaded as soon as its last product has been begun.
    if (f.steps > 0) {
      _tile_loadd(4, f.left[0] + f.left_steps[0], left_pitch);
      _tile_loadd(6, f.right[0] + f.right_steps[0], right_pitch);
    }
    for (std::size_t step = 0; step < f.steps; ++step) {
      const std::size_t next = step + 1 < f.steps ? step + 1 : step;
      awake = _mm512_add_ps(awake, awake);
      __asm__ volatile("" : "+v"(awake));
      if constexpr (Columns == 2) _tile_loadd(7, f.right[1] + f.right_steps[step], right_pitch);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (Rows == 2) _tile_loadd(5, f.left[1] + f.left_steps[step], left_pitch);
      if constexpr (Columns == 2) _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(4, f.left[0] + f.left_steps[next], left_pitch);
      if constexpr (Rows == 2) _tile_dpbf16ps(2, 5, 6);
      _tile_loadd(6, f.right[0] + f.right_steps[next], right_pitch);
      if constexpr (Rows == 2 && Columns == 2) _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, sums_pitch);
    if constexpr (Columns == 2) _tile_stored(1, sums + tile_side, sums_pitch);
    if constexpr (Rows == 2) _tile_stored(2, lower, sums_pitch);
    if constexpr (Rows == 2 && Columns == 2) _tile_stored(3, lower + tile_side, sums_pitch);
  }
};

#endif

template <class Products>
constexpr bfloat16_unit unit_of() {
  return {Products::name, Products::begin, Products::end, Products::multiply};
}

/// What this processor has, the fastest first. The first call asks the kernel for AMX.
inline const std::vector<bfloat16_unit>& bfloat16_units() {
  static const std::vector<bfloat16_unit> here = [] {
    std::vector<bfloat16_unit> found;
#if defined(__x86_64__) && defined(__linux__)
    if (tile_products::usable()) found.push_back(unit_of<tile_products>());
#endif
#ifdef __AVX512F__
    if (dot_products::usable()) found.push_back(unit_of<dot_products>());
#endif
    found.push_back(unit_of<widened_products>());
    return found;
  }();
  return here;
}

/// What convolutions and attention are computed by: the fastest, unless a test says otherwise.
inline const bfloat16_unit*& bfloat16_unit_in_use() {
  static const bfloat16_unit* unit = &bfloat16_units().front();
  return unit;
}

/// Makes this thread ready for products until the end of a scope; scopes of a thread are not
/// nested.
class bfloat16_products_here {
 public:
  explicit bfloat16_products_here(const bfloat16_unit& unit = *bfloat16_unit_in_use())
      : unit_(unit) {
    unit_.begin();
  }
  ~bfloat16_products_here() { unit_.end(); }
  bfloat16_products_here(const bfloat16_products_here&) = delete;
  bfloat16_products_here& operator=(const bfloat16_products_here&) = delete;

  void multiply(const bfloat16_factors& f, float* sums, std::size_t pitch, bool add = false) const {
    unit_.multiply(f, sums, pitch, add);
  }

 private:
  const bfloat16_unit& unit_;
};

}  // namespace lift::detail
