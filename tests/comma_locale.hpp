// SPDX-License-Identifier: MIT
#pragma once

#include <clocale>
#include <locale>
#include <string>

namespace lift::test {

/// While it lives, the program's locale writes 1234.5 as "1.234,5"; the C library's too, where the
/// system has such a locale.
class comma_locale {
 public:
  comma_locale() : before_(std::locale::global(std::locale(std::locale(), new punctuation))) {
    for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "ru_RU.UTF-8"})
      if (std::setlocale(LC_ALL, name)) break;
  }
  comma_locale(const comma_locale&) = delete;
  comma_locale& operator=(const comma_locale&) = delete;
  ~comma_locale() {
    std::setlocale(LC_ALL, "C");
    std::locale::global(before_);
  }

 private:
  struct punctuation : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };

  std::locale before_;
};

}  // namespace lift::test
