// SPDX-License-Identifier: MIT
#pragma once

#include <sstream>  // and with it std::locale, without the weight of <locale>
#include <stdexcept>
#include <string>

namespace lift {

/// The one exception type of the library; what() is a single line a user can act on.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Joins its arguments, written with operator<<, into one string; manipulators such as std::hex are
/// arguments too. The host program's locale changes nothing: 1234.5 is always "1234.5".
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
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
