// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <locale>
#include <random>
#include <sstream>
#include <string>
#include <string_view>

#include <lift/core/error.hpp>
#include <lift/core/shape.hpp>

#include <comma_locale.hpp>
#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(text_tests)

using lift::text;

namespace {

/// What a stream of the C locale writes.
template <class... Parts>
std::string streamed(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

template <class Number>
void check_number(Number x) {
  BOOST_TEST(text(x) == streamed(x));
}

template <class Integer>
void check_integers() {
  for (const Integer x : {std::numeric_limits<Integer>::min(), std::numeric_limits<Integer>::max(),
                          Integer{0}, Integer{1}, Integer{65}})
    check_number(x);
}

template <class Floating>
void check_floating() {
  using limits = std::numeric_limits<Floating>;
  for (const Floating x :
       {Floating{0}, Floating{1}, Floating(0.1), Floating(1234.5), Floating(123456), Floating(1234567),
        Floating(999999.5), Floating(1e5), Floating(1e-4), Floating(1e-5), Floating(2) / 3,
        limits::min(), limits::max(), limits::denorm_min(), limits::epsilon(), limits::infinity(),
        limits::quiet_NaN()})
    for (const Floating sign : {Floating{1}, Floating{-1}}) check_number(std::copysign(x, sign));
  std::mt19937 random(7);
  std::uniform_real_distribution<Floating> exponent(-30, 30), mantissa(-10, 10);
  for (int i = 0; i < 1000; ++i) check_number(mantissa(random) * std::pow(Floating{10}, exponent(random)));
}

enum counted { none, some };

struct own {
  friend std::ostream& operator<<(std::ostream& out, const own&) { return out << 1234.5 << ';'; }
};
struct named {
  friend std::string to_text(const named&) { return "named"; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(integers_are_written_as_streams_write_them) {
  check_integers<short>();
  check_integers<unsigned short>();
  check_integers<int>();
  check_integers<unsigned>();
  check_integers<long>();
  check_integers<unsigned long>();
  check_integers<long long>();
  check_integers<unsigned long long>();
  check_number(true);
  check_number(false);
}

BOOST_AUTO_TEST_CASE(floating_point_numbers_are_written_as_streams_write_them) {
  check_floating<float>();
  check_floating<double>();
  check_floating<long double>();
  BOOST_TEST(text(1234567.0, ' ', 1e-5, ' ', 0.1f) == "1.23457e+06 1e-05 0.1");
}

BOOST_AUTO_TEST_CASE(characters_and_strings_are_written_as_they_are) {
  check_number('a');
  check_number(static_cast<signed char>('b'));
  check_number(static_cast<unsigned char>('c'));
  const char* pointer = "pointer";
  char array[16] = "array";
  BOOST_TEST(text(pointer) == "pointer");
  BOOST_TEST(text(array) == "array");
  BOOST_TEST(text("literal", '/', std::string("string"), '/', std::string_view("a\0b", 3)) ==
             std::string("literal/string/a\0b", 18));
  BOOST_TEST(text(std::string("a\0b", 3)) == std::string("a\0b", 3));
  BOOST_TEST(text() == "");
  BOOST_TEST(text("") == "");
}

BOOST_AUTO_TEST_CASE(other_types_are_written_by_their_own_function) {
  const lift::shape dims{2, 3, 16, 16};
  BOOST_TEST(text(dims, lift::shape{}) == "(2, 3, 16, 16)()");
  BOOST_TEST(text(dims) == streamed(dims));
  BOOST_TEST(text("a ", named{}) == "a named");
  BOOST_TEST(text(own{}, ' ', own{}) == streamed(own{}, ' ', own{}));
  BOOST_TEST(text(some) == streamed(some));
  const std::filesystem::path path = "a \"quoted\" name";
  BOOST_TEST(text(path) == streamed(path));
}

BOOST_AUTO_TEST_CASE(a_locale_of_the_host_program_changes_nothing) {
  const lift::test::comma_locale other;
  BOOST_REQUIRE_EQUAL((std::ostringstream() << 1234.5).str(), "1.234,5");
  BOOST_TEST(text(1234.5, ' ', 1234567, ' ', std::uint64_t{1} << 40, ' ', 1e7f, ' ', own{}, ' ',
                  lift::shape{4096}) == "1234.5 1234567 1099511627776 1e+07 1234.5; (4096)");
  BOOST_TEST(lift::significant_digits(1234.5, 5) == "1234.5");
  BOOST_TEST(lift::test::message_of([] { lift::require(false, "γ", 1000.5, 2000000); }) ==
             "γ: got 1000.5, want 2000000");
}

BOOST_AUTO_TEST_CASE(a_requirement_names_what_was_wanted) {
  using lift::require, lift::test::message_of;
  BOOST_CHECK_NO_THROW(require(true, "size", 1, 2));
  BOOST_TEST(message_of([] { require(false, "size", 1, "at least 2"); }) ==
             "size: got 1, want at least 2");
  BOOST_TEST(message_of([] { require(false, std::string("size"), 0.5, text(1, " or ", 2)); }) ==
             "size: got 0.5, want 1 or 2");
}

BOOST_AUTO_TEST_CASE(digits_are_filled_with_zeros) {
  BOOST_TEST(lift::decimal(42, 5) == "00042");
  BOOST_TEST(lift::decimal(123456, 5) == "123456");
  BOOST_TEST(lift::decimal(0, 1) == "0");
  BOOST_TEST(lift::hexadecimal(0) == "0");
  BOOST_TEST(lift::hexadecimal(0xabcdef) == "abcdef");
  BOOST_TEST(lift::hexadecimal(0x1b, 4) == "001b");
  BOOST_TEST(lift::hexadecimal(~std::uint64_t{0}, 16) == "ffffffffffffffff");
  BOOST_TEST(lift::significant_digits(1234.5, 3) == "1.23e+03");
  BOOST_TEST(lift::significant_digits(0.0004567f, 3) == "0.000457");
}

BOOST_AUTO_TEST_SUITE_END()
