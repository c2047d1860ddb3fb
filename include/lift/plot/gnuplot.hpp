// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/printable.hpp>
#include <lift/io/file.hpp>
#include <lift/plot/run_gnuplot.hpp>

namespace lift {

/// Commands of a gnuplot script, which only the text of the program itself can be.
class gnuplot_code {
 public:
  template <std::size_t Size>
  consteval gnuplot_code(const char (&literal)[Size]) : text_(literal, Size - 1) {}
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// A string of a gnuplot script that stands for the given bytes, whatever they are: in the script
/// all but letters, digits, spaces and a few marks are octal numbers, so nothing can end the string
/// or, as a backquote does, act within it.
class gnuplot_string {
 public:
  explicit gnuplot_string(std::string_view bytes) {
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                         (c >= 'a' && c <= 'z') ||
                         std::string_view(" -_.,:/+()").find(c) != std::string_view::npos;
      if (plain)
        literal_ += c;
      else
        for (const int shift : {6, 3, 0})
          literal_ += (shift == 6 ? "\\" : "") + digit(byte >> shift);
    }
    literal_ += '"';
  }
  const std::string& literal() const { return literal_; }

 private:
  static std::string digit(int value) { return std::string(1, static_cast<char>('0' + value % 8)); }

  std::string literal_ = "\"";
};

/// What a figure shows of a name: printable, its first 100 bytes. Where it may have come from
/// outside, the script must say noenhanced, so that '_' and '^' are shown.
inline gnuplot_string caption(std::string_view name) {
  return gnuplot_string(printable(name, 100));
}

/// A caption at a tick, whose '%' would otherwise begin a format.
inline gnuplot_string tick_caption(std::string_view name) {
  std::string doubled;
  for (const char c : printable(name, 100)) doubled += c == '%' ? "%%" : std::string(1, c);
  return gnuplot_string(doubled);
}

/// A picture to draw (a .png) and its script beside it, NAME.gp. A name converts to them; who reads
/// long before drawing makes them first, so that a place that cannot be written is refused before.
struct figure_files {
  template <std::convertible_to<std::filesystem::path> Name>
  figure_files(const Name& png)
      : figure_files(std::filesystem::path(png), script_of(png)) {}

  std::filesystem::path name;  ///< of the picture within its folder
  output_file picture, script;

 private:
  figure_files(const std::filesystem::path& png, const std::filesystem::path& gp)
      : name(png.filename()), picture(png), script(gp) {}

  static std::filesystem::path script_of(const std::filesystem::path& png) {
    const auto gp = std::filesystem::path(png).replace_extension(".gp");
    require(gp != png, "name of a picture", png.string(), "another ending than .gp");
    return gp;
  }
};

/// A figure: a gnuplot script that grows by code, strings and numbers, and, once drawn, lies beside
/// the picture with its data inside, so that `gnuplot NAME.gp` makes the picture again.
class figure {
 public:
  figure(int width, int height) {
    *this << "set terminal pngcairo size " << width << "," << height
          << " font 'DejaVu Sans,11' background 'white'\n"
             "set encoding utf8\nset grid lc rgb '#dddddd'\n"
             "set style line 1 lc rgb '#1f4e8c' lw 2 pt 7 ps 0.7\n"
             "set style line 2 lc rgb '#c8442a' lw 2 pt 5 ps 0.7\n"
             "set style line 3 lc rgb '#2f8f4e' lw 2 pt 9 ps 0.8\n"
             "set style line 4 lc rgb '#8a4fa3' lw 2 pt 11 ps 0.8\n"
             "set style line 5 lc rgb '#c99a1c' lw 2 pt 13 ps 0.8\n"
             "set style line 6 lc rgb '#444444' lw 2 pt 3 ps 0.8\n";
  }

  figure& operator<<(gnuplot_code code) { return append(code.text()); }
  figure& operator<<(const gnuplot_string& string) { return append(string.literal()); }

  /// A number within the script's code; throws lift::error unless it is finite.
  template <class Number>
    requires(std::floating_point<Number> ||
             (std::integral<Number> && !std::same_as<Number, bool> && !std::same_as<Number, char>))
  figure& operator<<(Number number) {
    char digits[32];
    const char* end = digits + sizeof digits;
    if constexpr (std::floating_point<Number>) {
      require(std::isfinite(number), "number of a figure", number, "a finite one");
      end = std::to_chars(digits, digits + sizeof digits, number, std::chars_format::general).ptr;
    } else {
      end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    }
    return append({digits, end});
  }

  /// Ends a line that begins with a name, as "$losses", by the table it stands for; an empty row is
  /// a blank line, and what is not finite is not drawn.
  figure& data(const std::vector<std::vector<double>>& rows) {
    *this << " << EOD\n";
    for (const auto& row : rows) {
      for (const double x : row) std::isfinite(x) ? *this << x << " " : *this << "NaN ";
      *this << "\n";
    }
    return *this << "EOD\n";
  }

  /// The script; it draws to gnuplot's standard output.
  const std::string& script() const { return script_; }

  /// Writes the picture and the script beside it, both once gnuplot has succeeded; throws
  /// lift::error when gnuplot is missing or fails.
  void draw(figure_files to) const {
    to.picture.write(run_gnuplot(script_));
    // "./": gnuplot takes what begins with '|' for a command.
    const gnuplot_string name("./" + to.name.string());
    to.script.write("set output " + name.literal() + "\n" + script_);
    to.picture.commit(durability::cached);
    to.script.commit(durability::cached);
  }

 private:
  figure& append(std::string_view part) {
    script_ += part;
    return *this;
  }

  std::string script_;
};

}  // namespace lift
