// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <lift/core/digits.hpp>
#include <lift/core/error.hpp>
#include <lift/core/image_size.hpp>
#include <lift/core/printable.hpp>
#include <lift/io/file.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// Parses a JSON document; throws lift::error naming `source` and the byte for text that is not
/// JSON, nests deeper than 16 levels, gives one key twice, or holds a number beyond all doubles.
template <class Json = nlohmann::json>
Json parse_json(std::string_view document, const std::string& source) {
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, typename Json::parse_event_t event, Json& parsed) {
    require(depth <= 16, text(source, ": depth of the JSON"), depth, "at most 16");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event != Json::parse_event_t::key) return true;
    const auto key = parsed.template get<std::string>();
    if (!keys.back().insert(key).second)
      throw error(text(source, ": key ", quote_name(key), " is given twice"));
    return true;
  };
  try {
    return Json::parse(document, check);
  } catch (const typename Json::parse_error& e) {
    throw error(text(source, ": offset ", e.byte, ": not valid JSON"));
  } catch (const typename Json::out_of_range&) {
    throw error(text(source, ": a number of the JSON is too large"));
  }
}

/// Reads a JSON document as parse_json does; an error names the file.
inline nlohmann::json read_json(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = read_file(file);
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.string());
}

/// A document as JSON, in one line unless indented; bytes that are not UTF-8 become "\ufffd"
/// instead of an exception.
template <class Json>
std::string json_text(const Json& document, int indent = -1, bool ascii = false) {
  return document.dump(indent, ' ', ascii, Json::error_handler_t::replace);
}

/// Writes a JSON document, indented, whole or not at all.
inline void write_json(output_file file, const nlohmann::json& document) {
  atomic_write(std::move(file), json_text(document, 1) + "\n");
}

/// A path as JSON can hold it: itself where it is UTF-8, "bytes:" and its bytes in hexadecimal
/// where it is not (or begins like that itself).
inline std::string path_text(const std::filesystem::path& path) {
  const std::string& bytes = path.native();
  if (is_utf8(bytes) && !bytes.starts_with("bytes:")) return bytes;
  std::string result = "bytes:";
  for (const char c : bytes) result += hexadecimal(static_cast<unsigned char>(c), 2);
  return result;
}

/// The path that path_text wrote; throws lift::error for "bytes:" with anything but pairs of
/// digits.
inline std::filesystem::path path_from_text(std::string_view written) {
  if (!written.starts_with("bytes:")) return written;
  const std::string_view digits = written.substr(6);
  std::string bytes;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    const std::string_view pair = digits.substr(at, 2);
    unsigned char byte = 0;
    const auto [end, problem] = std::from_chars(pair.begin(), pair.end(), byte, 16);
    require(problem == std::errc() && end == pair.end() && pair.size() == 2, "recorded path",
            quote_name(written), "pairs of hexadecimal digits after bytes:");
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

/// A value of a JSON document, exactly of its type: a string, bool, finite number, whole number
/// from 0, size of images, object as JSON, or list of such; throws lift::error "FILE: field 'NAME': want …".
template <class Value, class Json>
Value json_value(const Json& value, const std::string& file, const std::string& name) {
  const auto check = [&](bool right, const char* want) {
    if (!right) throw error(text(file, ": field ", quote_name(name), ": want ", want));
  };
  Value result{};
  if constexpr (std::is_same_v<Value, std::string>) {
    check(value.is_string(), "a string");
    result = value.template get<Value>();
  } else if constexpr (std::is_same_v<Value, Json>) {
    check(value.is_object(), "an object");
    result = value;
  } else if constexpr (std::is_same_v<Value, bool>) {
    check(value.is_boolean(), "true or false");
    result = value.template get<Value>();
  } else if constexpr (std::unsigned_integral<Value>) {
    check(value.is_number_unsigned(), "a whole number from 0");
    result = value.template get<Value>();
  } else if constexpr (std::floating_point<Value>) {
    if (value.is_number()) result = value.template get<Value>();
    check(value.is_number() && std::isfinite(result), "a finite number");
  } else if constexpr (std::is_same_v<Value, image_size>) {
    const auto sides = value.is_number_unsigned() ? value.template get<std::size_t>()
                       : value.is_string() ? read_image_size(value.template get<std::string>())
                                           : std::optional<image_size>();
    check(sides.has_value(), "a whole number, or sides as in \"64x48\"");
    result = *sides;
  } else {
    check(value.is_array(), "a list");
    for (const Json& entry : value)
      result.push_back(
          json_value<typename Value::value_type>(entry, file, text(name, '[', result.size(), ']')));
  }
  return result;
}

/// The field `name` of a JSON object as json_value takes it; what is not there, or no object, is of
/// the wrong type.
template <class Value, class Json>
Value json_field(const Json& object, const std::string& file, const char* name) {
  const auto found = object.find(name);
  return json_value<Value>(found == object.end() ? Json() : *found, file, name);
}

/// The fields of a JSON object read from a file, each checked to be there and of its type.
class json_fields {
 public:
  /// `kind` is what the "format" field must say.
  json_fields(const std::filesystem::path& file, std::string_view kind)
      : file_(file.string()), object_(read_json(file)) {
    if (!object_.is_object() || !object_.contains("format") || object_["format"] != kind)
      throw error(text(file_, ": not a file of this kind, want \"format\": \"", kind, "\""));
  }

  const std::string& file() const { return file_; }
  bool contains(const char* name) const { return object_.contains(name); }

  /// A field as json_field takes it.
  template <class Value>
  Value get(const char* name) const {
    return json_field<Value>(object_, file_, name);
  }

  /// A list of numbers; throws naming the entry that is not a finite number.
  std::vector<double> numbers(const char* name) const { return get<std::vector<double>>(name); }

  /// A list of rows of numbers.
  std::vector<std::vector<double>> rows(const char* name) const {
    return get<std::vector<std::vector<double>>>(name);
  }

  std::string string(const char* name) const { return get<std::string>(name); }

  /// A list of strings.
  std::vector<std::string> strings(const char* name) const {
    return get<std::vector<std::string>>(name);
  }

  const nlohmann::json& object(const char* name) const {
    if (!contains(name) || !object_[name].is_object()) fail(name, "an object");
    return object_[name];
  }

  [[noreturn]] void fail(const std::string& name, const char* want) const {
    throw error(text(file_, ": field '", name, "': want ", want));
  }

 private:
  std::string file_;
  nlohmann::json object_;
};

}  // namespace lift
