// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/host_tensor.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

namespace detail {

struct npy_type {
  std::string_view name;  ///< NumPy's
  dtype type;
};
inline constexpr npy_type npy_types[] = {
    {"<f8", dtype::f64}, {"<f4", dtype::f32}, {"<f2", dtype::f16}, {"<i8", dtype::i64},
    {"<i4", dtype::i32}, {"<i2", dtype::i16}, {"|i1", dtype::i8},  {"<u8", dtype::u64},
    {"<u4", dtype::u32}, {"<u2", dtype::u16}, {"|u1", dtype::u8},  {"|b1", dtype::boolean}};

/// Reads the Python dictionary of a .npy file's header, of which it knows the three keys alone.
class npy_header {
 public:
  std::string type;
  bool columns_first = false;  ///< Fortran's order
  shape dims;

  npy_header(std::string_view dictionary, const std::string& source)
      : rest_(dictionary), source_(source) {
    expect('{');
    std::set<std::string> seen;
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (!seen.insert(key).second) fail(text("the key ", quote_name(key), " stands twice"));
      if (key == "descr")
        type = quoted();
      else if (key == "fortran_order")
        columns_first = boolean();
      else if (key == "shape")
        dims = tuple();
      else
        fail(text("unknown key ", quote_name(key)));
      if (!accept(',') && !next_is('}')) fail("no comma between two keys");
    }
    if (seen.size() != 3) fail("not the keys descr, fortran_order and shape");
    skip_spaces();
    if (!rest_.empty()) fail("something follows the dictionary");
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw error(text(source_, ": header of a .npy array: ", why));
  }
  void skip_spaces() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool next_is(char wanted) {
    skip_spaces();
    return !rest_.empty() && rest_[0] == wanted;
  }
  bool accept(char wanted) {
    const bool found = next_is(wanted);
    if (found) rest_.remove_prefix(1);
    return found;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(text("no ", wanted, " where one belongs"));
  }
  /// A string in single quotes without escapes.
  std::string quoted() {
    expect('\'');
    const std::size_t end = rest_.find('\'');
    const std::string_view found = rest_.substr(0, end);
    if (end == std::string_view::npos || found.find('\\') != std::string_view::npos)
      fail("a string without its end, or with a backslash");
    rest_.remove_prefix(end + 1);
    return std::string(found);
  }
  bool boolean() {
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      skip_spaces();
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    fail("neither True nor False");
  }
  shape tuple() {
    expect('(');
    std::vector<std::size_t> extents;
    while (!accept(')')) {
      skip_spaces();
      std::size_t extent = 0;
      const auto [end, status] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (status != std::errc() || extents.size() == shape::max_rank)
        fail("the shape is no tuple of at most 8 whole numbers");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      extents.push_back(extent);
      if (!accept(',') && !next_is(')')) fail("no comma between two extents");
    }
    return shape(std::span<const std::size_t>(extents));
  }

  std::string_view rest_;
  const std::string& source_;
};

/// A matrix or stack of them from Fortran's order to C's.
inline std::vector<std::byte> rows_first(const std::vector<std::byte>& data, const shape& dims,
                                         std::size_t bytes) {
  std::vector<std::byte> result(data.size());
  const std::size_t count = dims.size();
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t rest = i, from = 0;
    for (std::size_t axis = dims.rank(); axis-- > 0;) {
      from += rest % dims[axis] * dims.product(0, axis);
      rest /= dims[axis];
    }
    std::memcpy(result.data() + i * bytes, data.data() + from * bytes, bytes);
  }
  return result;
}

}  // namespace detail

/// The array of a .npy file's bytes (NumPy's format, versions 1 and 2; little-endian numbers and
/// booleans). Throws lift::error naming `source` where they are no such array, or more or fewer.
inline host_tensor parse_npy(std::span<const std::byte> bytes, const std::string& source) {
  const auto fail = [&](const std::string& why) {
    throw error(text(source, ": not a .npy array: ", why));
  };
  constexpr std::string_view magic = "\x93NUMPY";
  const std::string_view characters(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (characters.size() < 10 || !characters.starts_with(magic)) fail("it does not begin as one");
  const int version = static_cast<int>(bytes[6]);
  if (version != 1 && version != 2) fail(text("its version is ", version, ", not 1 or 2"));
  const std::size_t width = version == 1 ? 2 : 4, start = 8 + width;
  if (characters.size() < start) fail("it ends in its header");
  std::size_t length = 0;
  std::memcpy(&length, bytes.data() + 8, width);
  if (length > characters.size() - start) fail("its header goes past its end");
  const detail::npy_header header(characters.substr(start, length), source);
  const auto found = std::ranges::find(detail::npy_types, std::string_view(header.type),
                                       &detail::npy_type::name);
  if (found == std::end(detail::npy_types))
    fail(text("its elements are ", quote_name(header.type), ", not little-endian numbers"));
  const std::size_t held = characters.size() - start - length, each = size_of(found->type);
  std::size_t wanted = each;
  for (const std::size_t extent : header.dims)
    if (__builtin_mul_overflow(wanted, extent, &wanted)) fail("its shape is too large");
  if (held != wanted)
    fail(text("it holds ", held, " bytes of elements, its shape wants ", wanted));
  const auto elements = bytes.last(held);
  host_tensor result{found->type, header.dims, {elements.begin(), elements.end()}};
  if (header.columns_first && header.dims.rank() > 1)
    result.data = detail::rows_first(result.data, result.dims, each);
  return result;
}

/// The bytes of a .npy file, version 1. Throws lift::error for bfloat16, which NumPy has not.
inline std::vector<std::byte> npy_bytes(const host_tensor& array) {
  const auto found = std::ranges::find(detail::npy_types, array.type, &detail::npy_type::type);
  require(found != std::end(detail::npy_types), "element type of a .npy array", name(array.type),
          "one that NumPy has");
  std::string tuple;
  for (const std::size_t extent : array.dims) tuple += text(extent, ", ");
  if (array.dims.rank() > 1) tuple.resize(tuple.size() - 2);
  std::string header =
      text("{'descr': '", found->name, "', 'fortran_order': False, 'shape': (", tuple, "), }");
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  const std::string head = text("\x93NUMPY\x01", '\0', static_cast<char>(header.size() % 256),
                                static_cast<char>(header.size() / 256), header);
  const auto first = std::as_bytes(std::span(head.data(), head.size()));
  std::vector<std::byte> bytes(first.begin(), first.end());
  bytes.insert(bytes.end(), array.data.begin(), array.data.end());
  return bytes;
}

}  // namespace lift
