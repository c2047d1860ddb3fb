// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include <lift/core/digits.hpp>

#include "options.hpp"

namespace lift::cli {

/// "1:02:03", "2:03".
inline std::string clock_text(double seconds) {
  const auto all = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 3.6e6) + 0.5);
  const std::string hours = all >= 3600 ? text(all / 3600, ':') : "";
  return hours + decimal(all / 60 % 60, all >= 3600 ? 2 : 1) + ":" + decimal(all % 60, 2);
}

inline bool begins_character(char byte) { return (byte & 0xC0) != 0x80; }  // of UTF-8

/// The columns of a terminal that words take, in characters.
inline std::size_t displayed_width(const std::string& words) {
  return static_cast<std::size_t>(std::count_if(words.begin(), words.end(), begins_character));
}

/// How far a long task is, on standard error: on a terminal a bar with rate and time left,
/// elsewhere a plain line every ten seconds, nothing if the command is to be quiet.
class progress {
 public:
  /// `total` steps of which `done` are done already; the task also ends after `time_limit` seconds.
  progress(const session& s, std::string label, std::size_t total, std::size_t done = 0,
           double time_limit = 0)
      : label_(std::move(label)),
        total_(total),
        first_(done),
        time_limit_(time_limit),
        quiet_(s.quiet),
        bar_(isatty(STDERR_FILENO) != 0),
        colour_(std::getenv("NO_COLOR") == nullptr) {}
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress() { leave_line(); }

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  /// Another number of steps in all.
  void set_total(std::size_t total) { total_ = total; }

  /// Says that `done` steps are done; `note` is shown beside it.
  void update(std::size_t done, const std::string& note = "") {
    done = std::max(done, first_);  // what was done before may be told again
    const double now = seconds();
    if (quiet_ || (done < total_ && now < next_)) return;
    next_ = now + (bar_ ? 0.1 : 10);
    const double rate = static_cast<double>(done - first_) / std::max(now, 1e-9);
    double left = static_cast<double>(total_ - std::min(done, total_)) / std::max(rate, 1e-9);
    double part = static_cast<double>(done) / static_cast<double>(std::max<std::size_t>(total_, 1));
    if (time_limit_ > 0) {
      left = std::min(left, time_limit_ - now);
      part = std::max(part, now / time_limit_);
    }
    std::string line = text(done, '/', total_, "  ", significant_digits(rate, 3), "/s");
    if (done > first_ && done < total_) line += "  " + clock_text(left) + " left";
    if (!note.empty()) line += "  " + note;
    show(line, std::min(part, 1.0));
    if (done >= total_) leave_line();
  }

  /// Ends a bar's line, so that another line can be written; the next update draws the bar anew.
  void leave_line() {
    if (std::exchange(open_, false)) std::cerr << std::endl;
  }

 private:
  /// A bar takes what room the terminal leaves beside the words, and words that do not fit are cut:
  /// a line that wraps could not be drawn over.
  void show(const std::string& words, double part) {
    if (!bar_) {
      std::cerr << label_ << ' ' << words << std::endl;
      return;
    }
    const std::size_t columns = terminal_width() - 1;  // the last one would move the cursor on
    std::string line = first_columns(label_ + ' ' + words, columns);
    const std::size_t room = columns - displayed_width(line);
    if (room >= 7)
      line.insert(label_.size() + 1, picture(part, std::min<std::size_t>(24, room - 3)) + ' ');
    std::cerr << '\r' << line << "\033[K" << std::flush;
    open_ = true;
  }

  std::string picture(double part, std::size_t width) const {
    const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
    const std::string filled(full, '#'), empty(width - full, '.');
    return colour_ ? "[\033[32m" + filled + "\033[2m" + empty + "\033[0m]"
                   : "[" + filled + empty + "]";
  }

  /// Columns of the terminal on standard error, at least 1.
  static std::size_t terminal_width() {
    struct ::winsize size = {};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char* const columns = std::getenv("COLUMNS");
    const int given = columns ? std::atoi(columns) : 0;
    return given > 0 ? static_cast<std::size_t>(given) : 80;
  }

  static std::string first_columns(const std::string& words, std::size_t columns) {
    std::size_t end = 0;
    while (end < words.size() && (!begins_character(words[end]) || columns-- > 0)) ++end;
    return words.substr(0, end);
  }

  std::string label_;
  std::size_t total_, first_;
  double time_limit_;
  bool quiet_, bar_, colour_, open_ = false;
  double next_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace lift::cli
