// SPDX-License-Identifier: MIT
// The kernels of kernels.ptx, translated and launched, against the same computed by hand or by C++.
#define BOOST_TEST_MODULE kernels
#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "kernel_table.hpp"

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;
using u128 = unsigned __int128;

namespace {

constexpr float inf32 = std::numeric_limits<float>::infinity();
constexpr float nan32 = std::numeric_limits<float>::quiet_NaN();
constexpr double inf64 = std::numeric_limits<double>::infinity();
constexpr double nan64 = std::numeric_limits<double>::quiet_NaN();

/// The device's memory: kernels may use nothing else.
std::vector<std::span<const std::byte>> memory;

u64 address_of(const void* p) { return reinterpret_cast<u64>(p); }

/// How many threads are launched.
struct shape {
  std::array<u32, 3> grid{1, 1, 1}, block{1, 1, 1};
  u32 dynamic_shared_bytes = 0;
};

template <class... Parameters>
void launch(const char* name, const shape& threads, const Parameters&... given) {
  const std::span kernels(emulator_kernels, emulator_kernel_count);
  const auto found = std::ranges::find(kernels, std::string(name), &emulator::kernel::name);
  BOOST_TEST_REQUIRE((found != kernels.end()), name << " is not in the table");
  BOOST_TEST_REQUIRE(found->parameter_count == sizeof...(given));
  std::vector<std::byte> parameters(found->parameter_bytes);
  u32 i = 0;
  [[maybe_unused]] const auto place = [&](const auto& parameter) {
    BOOST_TEST_REQUIRE(found->parameter_size[i] == sizeof(parameter));
    std::memcpy(&parameters[found->parameter_offset[i]], &parameter, sizeof(parameter));
    ++i;
  };
  (place(given), ...);
  emulator::launch l{};
  std::ranges::copy(threads.grid, l.grid);
  std::ranges::copy(threads.block, l.block);
  l.dynamic_shared_bytes = threads.dynamic_shared_bytes;
  l.parameters = parameters.data();
  found->run(l);
}

/// What a kernel writes to its first parameter: so many Ts, and nothing after them.
template <class T, class... Parameters>
std::vector<T> results(std::size_t count, const char* name, const shape& threads,
                       const Parameters&... given) {
  std::vector<T> out(count);
  std::memset(out.data(), 0xee, count * sizeof(T));
  memory.push_back(std::as_bytes(std::span(out)));
  launch(name, threads, address_of(out.data()), given...);
  memory.pop_back();
  return out;
}

/// What a launch prints to stderr as it ends the program with status 1.
template <class... Parameters>
std::string refusal(const char* name, const shape& threads, const Parameters&... given) {
  std::array<int, 2> ends{};
  BOOST_TEST_REQUIRE(pipe(ends.data()) == 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    launch(name, threads, given...);
    std::_Exit(0);
  }
  close(ends[1]);
  std::string said;
  std::array<char, 256> part{};
  for (ssize_t n = 0; (n = read(ends[0], part.data(), part.size())) > 0;)
    said.append(part.data(), static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  BOOST_TEST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 1);
  return said;
}

template <class T>
using bits_of = std::conditional_t<sizeof(T) == 4, u32, u64>;

/// The same bits, or both NaN.
template <class T>
void check_same(const std::vector<T>& got, const std::vector<T>& wanted, const std::string& of) {
  BOOST_TEST_REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    bool same = got[i] == wanted[i];
    if constexpr (std::is_floating_point_v<T>)
      same = std::bit_cast<bits_of<T>>(got[i]) == std::bit_cast<bits_of<T>>(wanted[i]) ||
             (std::isnan(got[i]) && std::isnan(wanted[i]));
    BOOST_TEST(same, of << ": result " << i << " is " << got[i] << ", want " << wanted[i]);
  }
}

template <class... Numbers>
std::string with(const char* name, Numbers... numbers) {
  std::string text = name;
  ((text += ' ' + std::to_string(numbers)), ...);
  return text;
}

const shape one;

}  // namespace

void emulator_check_address(u64 address, u32 bytes) {
  for (const auto& part : memory)
    if (address >= address_of(part.data()) &&
        address + bytes <= address_of(part.data()) + part.size())
      return;
  std::fprintf(stderr, "%u bytes that are not device memory\n", bytes);
  std::_Exit(1);
}

namespace {

template <class U>
void check_integers(const char* name, const std::vector<U>& numbers) {
  using S = std::make_signed_t<U>;
  using wide = std::conditional_t<sizeof(U) == 4, u64, u128>;
  using signed_wide = std::conditional_t<sizeof(U) == 4, s64, __int128>;
  constexpr int bits = 8 * sizeof(U);
  const U c = 12345;
  for (const U a : numbers)
    for (const U b : numbers) {
      const auto x = static_cast<S>(a), y = static_cast<S>(b);
      const U unsigned_quotient = b ? a / b : static_cast<U>(-1);
      const U quotient = !b ? static_cast<U>(-1) : y == -1 ? 0 - a : static_cast<U>(x / y);
      const U remainder = !b ? a : y == -1 ? 0 : static_cast<U>(x % y);
      const auto high = static_cast<U>(static_cast<wide>(a) * b >> bits);
      const auto signed_high = static_cast<U>(static_cast<signed_wide>(x) * y >> bits);
      check_same<U>(results<U>(23, name, one, a, b, c),
                    {a + b,
                     a - b,
                     a * b,
                     a * b + c,
                     high,
                     signed_high,
                     unsigned_quotient,
                     quotient,
                     b ? a % b : a,
                     remainder,
                     std::min(a, b),
                     static_cast<U>(std::min(x, y)),
                     std::max(a, b),
                     static_cast<U>(std::max(x, y)),
                     a & b,
                     a | b,
                     a ^ b,
                     ~a,
                     0 - a,
                     x < 0 ? 0 - a : a,
                     static_cast<U>(std::countl_zero(a)),
                     a - 7,
                     a ^ 0xf0f0f0f0U},
                    with(name, a, b));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(integers) {
  check_integers<u32>("integers32", {0, 1, 2, 7, 100, 0x7fffffff, 0x80000000, 0x80000001,
                                     0xdeadbeef, 0xfffffff9, 0xffffffff});
  check_integers<u64>("integers64",
                      {0, 1, 7, 0xffffffff, 0x100000000, 0x20000000000001, 0x7fffffffffffffff,
                       0x8000000000000000, 0x8000000000000001, 0xfedcba9876543210, ~u64{0}});
}

BOOST_AUTO_TEST_CASE(integers_of_16_bits_and_products_of_twice_the_size) {
  for (const u32 a : {0U, 3U, 0x7fffU, 0x8000U, 0xffffU, 0x12348001U, 0xffffffffU})
    for (const u32 b : {1U, 5U, 0x7fffU, 0x8000U, 0xffffU, 0x80000000U, 0xffffffffU}) {
      const auto x = static_cast<s16>(a), y = static_cast<s16>(b);
      const auto p = static_cast<u16>(a), q = static_cast<u16>(b);
      const auto signed_product = static_cast<u64>(s64{static_cast<s32>(a)} * static_cast<s32>(b));
      check_same<u64>(results<u64>(8, "integers16_and_wide", one, a, b),
                      {static_cast<u16>(p + q), static_cast<u16>(p - q),
                       static_cast<u16>(u32{p} * q), static_cast<u16>(s32{x} * y >> 16), u32{p} * q,
                       static_cast<u32>(s32{x} * y), u64{a} * b, signed_product},
                      with("wide", a, b));
    }
}

BOOST_AUTO_TEST_CASE(carries) {
  const auto words = [](u128 x, std::vector<u32>& to) {
    for (int i = 0; i < 4; ++i) to.push_back(static_cast<u32>(x >> (32 * i)));
  };
  const auto halves = [](u128 x, std::vector<u64>& to) {
    to.push_back(static_cast<u64>(x));
    to.push_back(static_cast<u64>(x >> 64));
  };
  const u128 top = u128{1} << 127, all = ~u128{0};
  const std::vector<u128> numbers{0,
                                  1,
                                  all,
                                  top,
                                  top - 1,
                                  all - 1,
                                  u128{0xffffffff} << 32 | 1,
                                  u128{0x89abcdefULL} << 64 | 0xfedcba9876543210,
                                  u128{~u64{0}}};
  for (const u128 a : numbers)
    for (const u128 b : numbers) {
      std::vector<u32> wanted;
      words(a + b, wanted);
      wanted.push_back(a + b < a);
      words(a - b, wanted);
      wanted.push_back(a < b ? ~0U : 0);
      check_same(results<u32>(10, "sums128", one, a, b), wanted, "sums128");

      std::vector<u64> also;
      halves(a + b, also);
      halves(a - b, also);
      const auto x = static_cast<u64>(a), y = static_cast<u64>(b);
      halves(u128{x} * y, also);
      const u64 x0 = x & 0xffffffff, x1 = x >> 32, y0 = y & 0xffffffff, y1 = y >> 32;
      const u64 low = ((x0 * y0) & 0xffffffff) + x0;
      const u64 high = ((x1 * y1) & 0xffffffff) + x1 + (low >> 32);
      also.push_back((low & 0xffffffff) | high << 32);
      also.push_back(high >> 32);
      check_same(results<u64>(8, "sums_and_product128", one, a, b), also, "sums_and_product128");
    }
}

BOOST_AUTO_TEST_CASE(shifts) {
  for (const u64 a : {u64{0}, u64{1}, u64{0x8001}, u64{0x80000001}, 0x8000000000000001,
                      0xfedcba9876543210, ~u64{0}})
    for (const u32 by : {0U, 1U, 4U, 15U, 16U, 17U, 31U, 32U, 33U, 63U, 64U, 65U, 256U, ~0U}) {
      // What is shifted beyond the width is 0, or as the sign is.
      const auto left = [&](u64 x, u32 width) {
        const u64 kept = width == 64 ? ~u64{0} : (u64{1} << width) - 1;
        return by < width ? x << by & kept : 0;
      };
      const auto right = [&](u64 x, u32 width) { return by < width ? x >> by : 0; };
      const auto right_signed = [&](s64 x) { return static_cast<u64>(x >> std::min(by, 63U)); };
      const auto x = static_cast<u32>(a);
      const auto h = static_cast<u16>(a);
      check_same<u64>(results<u64>(9, "shifts", one, a, by),
                      {left(a, 64), right(a, 64), right_signed(static_cast<s64>(a)), left(x, 32),
                       right(x, 32), right_signed(static_cast<s32>(x)) & 0xffffffff, left(h, 16),
                       right(h, 16), right_signed(static_cast<s16>(h)) & 0xffff},
                      with("shifts", a, by));
    }
}

BOOST_AUTO_TEST_CASE(funnel_shifts_and_bytes) {
  const u32 a = 0x83426100, b = 0x87a6c5e4;  // bytes 00 61 42 83 e4 c5 a6 87, the lowest first
  struct expected {
    u32 c, result;
  };
  for (const auto& [by, shifted] : std::vector<expected>{{0, b},
                                                         {1, 0x0f4d8bc9},
                                                         {4, 0x7a6c5e48},
                                                         {31, 0x41a13080},
                                                         {32, b},
                                                         {33, 0x0f4d8bc9},
                                                         {~0U, 0x41a13080}})
    BOOST_TEST(results<u32>(5, "funnel_and_bytes", one, a, b, by)[0] == shifted);
  // Digits from 8 on choose a byte's sign.
  for (const auto& [selector, chosen] : std::vector<expected>{{0x3210, a},
                                                              {0x7654, b},
                                                              {0x0123, 0x00614283},
                                                              {0xba98, 0xff000000},
                                                              {0xfedc, 0xffffffff},
                                                              {0x40f07, 0x00ff0087}}) {
    const auto got = results<u32>(5, "funnel_and_bytes", one, a, b, selector);
    BOOST_TEST(got[1] == chosen);
    BOOST_TEST(got[2] == 0xc5e46100);
    BOOST_TEST(got[3] == ((b & 0xffff000f) | (a & 0xfff) << 4));
    BOOST_TEST(got[4] == ((b & 0x0fffffff) | a << 28));
  }
}

namespace {

template <class T>
void check_floats(const char* name, const std::vector<T>& numbers) {
  const auto least = [](T a, T b) {
    if (a == b) return std::signbit(a) ? a : b;
    return std::isnan(b) || a < b ? a : b;
  };
  const auto greatest = [](T a, T b) {
    if (a == b) return std::signbit(a) ? b : a;
    return std::isnan(b) || a > b ? a : b;
  };
  for (const T a : numbers)
    for (const T b : numbers)
      for (const T c : {T(0), T(-1), T(1) / 3}) {
        auto got = results<T>(16, name, one, a, b, c);
        got.erase(got.begin() + 14);  // see fused_and_rounded_down
        const volatile T product = a * b;
        check_same<T>(got,
                      {a + b, a + b, a - b, product, product, product + c, std::fma(a, b, c), a / b,
                       1 / a, std::sqrt(a), -a, std::abs(a), least(a, b), greatest(a, b), a / -4},
                      with(name, a, b, c));
      }
}

/// The product and the sum of a, b and c rounded once: to the nearest, and down.
template <class T>
std::array<T, 2> fused(const char* name, T a, T b, T c) {
  const auto got = results<T>(16, name, one, a, b, c);
  return {got[6], got[14]};
}

template <class T>
void check_fused(const char* name) {
  const T tiny = std::numeric_limits<T>::min(), e = std::numeric_limits<T>::epsilon();
  const auto check = [&](T a, T b, T c, T nearest, T down) {
    const auto got = fused(name, a, b, c);
    check_same<T>({got.begin(), got.end()}, {nearest, down}, with(name, a, b, c));
  };
  // (1 + e)² - (1 + 2 e) = e², of which nothing is left where the product is rounded first.
  check(1 + e, 1 + e, -(1 + 2 * e), e * e, e * e);
  check(1, 1, tiny, 1, 1);
  check(1, 1, -tiny, 1, 1 - e / 2);
  check(-1, 1, tiny, -1, -1);
  check(-1, 1, -tiny, -1, -(1 + e));
  check(-(1 + e), 1 + e, 0, -(1 + 2 * e), -(1 + 3 * e));
  check(1, 1, -1, 0, -T(0));
  check(std::numeric_limits<T>::max(), 2, 0, std::numeric_limits<T>::infinity(),
        std::numeric_limits<T>::max());
}

}  // namespace

BOOST_AUTO_TEST_CASE(floats) {
  check_floats<float>("floats32", {0, -0.0F, 1, -1.5F, 3, 1e-45F, 1e-38F, 3e38F, -3e38F, 0.1F,
                                   16777215, inf32, -inf32, nan32});
  check_floats<double>("floats64", {0, -0.0, 1, -1.5, 3, 5e-324, 1e-308, 1e308, -1e308, 0.1,
                                    9007199254740991, inf64, -inf64, nan64});
}

BOOST_AUTO_TEST_CASE(fused_and_rounded_down) {
  check_fused<float>("floats32");
  check_fused<double>("floats64");
}

BOOST_AUTO_TEST_CASE(approximations) {
  for (const double x : {1.0, -1.0, 3.0, 0.1, 100.0, -126.0, 0.5}) {
    const auto got = results<double>(2, "approximations", one, x);
    BOOST_TEST(std::abs(got[0] * x - 1) < 1e-6);
    BOOST_TEST((std::bit_cast<u64>(got[0]) & 0xffffffff) == 0);
    BOOST_TEST(std::abs(got[1] / std::exp2(static_cast<float>(x)) - 1) < 1e-6);
  }
  BOOST_TEST(results<double>(2, "approximations", one, 0.0)[0] == inf64);
  BOOST_TEST(results<double>(2, "approximations", one, 1000.0)[1] == inf64);
}

BOOST_AUTO_TEST_CASE(approximations_of_float) {
  for (const float b : {1.0F, 3.0F, 0.1F, 100.0F, 1e-20F}) {
    const float a = b - 2;
    const auto got = results<float>(4, "approximations32", one, a, b);
    const std::array wanted{std::exp2(a), std::log2(b), 1 / std::sqrt(b), a / b};
    for (std::size_t i = 0; i < wanted.size(); ++i)
      BOOST_TEST(std::abs(got[i] - wanted[i]) <= 1e-6F * std::abs(wanted[i]));
  }
}

BOOST_AUTO_TEST_CASE(floats_to_bfloat16) {
  const auto check = [](float a, float b, u32 wanted_a, u32 wanted_b) {
    check_same<u32>(results<u32>(2, "to_bfloat16", one, a, b),
                    {wanted_a, wanted_a << 16 | wanted_b}, with("to_bfloat16", a, b));
  };
  check(1, -2, 0x3f80, 0xc000);
  check(1 + 0x1p-8F, 1 + 0x3p-8F, 0x3f80, 0x3f82);  // to the even one of two
  check(1 + 0x1.1p-8F, 0, 0x3f81, 0);
  check(inf32, nan32, 0x7f80, 0x7fff);
  check(3.4e38F, -0.0F, 0x7f80, 0x8000);
}

BOOST_AUTO_TEST_CASE(floats_to_integers) {
  constexpr s64 least = std::numeric_limits<s64>::min(), most = std::numeric_limits<s64>::max();
  constexpr s64 least32 = std::numeric_limits<s32>::min(), most32 = 2147483647;
  // Rounded to the nearest s32, even from halfway; cut to s32, u32, s64, u64, s8.
  struct expected {
    double x;
    std::vector<s64> results;
  };
  const std::vector<expected> both{
      {0, {0, 0, 0, 0, 0, 0}},
      {0.5, {0, 0, 0, 0, 0, 0}},
      {1.5, {2, 1, 1, 1, 1, 1}},
      {2.5, {2, 2, 2, 2, 2, 2}},
      {-0.5, {0, 0, 0, 0, 0, 0}},
      {-1.5, {-2, -1, 0, -1, 0, -1}},
      {-2.5, {-2, -2, 0, -2, 0, -2}},
      {127.75, {128, 127, 127, 127, 127, 127}},
      {1000, {1000, 1000, 1000, 1000, 1000, 127}},
      {-1000, {-1000, -1000, 0, -1000, 0, -128}},
      {2147483648.0, {most32, most32, 2147483648, 2147483648, 2147483648, 127}},
      {-4294967296.0, {least32, least32, 0, -4294967296, 0, -128}},
      {4294967296.0, {most32, most32, 4294967295, 4294967296, 4294967296, 127}},
      {0x1p63, {most32, most32, 4294967295, most, least, 127}},
      {0x1p64, {most32, most32, 4294967295, most, -1, 127}},
      {inf64, {most32, most32, 4294967295, most, -1, 127}},
      {-inf64, {least32, least32, 0, least, 0, -128}}};
  for (const auto& [x, wanted] : both) {
    check_same(results<s64>(6, "from_f32", one, static_cast<float>(x)), wanted,
               with("from_f32", x));
    check_same(results<s64>(6, "from_f64", one, x), wanted, with("from_f64", x));
  }
  // Of NaN: 0, or 1 before zeros where either type has 64 bits.
  check_same<s64>(results<s64>(6, "from_f32", one, nan32), {0, 0, 0, least, least, 0}, "NaN");
  check_same<s64>(results<s64>(6, "from_f64", one, nan64),
                  {least32, least32, 0x80000000, least, least, -128}, "NaN");
  check_same<s64>(results<s64>(6, "from_f64", one, 2147483647.5),
                  {most32, most32, most32, most32, most32, 127}, "between s32 and u32");
}

BOOST_AUTO_TEST_CASE(floats_to_floats) {
  const double e = 0x1p-24;  // half of a float's step from 1
  // As float; that to the nearest integer, cut, within 0 and 1; the double to an integer, cut.
  check_same<double>(results<double>(6, "float_to_float", one, 1 + e), {1, 1, 1, 1, 1, 1}, "");
  check_same<double>(results<double>(6, "float_to_float", one, 1 + 3 * e),
                     {1 + 4 * e, 1, 1, 1, 1, 1}, "to even");
  check_same<double>(results<double>(6, "float_to_float", one, 1 + e + 1e-12),
                     {1 + 2 * e, 1, 1, 1, 1, 1}, "to the nearest");
  check_same<double>(results<double>(6, "float_to_float", one, -2.5), {-2.5, -2, -2, 0, -2, -2},
                     "");
  check_same<double>(results<double>(6, "float_to_float", one, 3.5), {3.5, 4, 3, 1, 4, 3}, "");
  check_same<double>(results<double>(6, "float_to_float", one, -0.25),
                     {-0.25, -0.0, -0.0, 0, -0.0, -0.0}, "the sign stays");
  check_same<double>(results<double>(6, "float_to_float", one, 0.75), {0.75, 1, 0, 0.75, 1, 0}, "");
  check_same<double>(results<double>(6, "float_to_float", one, 1e300),
                     {inf64, inf64, inf64, 1, 1e300, 1e300}, "");
  check_same<double>(results<double>(6, "float_to_float", one, nan64),
                     {nan64, nan64, nan64, 0, nan64, nan64}, "NaN");
}

BOOST_AUTO_TEST_CASE(integers_to_floats) {
  const auto check = [](u64 a, const std::vector<double>& wanted) {
    check_same(results<double>(8, "integer_to_float", one, a), wanted, with("from", a));
  };
  // Of u64, s64, u32, s32: as floats, then as doubles.
  check(0, {0, 0, 0, 0, 0, 0, 0, 0});
  check(16777217, {16777216, 16777216, 16777216, 16777216, 16777217, 16777217, 16777217, 16777217});
  check(16777219, {16777220, 16777220, 16777220, 16777220, 16777219, 16777219, 16777219, 16777219});
  check(0xffffffff, {0x1p32, 0x1p32, 0x1p32, -1, 4294967295.0, 4294967295.0, 4294967295.0, -1});
  check(~u64{0}, {0x1p64, -1, 0x1p32, -1, 0x1p64, -1, 4294967295.0, -1});
  check(0x8000008000000000, {0x1p63, -0x1.fffffep62, 0, 0, 0x1.000001p63, -0x1.fffffep62, 0, 0});
  check(0x8000008000000001,
        {0x1.000002p63, -0x1.fffffep62, 1, 1, 0x1.000001p63, -0x1.fffffep62, 1, 1});
  check(0x20000000000001, {0x1p53, 0x1p53, 1, 1, 0x1p53, 0x1p53, 1, 1});
}

BOOST_AUTO_TEST_CASE(integers_to_integers) {
  const auto check = [](u64 a, const std::vector<u64>& wanted) {
    check_same(results<u64>(7, "integer_to_integer", one, a), wanted, with("from", a));
  };
  check(0x123456789abcdef0, {0x9abcdef0, 0xffffffff9abcdef0, 0xdef0, 0xffffffffffffdef0, 0xf0,
                             0xfffffff0, 0xfffffffffffffff0});
  check(0xffffffff7fff7f7f, {0x7fff7f7f, 0x7fff7f7f, 0x7f7f, 0x7f7f, 0x7f, 0x7f, 0x7f});
}

namespace {

template <class T>
std::vector<u32> comparisons(T a, T b) {
  const bool unordered = std::isnan(a) || std::isnan(b);
  return {a == b,
          !unordered && a != b,
          a<b, a <= b, a>
              b,
          a >= b,
          unordered || a != b,
          unordered || a < b,
          unordered || a <= b,
          unordered || a > b,
          unordered || a >= b,
          !unordered,
          unordered};
}

}  // namespace

BOOST_AUTO_TEST_CASE(comparisons_of_floats) {
  for (const float a : {0.0F, -0.0F, 1.0F, -1.0F, inf32, -inf32, nan32})
    for (const float b : {0.0F, -0.0F, 1.0F, -1.0F, inf32, -inf32, nan32}) {
      check_same(results<u32>(13, "compare_f32", one, a, b), comparisons(a, b),
                 with("compare_f32", a, b));
      check_same(results<u32>(13, "compare_f64", one, double{a}, double{b}),
                 comparisons<double>(a, b), with("compare_f64", a, b));
    }
}

BOOST_AUTO_TEST_CASE(comparisons_of_integers) {
  const std::vector<u64> numbers{0,          1,           0x7fff,       0x8000,
                                 0xffff,     0x10000,     0x7fffffff,   0x80000000,
                                 0xffffffff, 0x100000000, u64{1} << 63, ~u64{0}};
  for (const u64 a : numbers)
    for (const u64 b : numbers) {
      const auto h = static_cast<u16>(a), g = static_cast<u16>(b);
      const auto sh = static_cast<s16>(a), sg = static_cast<s16>(b);
      const auto x = static_cast<u32>(a), y = static_cast<u32>(b);
      const auto sx = static_cast<s32>(a), sy = static_cast<s32>(b);
      const auto sa = static_cast<s64>(a), sb = static_cast<s64>(b);
      check_same<u32>(
          results<u32>(18, "compare_integers", one, a, b),
          {h == g, h != g, h<g, h <= g, sh> sg, sh >= sg, x == y, x != y, sx<sy, sx <= sy, x> y,
           x >= y, a == b, a != b, a<b, sa <= sb, sa> sb, a >= b},
          with("compare_integers", a, b));
    }
}

BOOST_AUTO_TEST_CASE(predicates) {
  const auto check = [](u32 a, u32 b, const std::vector<u32>& wanted) {
    check_same(results<u32>(7, "predicates", one, a, b), wanted, with("predicates", a, b));
  };
  constexpr u32 one_f32 = 0x3f800000, two_f32 = 0x40000000;
  check(0, 0, {0, 0, 0, 1, 1, 0, two_f32});
  check(0, 2, {0, 1, 1, 1, 1, 1, two_f32});
  check(4, 0, {0, 1, 1, 0, 1, 0, one_f32});
  check(4, 2, {1, 1, 0, 0, 1, 1, one_f32});
}

BOOST_AUTO_TEST_CASE(branches_and_guards) {
  const auto steps = [](u32 a) { return results<u32>(1, "collatz", one, a)[0]; };
  BOOST_TEST(steps(0) == 0xeeeeeeeeU);  // not written
  BOOST_TEST(steps(1) == 0U);
  BOOST_TEST(steps(6) == 8U);
  BOOST_TEST(steps(27) == 111U);
}

BOOST_AUTO_TEST_CASE(functions) {
  const auto called = [](u32 a, u32 b) { return results<u32>(1, "calls", one, a, b)[0]; };
  BOOST_TEST(called(3, 4) == 343U);    // 3, 4 -> 34; 34, 3 -> 343
  BOOST_TEST(called(99, 1) == 7U);     // 991 is more than 100
  BOOST_TEST(called(101, 5) == 171U);  // 7; 7, 101 -> 171
}

BOOST_AUTO_TEST_CASE(parameters_of_all_sizes) {
  const std::array<u32, 3> words{11, 12, 13};
  check_same<u64>(results<u64>(8, "parameters", one, u8{200}, u16{50000}, s8{-3}, 1.5, 2.5F, words,
                               u64{0x123456789abcdef0}),
                  {200, 50000, ~u64{2}, 0x3ff8000000000000, 0x40200000, 11, 13, 0x123456789abcdef0},
                  "");
}

BOOST_AUTO_TEST_CASE(vectors_of_numbers) {
  alignas(16) const std::array<u32, 8> in{0x1234fefd, 2, 3, 4, 5, 6, 7, 0x80000008};
  memory.push_back(std::as_bytes(std::span(in)));
  const auto got = results<u32>(14, "vectors", one, address_of(in.data()));
  memory.pop_back();
  std::vector<u32> wanted(in.begin(), in.end());
  wanted.insert(wanted.end(), {0xfd, 0xfffffffd, 0xfefd, 0xfffffefd, 0x0002ee02, 0xeeeeeeee});
  check_same(got, wanted, "vectors");
}

BOOST_AUTO_TEST_CASE(local_memory) {
  for (const u32 i : {0U, 3U, 7U})
    check_same<u32>(results<u32>(3, "local_memory", one, i), {i * i, 0x23456789, 1}, "");
}

BOOST_AUTO_TEST_CASE(variables_of_a_module) {
  check_same<u32>(results<u32>(4, "variables", one, 5U), {5, 1, 0xffffffff, 0x210}, "");
  check_same<u32>(results<u32>(4, "variables", one, 6U), {11, 1, 0xffffffff, 0x210}, "again");
}

BOOST_AUTO_TEST_CASE(places_of_threads) {
  const std::array<u32, 3> grid{2, 3, 4}, block{5, 3, 2};
  std::vector<u32> wanted;
  for (u32 i = 0; i < 24 * 30; ++i) {
    const u32 number = i / 30, t = i % 30;
    for (const u32 x : {t % 5, t / 5 % 3, t / 15, block[0], block[1], block[2], number % 2,
                        number / 2 % 3, number / 6, grid[0], grid[1], grid[2]})
      wanted.push_back(x);
  }
  const auto got = results<u32>(wanted.size(), "places", {.grid = grid, .block = block});
  BOOST_TEST((got == wanted));
}

BOOST_AUTO_TEST_CASE(turns_of_threads) {
  const shape threads{.block = {100, 1, 1}};
  std::vector<u32> in_order(100);
  std::iota(in_order.begin(), in_order.end(), 0xeeeeeeee);  // out is filled with that
  const auto drawn = [&] {
    auto turns = results<u32>(101, "turns", threads);
    turns.erase(turns.begin());
    return turns;
  };
  const auto first = drawn(), second = drawn();
  const char* const seed = std::getenv("LIFT_EMULATOR_SEED");
  const bool at_random = seed && std::string(seed) != "0";
  BOOST_TEST((first != in_order) == at_random);
  BOOST_TEST((first != second) == at_random);
  BOOST_TEST((std::ranges::is_permutation(first, in_order)));
  BOOST_TEST((std::ranges::is_permutation(second, in_order)));
}

BOOST_AUTO_TEST_CASE(shared_memory_and_barriers) {
  check_same<double>(results<double>(3, "unwritten", one), {nan64, nan64, nan64}, "unwritten");

  const shape threads{.grid = {5, 1, 1}, .block = {200, 1, 1}};
  std::vector<u32> wanted;
  for (u32 i = 0; i < 5 * 200; ++i) wanted.push_back(i / 200 * 1000 + 199 - i % 200);
  int incomplete = 0;
  for (int i = 0; i < 20; ++i) {
    BOOST_TEST((results<u32>(1000, "backwards", threads, 1U) == wanted));
    incomplete += results<u32>(1000, "backwards", threads, 0U) != wanted;
  }
  BOOST_TEST(incomplete == 20);  // a thread reads what no thread has written
  for (const u32 n : {1U, 2U, 32U, 64U, 256U})
    BOOST_TEST(results<u64>(1, "sum_of_block", {.block = {n, 1, 1}})[0] == n * (n + 1) / 2);
}

BOOST_AUTO_TEST_CASE(shuffles) {
  // What a lane receives, and whether from within its segment of so many lanes.
  const auto check = [](u32 lanes, u32 by, u32 c, u32 mask, u32 segment) {
    std::vector<u32> wanted;
    for (u32 i = 0; i < lanes; ++i) {
      const bool in_range = i % segment + by < segment;
      wanted.push_back(100 + (in_range ? i + by : i));
      wanted.push_back(in_range);
    }
    check_same(results<u32>(2 * lanes, "shuffle", {.block = {lanes, 1, 1}}, by, c, mask), wanted,
               with("shuffle", lanes, by, segment));
  };
  for (const u32 by : {0U, 1U, 5U, 16U, 31U}) check(32, by, 31, ~0U, 32);
  for (const u32 by : {0U, 1U, 3U, 7U}) {
    check(32, by, 24 << 8 | 31, ~0U, 8);
    check(16, by, 24 << 8 | 31, 0xffff, 8);
  }
  const auto sums = results<u32>(3, "sum_of_warp", {.block = {96, 1, 1}});
  check_same<u32>(sums, {496, 496 + 32 * 32, 496 + 64 * 32}, "sum_of_warp");
}

BOOST_AUTO_TEST_CASE(what_a_kernel_may_not_do_ends_the_program) {
  const std::array<u32, 2> in{};
  memory.push_back(std::as_bytes(std::span(in)));
  const auto reads = [&](u64 offset) {
    return refusal("reads_global", one, u64{0}, address_of(in.data()), offset);
  };
  BOOST_TEST(reads(8) == "4 bytes that are not device memory\n");
  BOOST_TEST(reads(-4ULL) == "4 bytes that are not device memory\n");
  BOOST_TEST(reads(2) == "emulator: kernel reads_global: a misaligned access to global memory\n");
  memory.pop_back();

  const std::string outside = "an access outside of shared memory\n";
  const std::string writes = "emulator: kernel writes_shared: ";
  BOOST_TEST(refusal("writes_shared", one, u64{0}, 16U) == writes + outside);
  BOOST_TEST(refusal("writes_shared", one, u64{0}, -4U) == writes + outside);
  BOOST_TEST(refusal("writes_shared", {.dynamic_shared_bytes = 4}, u64{0}, 20U) ==
             writes + outside);
  BOOST_TEST(refusal("writes_shared", one, u64{0}, 3U) ==
             writes + "a misaligned access to shared memory\n");
  launch("writes_shared", one, u64{0}, 12U);
  launch("writes_shared", {.dynamic_shared_bytes = 4}, u64{0}, 16U);

  const shape warps{.block = {64, 1, 1}};
  BOOST_TEST(refusal("uneven_barrier", warps, u64{0}, 40U, 1U) ==
             "emulator: kernel uneven_barrier: a barrier is not reached by threads that have "
             "ended\n");
  BOOST_TEST(refusal("uneven_barrier", warps, u64{0}, 40U, 0U) ==
             "emulator: kernel uneven_barrier: threads are at different barriers\n");
  launch("uneven_barrier", warps, u64{0}, 64U, 0U);

  const shape warp{.block = {32, 1, 1}};
  BOOST_TEST(refusal("uneven_shuffle", warp, u64{0}, 5U) ==
             "emulator: kernel uneven_shuffle: lanes of a warp are at different shuffles\n");
  BOOST_TEST(refusal("shuffle", warp, u64{0}, 1U, 31U, 0xffffU) ==
             "emulator: kernel shuffle: a shuffle's mask does not name the lanes at it\n");
  BOOST_TEST(refusal("shuffle", {.block = {16, 1, 1}}, u64{0}, 1U, 31U, 0xffffU) ==
             "emulator: kernel shuffle: a shuffle reads a lane that is not at it\n");
}

BOOST_AUTO_TEST_CASE(shuffles_of_pairs) {
  for (const u32 by : {1U, 2U, 16U, 31U})
    for (const u32 segment : {32U, 4U}) {
      std::vector<u32> wanted;
      for (u32 i = 0; i < 32; ++i) {
        const bool in_range = (i ^ by) <= i / segment * segment + segment - 1;
        wanted.push_back(100 + (in_range ? i ^ by : i));
        wanted.push_back(in_range);
      }
      check_same(results<u32>(64, "shuffle_xor", {.block = {32, 1, 1}}, by,
                              (32 - segment) << 8 | 31),
                 wanted, with("shuffle_xor", by, segment));
    }
}

BOOST_AUTO_TEST_CASE(products_of_matrices) {
  // Whole numbers that bfloat16 has, and their products.
  alignas(16) std::array<u16, 256> a, b;
  const auto number = [](std::size_t i) { return static_cast<float>(i * 37 % 19) - 9; };
  const auto bits = [](float x) { return static_cast<u16>(std::bit_cast<u32>(x) >> 16); };
  for (std::size_t i = 0; i < 256; ++i) {
    a[i] = bits(number(i));
    b[i] = bits(number(5 * i + 3));
  }
  memory.push_back(std::as_bytes(std::span(a)));
  memory.push_back(std::as_bytes(std::span(b)));
  for (const bool turned : {false, true}) {
    std::vector<float> wanted;
    for (u32 lane = 0; lane < 32; ++lane)
      for (u32 n = 0; n < 8; ++n) {
        const u32 row = lane / 4 + n % 4 / 2 * 8, column = lane % 4 * 2 + n % 2 + n / 4 * 8;
        float sum = 1;
        for (u32 k = 0; k < 16; ++k)
          sum += number(16 * row + k) *
                 number(5 * (turned ? 16 * column + k : 16 * k + column) + 3);
        wanted.push_back(sum);
      }
    const auto got = results<float>(256, "matrix_product", {.block = {32, 1, 1}},
                                    address_of(a.data()), address_of(b.data()), u32{turned});
    BOOST_TEST((got == wanted));
  }
  memory.pop_back();
  memory.pop_back();
}

BOOST_AUTO_TEST_CASE(what_is_not_translated_fails_when_it_is_launched) {
  const auto check = [](const char* name, const char* statement, const auto&... given) {
    BOOST_TEST(refusal(name, one, given...) ==
               std::string("emulator: kernel ") + name + ": " + statement + " is not translated\n");
  };
  check("no_atomics", "atom.global.add.u32 %d, [%out], 1", u64{0});
  check("no_reductions", "red.global.add.u32 [%out], 1", u64{0});
  check("no_votes", "vote.sync.ballot.b32 %d, %p, -1");
  check("no_other_shuffles", "shfl.sync.up.b32 %d, %d, 1, 31, -1");
  check("no_other_products",
        "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%x, %x, %x, %x}, {%d, %d}, {%d}, "
        "{%x, %x, %x, %x}");
  check("no_other_matrices", "ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%d, %d}, [%d]");
  check("no_other_barriers", "bar.sync 1");
  check("no_barriers_of_some", "bar.sync 0, 64");
  check("no_fences", "membar.gl");
  check("no_traps", "trap");
  check("no_saturated_sums", "add.sat.s32 %d, %d, 1");
  check("no_other_roundings", "cvt.rz.f32.f64 %x, %y");
  check("no_halves", "add.f16 %h, %h, %h");
  check("no_half_registers", ".reg .f16 %h");
  check("no_combined_setp", "setp.lt.and.s32 %p, %d, 1, %p");
  check("no_other_bit_selection", "prmt.b32.f4e %d, %d, %d, 1");
  check("no_volatile", "ld.volatile.global.u32 %d, [%a]");
  check("no_dynamic_shared", "ld.shared.u32 %d, [dynamic]");
  check("no_lane_number", "mov.u32 %d, %laneid");
  check("no_initial_floats", "ld.global.f32 %x, [half]");
  check("no_odd_alignment", "ld.global.u8 %d, [crooked]");
  check("no_odd_local_alignment", ".local .align 0 .b8 x[4]");
  check("no_odd_parameter", ".param .align 24 .b8 x[24]");
  check("no_unknown_register", "mov.u32 %d, %e");
  check("no_unknown_function", "call.uni nowhere, ()");
  check("no_pointers_to_functions", "call.uni %f, ()");
  check("no_call_of_nothing", "call.uni (), ()");
  check("no_unknown_label", "bra $L__nowhere");
  check("no_label_twice", "$L__here:");
  check("no_missing_operand", "add.s32 %d, %d");
  check("no_spare_operand", "add.s32 %d, %d, 1, 2");
  check("no_short_literal", "add.f64 %x, %x, 0f3F800000");
  check("no_integer_literal", "add.f32 %x, %x, 1");
  check("no_missing_semicolon", "ret");
}
