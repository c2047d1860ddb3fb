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

/// bfi: the low `count` bits of a, put into b from bit `first` on.
template <class T>
T insert_bits(T a, T b, u32 first, u32 count) {
  for (u32 i = 0; i < std::min(count & 255, bits_of<T>); ++i) {
    const u32 to = (first & 255) + i;
    if (to >= bits_of<T>) break;
    const auto bit = static_cast<bits<T>>(bits<T>(1) << to);
    b = static_cast<T>((b & ~bit) | (a >> i & 1 ? bit : 0));
  }
  return b;
}

/// The nearest number of bfloat16, of two the even one; one NaN for all.
inline u16 bfloat16_of(f32 a) {
  if (a != a) return 0x7fff;
  const u32 whole = std::bit_cast<u32>(a);
  return static_cast<u16>((whole + 0x7fff + (whole >> 16 & 1)) >> 16);
}
/// One of the two that are in 32 bits.
inline f32 bfloat16_in(u32 pair, u32 which) {
  return std::bit_cast<f32>(which ? pair & 0xffff0000u : pair << 16);
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

enum class state { running, at_barrier, at_exchange, ended };

/// What the lanes of a warp do together.
enum class exchange { shuffle, multiply, matrices, transposed_matrices };

/// A thread of a block. The kernels derive from it; their step() runs until the state it returns.
struct thread {
  u32 tid[3], lane;
  state now = state::running;
  u32 resume_at = 0;  // where step() goes on

  // Of an exchange.
  exchange what;
  u32 mask, given[10], source, received[4];
  u64 row;
  pred in_range;

  /// shfl.sync.down of PTX, whose operands are a, b, c, membermask.
  void shuffle_down(u32 a, u32 b, u32 c, u32 membermask) { shuffle(a, lane + (b & 31), c, membermask); }
  /// shfl.sync.bfly.
  void shuffle_xor(u32 a, u32 b, u32 c, u32 membermask) { shuffle(a, lane ^ (b & 31), c, membermask); }
  /// mma.sync.m16n8k16 of bfloat16: fragments of the left and the right factor, and of the sums.
  template <class... Words>
  void multiply(Words... words) {
    begin(exchange::multiply, 0xffffffffu);
    u32* to = given;
    ((*to++ = words), ...);
  }
  /// ldmatrix.m8n8.x4, with the address of the row of eight that this lane names.
  void load_matrices(u64 address) {
    begin(exchange::matrices, 0xffffffffu);
    row = address;
  }
  void load_transposed(u64 address) {
    begin(exchange::transposed_matrices, 0xffffffffu);
    row = address;
  }

 private:
  void begin(exchange kind, u32 membermask) {
    what = kind;
    mask = membermask;
    source = lane;
  }
  void shuffle(u32 value, u32 from, u32 c, u32 membermask) {
    begin(exchange::shuffle, membermask);
    const u32 segment = c >> 8 & 31, last = (lane & segment) | (c & 31 & ~segment);
    given[0] = value;
    in_range = from <= last;
    source = in_range ? from : lane;
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

/// The sums that a lane has: its rows are l/4 and l/4 + 8, its columns 2·(l%4) and the next.
template <class Kernel>
void multiply(std::span<Kernel> lanes, Kernel& t) {
  for (u32 i = 0; i < 4; ++i) {
    const u32 row = t.lane / 4 + i / 2 * 8, column = t.lane % 4 * 2 + i % 2;
    f64 sum = std::bit_cast<f32>(t.given[6 + i]);
    for (u32 k = 0; k < 16; ++k) {
      const u32 pair = k % 8 / 2, half = k / 8;
      const u32 left = lanes[row % 8 * 4 + pair].given[row / 8 + 2 * half];
      const u32 right = lanes[column * 4 + pair].given[4 + half];
      sum += f64(bfloat16_in(left, k % 2)) * bfloat16_in(right, k % 2);
    }
    t.received[i] = std::bit_cast<u32>(static_cast<f32>(sum));
  }
}

/// Two neighbours of each of four matrices, whose rows are named by eight lanes each.
template <class Kernel>
void load_matrices(std::span<Kernel> lanes, Kernel& t, bool transposed) {
  for (u32 i = 0; i < 4; ++i) {
    u16 pair[2];
    for (u32 k = 0; k < 2; ++k) {
      const u32 across = t.lane / 4, along = t.lane % 4 * 2 + k;
      const u32 row = transposed ? along : across, column = transposed ? across : along;
      pair[k] = load<u16>(lanes[8 * i + row].row + 2 * column);
    }
    t.received[i] = pack(pair[0], pair[1]);
  }
}

/// The exchange that lanes of a warp have come to.
template <class Kernel>
void exchange_lanes(std::span<Kernel> lanes, u32 waiting) {
  const Kernel& first = lanes[std::countr_zero(waiting)];
  for (Kernel& t : lanes) {
    if (t.now != state::at_exchange) continue;
    if (t.resume_at != first.resume_at || t.mask != first.mask)
      fail(Kernel::name, "lanes of a warp are at different shuffles");
    if (t.mask != waiting) fail(Kernel::name, "a shuffle's mask does not name the lanes at it");
    if (!(waiting >> t.source & 1)) fail(Kernel::name, "a shuffle reads a lane that is not at it");
    switch (t.what) {
      case exchange::shuffle: t.received[0] = lanes[t.source].given[0]; break;
      case exchange::multiply: multiply(lanes, t); break;
      case exchange::matrices: load_matrices(lanes, t, false); break;
      case exchange::transposed_matrices: load_matrices(lanes, t, true);
    }
  }
  for (Kernel& t : lanes)
    if (t.now == state::at_exchange) t.now = state::running;
}

/// Runs a warp until its lanes are at a barrier or have ended.
template <class Kernel>
void run_warp(std::span<Kernel> lanes, const block& b, order& o) {
  for (;;) {
    o.visit(lanes.size(), [&](u32 i) {
      if (lanes[i].now == state::running) lanes[i].now = lanes[i].step(b);
    });
    u32 waiting = 0;
    for (const Kernel& t : lanes) waiting |= u32(t.now == state::at_exchange) << t.lane;
    if (!waiting) return;
    exchange_lanes(lanes, waiting);
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
