// SPDX-License-Identifier: MIT
#pragma once

// Flags with numbers: each says which numbers it takes, and one place reads them.

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include <lift/core/error.hpp>
#include <lift/core/image_size.hpp>

namespace lift::cli {

/// The numbers that a flag takes.
template <class Number>
struct range {
  Number least, most;
  bool above_least = false;  ///< whether `least` itself is too little

  /// False also for what is no number at all, NaN.
  bool holds(Number x) const { return x <= most && (above_least ? x > least : x >= least); }
  std::string words() const {
    return text(std::integral<Number> ? "a whole number " : "a number ",
                above_least ? "above " : "from ", least, above_least ? ", at most " : " to ", most);
  }
};

/// Whole numbers; by default so few that a product of two of them is exact in 64 bits.
constexpr range<std::uint64_t> whole(std::uint64_t least, std::uint64_t most = 1'000'000'000) {
  return {least, most};
}
inline constexpr range<std::uint64_t> from_one = whole(1), from_zero = whole(0);
/// Real numbers up to what a float can hold.
inline constexpr range<double> real_above_zero = {0, 1e30, true}, real_from_zero = {0, 1e30},
                               zero_to_one = {0, 1};

/// The number that the whole of `given` spells in decimal: no blanks, no plus sign, no "inf" or
/// "nan". Throws CLI::ValidationError (exit code 2) for anything else, and for one out of range.
template <class Number>
Number read_number(const std::string& flag, std::string_view given, const range<Number>& allowed) {
  Number number = 0;
  const char* last = given.data() + given.size();
  const auto [end, problem] = std::from_chars(given.data(), last, number);
  if (problem != std::errc() || end != last || !allowed.holds(number))
    throw CLI::ValidationError(
        flag, text("got ", given.empty() ? "nothing" : given, ", want ", allowed.words()));
  return number;
}

namespace detail {
// What a value that a flag fills takes from the command line, and how its default reads there.
template <class Number>
void read_value(const std::string& flag, std::string_view given, const range<Number>& allowed,
                Number& value) {
  value = read_number(flag, given, allowed);
}
inline void read_value(const std::string& flag, std::string_view given,
                       const range<std::uint64_t>& allowed, image_size& value) {
  const std::optional<image_size> read = read_image_size(given);
  if (!read || !allowed.holds(read->width) || !allowed.holds(read->height))
    throw CLI::ValidationError(flag, text("got ", given.empty() ? "nothing" : given, ", want ",
                                          allowed.words(), ", or two of them as WIDTHxHEIGHT"));
  value = *read;
}
template <class Number, class Value>
void read_value(const std::string& flag, std::string_view given, const range<Number>& allowed,
                std::optional<Value>& value) {
  read_value(flag, given, allowed, value.emplace());
}
template <class Number>
void read_value(const std::string& flag, std::string_view given, const range<Number>& allowed,
                std::vector<Number>& value) {
  value.clear();
  for (std::size_t first = 0, comma = 0; comma != given.npos; first = comma + 1) {
    comma = given.find(',', first);
    value.push_back(read_number(flag, given.substr(first, comma - first), allowed));
  }
}

template <class Number>
void read_value(const std::string& flag, std::string_view given, const range<Number>& allowed,
                std::optional<std::vector<Number>>& value) {
  value.emplace();
  if (given != "none") read_value(flag, given, allowed, *value);
}

template <class Number>
std::string default_text(const Number& value) {
  return text(value);
}
template <class Number>
std::string default_text(const std::vector<Number>& value) {
  std::string result;
  for (const Number& each : value) result += (result.empty() ? "" : ",") + text(each);
  return result;
}
template <class Value>
std::string default_text(const std::optional<Value>& value) {
  return value ? default_text(*value) : "";
}
}  // namespace detail

/// A flag with a number, an optional one, the sides of images, or numbers separated by commas, where
/// these are optional also "none"; its default is shown in the help.
template <class Value, class Number>
CLI::Option* number_option(CLI::App& app, const std::string& flag, Value& value,
                           const std::string& about, const range<Number>& allowed) {
  return app
      .add_option(
          flag,
          [flag, &value, allowed](const CLI::results_t& given) {
            detail::read_value(flag, given.front(), allowed, value);
            return true;
          },
          about)
      ->type_name(std::integral<Number> ? "UINT" : "FLOAT")
      ->default_str(detail::default_text(value));
}

}  // namespace lift::cli
