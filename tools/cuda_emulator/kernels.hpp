// SPDX-License-Identifier: MIT
#pragma once

// What ptx_to_cpp.py's translation includes: PTX's semantics, and how a launch runs.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

#include "kernel_table.hpp"

namespace emulator {

// PTX's types.
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;
using b8 = u8;
using b16 = u16;
using b32 = u32;
using b64 = u64;
using f32 = float;
using f64 = double;
using pred = bool;

template <class T>
constexpr u32 bits_of = 8 * sizeof(T);

template <class T>
using bits = std::conditional_t<
    sizeof(T) == 1, u8,
    std::conditional_t<sizeof(T) == 2, u16, std::conditional_t<sizeof(T) == 4, u32, u64>>>;

u32 twice_of(u16);
u64 twice_of(u32);
s64 twice_of(s32);
__int128 twice_of(s64);
unsigned __int128 twice_of(u64);
template <class T>
using twice = decltype(twice_of(T()));

/// A register read as a T: its low bits, or extended by zeros.
template <class T, class Register>
T as(Register r) {
  if constexpr (std::is_same_v<T, pred>)
    return r != 0;
  else
    return std::bit_cast<T>(static_cast<bits<T>>(std::bit_cast<bits<Register>>(r)));
}

/// A value written to a register: its low bits, or extended by its sign.
template <class Register, class Value>
void put(Register& r, Value v) {
  if constexpr (sizeof(r) == sizeof(v))
    r = std::bit_cast<Register>(v);
  else
    r = static_cast<Register>(v);
}

inline u64 address_of(const void* p) { return reinterpret_cast<u64>(p); }

template <class T>
T load(u64 address) {
  T value;
  std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof(value));
  return value;
}

template <class T>
void store(u64 address, T value) {
  std::memcpy(reinterpret_cast<void*>(address), &value, sizeof(value));
}

template <class T>
twice<T> pack(T low, T high) {
  return static_cast<twice<T>>(high) << bits_of<T> | low;
}

template <class T>
T part(twice<T> whole, int i) {
  return static_cast<T>(whole >> (i * bits_of<T>));
}

template <class T>
twice<T> product(T a, T b) {
  return static_cast<twice<T>>(a) * b;
}

template <class T>
T high_product(T a, T b) {
  return static_cast<T>(product(a, b) >> bits_of<T>);
}

/// The carry and the borrow are those of unsigned integers, whatever T is.
template <class T>
bits<T> add_carry(T a, T b, pred carry, pred* out = nullptr) {
  const auto sum = static_cast<twice<bits<T>>>(bits<T>(a)) + bits<T>(b) + carry;
  if (out) *out = sum >> bits_of<T>;
  return static_cast<bits<T>>(sum);
}

template <class T>
bits<T> subtract_borrow(T a, T b, pred borrow, pred* out = nullptr) {
  const auto difference = static_cast<twice<bits<T>>>(bits<T>(a)) - bits<T>(b) - borrow;
  if (out) *out = difference >> bits_of<T>;
  return static_cast<bits<T>>(difference);
}

/// Where PTX leaves the value open: a division by 0 gives the largest unsigned integer, and the
/// remainder is then a.
template <class T>
T quotient(T a, T b) {
  if (b == 0) return static_cast<T>(-1);
  return std::is_signed_v<T> && b == static_cast<T>(-1) ? static_cast<T>(bits<T>(0) - a)
                                                        : static_cast<T>(a / b);
}

template <class T>
T remainder_of(T a, T b) {
  if (b == 0) return a;
  return std::is_signed_v<T> && b == static_cast<T>(-1) ? T(0) : static_cast<T>(a % b);
}

template <class T>
T absolute(T a) {
  if constexpr (std::is_floating_point_v<T>)
    return std::fabs(a);
  else
    return a < 0 ? static_cast<T>(bits<T>(0) - bits<T>(a)) : a;
}

template <class T>
T shift_left(T a, u32 by) {
  return by < bits_of<T> ? a << by : 0;
}

template <class T>
T shift_right(T a, u32 by) {
  if (by < bits_of<T>) return a >> by;
  return a < 0 ? -1 : 0;
}

/// Of floats: the other one where one is NaN; -0 is less than 0.
template <class T>
T minimum(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a == b ? (std::signbit(a) ? a : b) : std::fmin(a, b);
  else
    return std::min(a, b);
}

template <class T>
T maximum(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a == b ? (std::signbit(a) ? b : a) : std::fmax(a, b);
  else
    return std::max(a, b);
}

template <class T>
T saturate(T a) {
  return a > 0 ? std::min(a, T(1)) : 0;
}

/// a * b + c, rounded downwards.
template <class T>
T fma_down(T a, T b, T c) {
  const int rounding = std::fegetround();
  std::fesetround(FE_DOWNWARD);
  volatile T x = a, y = b, z = c;  // keeps the sum between the changes of rounding
  volatile T result = std::fma(x, y, z);
  std::fesetround(rounding);
  return result;
}

/// rcp.approx.ftz.f64: the low half of the result is 0.
inline f64 reciprocal_approximately(f64 a) {
  return std::bit_cast<f64>(std::bit_cast<u64>(1 / a) & 0xffffffff00000000u);
}

/// prmt: each digit of the selector chooses a byte of b:a, or (from 8 on) eight times its sign.
inline u32 permute(u32 a, u32 b, u32 selector) {
  u32 result = 0;
  for (int i = 0; i < 4; ++i) {
    const u32 digit = selector >> (4 * i) & 15;
    const u32 byte = pack(a, b) >> (8 * (digit & 7)) & 255;
    result |= (digit & 8 ? byte >> 7 ? 255u : 0u : byte) << (8 * i);
  }
  return result;
}

/// Floats become the nearest integer that there is.
template <class To, class From>
To convert(From a) {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    using limits = std::numeric_limits<To>;
    if (a != a) return sizeof(To) + sizeof(From) > 8 ? To(bits<To>(1) << (bits_of<To> - 1)) : 0;
    if (a <= From(limits::min())) return limits::min();
    if (a >= From(limits::max())) return limits::max();
  }
  return static_cast<To>(a);
}

/// Ends the program, as the runtime library's.
[[noreturn]] inline void fail(const char* kernel, const char* why) {
  std::fflush(nullptr);
  std::fprintf(stderr, "emulator: kernel %s: %s\n", kernel, why);
  std::_Exit(EXIT_FAILURE);
}

namespace {
/// The module-level variables, defined by the translation.
extern const std::span<const std::byte> module_variables;
}  // namespace

/// A block that runs.
struct block {
  const char* kernel;
  const launch& launched;
  u32 index[3];
  u64 parameters;
  std::span<const std::byte> shared;

  u64 global_address(u64 address, u32 bytes) const {
    if (address % bytes) fail(kernel, "a misaligned access to global memory");
    if (!within(module_variables, address, bytes)) emulator_check_address(address, bytes);
    return address;
  }

  u64 shared_address(u64 offset, u32 bytes) const {
    if (offset % bytes) fail(kernel, "a misaligned access to shared memory");
    const u64 address = address_of(shared.data()) + static_cast<u32>(offset);
    if (!within(shared, address, bytes)) fail(kernel, "an access outside of shared memory");
    return address;
  }

 private:
  static bool within(std::span<const std::byte> memory, u64 address, u32 bytes) {
    const u64 begin = address_of(memory.data());
    return address >= begin && address + bytes <= begin + memory.size();
  }
};

enum class state { running, at_barrier, at_shuffle, ended };

/// A thread of a block. The kernels derive from it; their step() runs until the state it returns.
struct thread {
  u32 tid[3], lane;
  state now = state::running;
  u32 resume_at = 0;  // where step() goes on

  // Of a shuffle.
  u32 mask, value, source, received;
  pred in_range;

  /// shfl.sync.down of PTX, whose operands are a, b, c, membermask.
  void shuffle_down(u32 a, u32 b, u32 c, u32 membermask) {
    const u32 segment = c >> 8 & 31, last = (lane & segment) | (c & 31 & ~segment);
    mask = membermask;
    value = a;
    in_range = lane + (b & 31) <= last;
    source = in_range ? lane + (b & 31) : lane;
  }
};

/// The order in which the warps of a block and the lanes of a warp run: as numbered, or, if
/// LIFT_EMULATOR_SEED is not 0, drawn anew each time.
class order {
 public:
  order(u64 launch, u64 block) {
    static const u64 seed = [] {
      const char* text = std::getenv("LIFT_EMULATOR_SEED");
      return text ? std::strtoull(text, nullptr, 10) : 0;
    }();
    if (seed) random_.emplace(seed ^ launch << 16 ^ block << 40);
  }

  template <class F>
  void visit(std::size_t count, const F& f) {
    std::array<u32, 32> numbers;
    std::iota(numbers.begin(), numbers.end(), 0);
    if (random_) std::shuffle(numbers.begin(), numbers.begin() + count, *random_);
    for (std::size_t i = 0; i < count; ++i) f(numbers[i]);
  }

 private:
  std::optional<std::mt19937_64> random_;
};

/// The shuffle that lanes of a warp have come to.
template <class Kernel>
void shuffle(std::span<Kernel> lanes, u32 waiting) {
  const Kernel& first = lanes[std::countr_zero(waiting)];
  for (Kernel& t : lanes) {
    if (t.now != state::at_shuffle) continue;
    if (t.resume_at != first.resume_at || t.mask != first.mask)
      fail(Kernel::name, "lanes of a warp are at different shuffles");
    if (t.mask != waiting) fail(Kernel::name, "a shuffle's mask does not name the lanes at it");
    if (!(waiting >> t.source & 1)) fail(Kernel::name, "a shuffle reads a lane that is not at it");
    t.received = lanes[t.source].value;
  }
  for (Kernel& t : lanes)
    if (t.now == state::at_shuffle) t.now = state::running;
}

/// Runs a warp until its lanes are at a barrier or have ended.
template <class Kernel>
void run_warp(std::span<Kernel> lanes, const block& b, order& o) {
  for (;;) {
    o.visit(lanes.size(), [&](u32 i) {
      if (lanes[i].now == state::running) lanes[i].now = lanes[i].step(b);
    });
    u32 waiting = 0;
    for (const Kernel& t : lanes) waiting |= u32(t.now == state::at_shuffle) << t.lane;
    if (!waiting) return;
    shuffle(lanes, waiting);
  }
}

/// False if all threads have ended.
template <class Kernel>
bool pass_barrier(std::span<Kernel> threads) {
  const auto ended = std::ranges::count(threads, state::ended, &Kernel::now);
  if (ended == std::ssize(threads)) return false;
  if (ended) fail(Kernel::name, "a barrier is not reached by threads that have ended");
  for (Kernel& t : threads) {
    if (t.resume_at != threads[0].resume_at)
      fail(Kernel::name, "threads are at different barriers");
    t.now = state::running;
  }
  return true;
}

template <class Kernel>
void run_block(const launch& l, u64 launch_number, u64 number) {
  // Shared memory that was not written is not a number.
  const u32 shared_bytes = Kernel::shared_bytes + l.dynamic_shared_bytes;
  const std::vector<u64> shared((shared_bytes + 7) / 8, 0x7ff4dead7ff4deadu);
  const auto& [x, y, z] = l.grid;
  const block b{Kernel::name,
                l,
                {u32(number % x), u32(number / x % y), u32(number / x / y)},
                address_of(l.parameters),
                std::as_bytes(std::span(shared)).first(shared_bytes)};

  const auto& [width, height, depth] = l.block;
  std::vector<Kernel> threads(width * height * depth);
  for (u32 i = 0; i < threads.size(); ++i) {
    threads[i].tid[0] = i % width;
    threads[i].tid[1] = i / width % height;
    threads[i].tid[2] = i / width / height;
    threads[i].lane = i % 32;
  }
  order o(launch_number, number);
  do {
    o.visit((threads.size() + 31) / 32, [&](u32 warp) {
      const std::span from_warp = std::span(threads).subspan(32 * warp);
      run_warp(from_warp.first(std::min<std::size_t>(32, from_warp.size())), b, o);
    });
  } while (pass_barrier(std::span(threads)));
}

template <class Kernel>
void run_kernel(const launch& l) {
  static std::atomic<u64> launches;
  const u64 launch_number = launches++;
  const u64 blocks = u64(l.grid[0]) * l.grid[1] * l.grid[2];
#pragma omp parallel for schedule(dynamic) if (blocks > 1)
  for (u64 i = 0; i < blocks; ++i) run_block<Kernel>(l, launch_number, i);
}

}  // namespace emulator
