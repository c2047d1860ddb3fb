// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <sys/wait.h>

#include <lift/core/error.hpp>
#include <lift/io/file.hpp>

namespace lift {

/// A figure: a gnuplot script that grows line by line and, once drawn, lies beside the picture
/// with its data inside, so that `gnuplot NAME.gp` makes the picture again.
class figure {
 public:
  figure(int width, int height) {
    *this << "set terminal pngcairo size " << width << ',' << height
          << " font 'DejaVu Sans,11' background 'white'\n"
          << "set encoding utf8\nset grid lc rgb '#dddddd'\n"
          << "set style line 1 lc rgb '#1f4e8c' lw 2 pt 7 ps 0.7\n"
          << "set style line 2 lc rgb '#c8442a' lw 2 pt 5 ps 0.7\n"
          << "set style line 3 lc rgb '#2f8f4e' lw 2 pt 9 ps 0.8\n"
          << "set style line 4 lc rgb '#8a4fa3' lw 2 pt 11 ps 0.8\n"
          << "set style line 5 lc rgb '#c99a1c' lw 2 pt 13 ps 0.8\n"
          << "set style line 6 lc rgb '#444444' lw 2 pt 3 ps 0.8\n";
  }

  template <class Part>
  figure& operator<<(const Part& part) {
    script_ << part;
    return *this;
  }

  /// Adds a table of numbers that the script can plot as $name.
  figure& data(const std::string& name, const std::vector<std::vector<double>>& rows) {
    script_ << '$' << name << " << EOD\n";
    for (const auto& row : rows) {
      for (const double x : row) script_ << x << ' ';
      script_ << '\n';
    }
    script_ << "EOD\n";
    return *this;
  }

  /// Writes PICTURE (a .png) and the script beside it; throws lift::error when gnuplot is missing
  /// or fails.
  void draw(const std::filesystem::path& picture) const {
    const std::filesystem::path script = std::filesystem::path(picture).replace_extension(".gp");
    // The name is set after the script's own lines and before its plot command, which is last.
    atomic_write(script, "set output " + quoted(picture.filename().string()) + "\n" +
                             script_.str());
    const auto folder = std::filesystem::absolute(picture).parent_path();
    std::FILE* pipe = ::popen("gnuplot", "w");
    require(pipe != nullptr, "starting gnuplot", "no process", "gnuplot");
    std::fprintf(pipe, "cd %s\nload %s\n", quoted(folder.string()).c_str(),
                 quoted(script.filename().string()).c_str());
    const int status = ::pclose(pipe);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
      throw error("gnuplot is missing: install Debian's gnuplot-nox");
    if (status != 0 || !std::filesystem::exists(picture))
      throw error(text("gnuplot failed on ", script.string()));
  }

  /// A string as a gnuplot literal.
  static std::string quoted(const std::string& s) {
    std::string result = "'";
    for (const char c : s) result += c == '\'' ? std::string("''") : std::string(1, c);
    return result + "'";
  }

 private:
  std::ostringstream script_;
};

}  // namespace lift
