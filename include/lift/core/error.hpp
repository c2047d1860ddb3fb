// SPDX-License-Identifier: MIT
#pragma once

#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <lift/core/digits.hpp>

namespace lift {

/// The one exception type of the library; what() is a single line a user can act on.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

inline void append(std::string& to, const char* part) { to += part; }
inline void append(std::string& to, const std::string& part) { to += part; }

template <class Part>
void append(std::string& to, const Part& part) {
  if constexpr (std::is_same_v<Part, char> || std::is_same_v<Part, signed char> ||
                std::is_same_v<Part, unsigned char>) {
    to += static_cast<char>(part);
  } else if constexpr (std::is_integral_v<Part>) {
    to += std::to_string(part);
  } else if constexpr (std::is_floating_point_v<Part>) {
    to += significant_digits(part, 6);
  } else if constexpr (requires { to_text(part); }) {
    to += to_text(part);
  } else if constexpr (std::is_convertible_v<const Part&, std::string_view>) {
    to += std::string_view(part);
  } else {
    // Depends on Part, so that only who writes such a part has to include <sstream>.
    std::basic_ostringstream<std::conditional_t<true, char, Part>> out;
    out.imbue(decltype(out.getloc())::classic());
    out << part;
    to += out.str();
  }
}

}  // namespace detail

/// Joins its arguments into one string: text, characters, numbers as "%g" and "%d" write them, what
/// has a function to_text beside its type, and what has only operator<<, for which the caller
/// includes <sstream>. The host program's locale changes nothing: 1234.5 is always "1234.5".
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string result;
  (detail::append(result, parts), ...);
  return result;
}

/// Throws lift::error unless `condition` holds; the message is "what: got G, want W".
template <class Got, class Want>
void require(bool condition, const char* what, const Got& got, const Want& want) {
  if (!condition) throw error(text(what, ": got ", got, ", want ", want));
}

template <class Got, class Want>
void require(bool condition, const std::string& what, const Got& got, const Want& want) {
  if (!condition) throw error(text(what, ": got ", got, ", want ", want));
}

}  // namespace lift
