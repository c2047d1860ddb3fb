// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <lift/core/error.hpp>
#include <lift/io/file.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// Parses a JSON document from a file; throws lift::error naming it as `what`, and the byte, for
/// text that is not JSON, nests deeper than 16 levels, or gives one key twice.
inline nlohmann::json parse_json(std::string_view document, const std::string& what) {
  using json = nlohmann::json;
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    require(depth <= 16, text(what, ": depth of the JSON"), depth, "at most 16");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw error(text(what, ": key ", quote_name(parsed.get<std::string>()), " is given twice"));
    return true;
  };
  try {
    return json::parse(document, check);
  } catch (const json::parse_error& e) {
    throw error(text(what, ": offset ", e.byte, ": not valid JSON"));
  }
}

/// Reads a JSON document; throws lift::error as parse_json does.
inline nlohmann::json read_json(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = read_file(file);
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.string());
}

/// Writes a JSON document, indented, whole or not at all.
inline void write_json(output_file file, const nlohmann::json& document) {
  atomic_write(std::move(file), document.dump(1) + "\n");
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

  bool contains(const char* name) const { return object_.contains(name); }

  /// A list of numbers; throws naming the entry that is not a finite number.
  std::vector<double> numbers(const char* name) const { return numbers(array(name), name); }

  /// A list of rows of numbers.
  std::vector<std::vector<double>> rows(const char* name) const {
    std::vector<std::vector<double>> result;
    for (const auto& row : array(name))
      result.push_back(numbers(row, text(name, "[", result.size(), "]")));
    return result;
  }

  std::string string(const char* name) const {
    if (!contains(name) || !object_[name].is_string()) fail(name, "a string");
    return object_[name].get<std::string>();
  }

  /// A list of strings.
  std::vector<std::string> strings(const char* name) const {
    std::vector<std::string> result;
    for (const auto& entry : array(name)) {
      if (!entry.is_string()) fail(text(name, "[", result.size(), "]"), "a string");
      result.push_back(entry.get<std::string>());
    }
    return result;
  }

  const nlohmann::json& object(const char* name) const {
    if (!contains(name) || !object_[name].is_object()) fail(name, "an object");
    return object_[name];
  }

  [[noreturn]] void fail(const std::string& name, const char* want) const {
    throw error(text(file_, ": field '", name, "': want ", want));
  }

 private:
  const nlohmann::json& array(const char* name) const {
    if (!contains(name) || !object_[name].is_array()) fail(name, "a list");
    return object_[name];
  }

  std::vector<double> numbers(const nlohmann::json& list, const std::string& name) const {
    if (!list.is_array()) fail(name, "a list of numbers");
    std::vector<double> result;
    for (const auto& entry : list) {
      if (!entry.is_number() || !std::isfinite(entry.get<double>()))
        fail(text(name, "[", result.size(), "]"), "a finite number");
      result.push_back(entry.get<double>());
    }
    return result;
  }

  std::string file_;
  nlohmann::json object_;
};

}  // namespace lift
