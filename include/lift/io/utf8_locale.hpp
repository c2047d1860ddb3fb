// SPDX-License-Identifier: MIT
#pragma once

#include <clocale>  // POSIX: newlocale and uselocale too

namespace lift {

/// While it lives, libraries that ask for this thread's locale take characters for UTF-8, whatever
/// the program's locale is; other threads and the program's locale are left alone.
class utf8_locale {
 public:
  // Where there is no such locale, uselocale(0) changes nothing.
  utf8_locale() : before_(::uselocale(utf8())) {}
  utf8_locale(const utf8_locale&) = delete;
  utf8_locale& operator=(const utf8_locale&) = delete;
  ~utf8_locale() { ::uselocale(before_); }

 private:
  static ::locale_t utf8() {
    static const ::locale_t made = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return made;
  }

  ::locale_t before_;
};

}  // namespace lift
