// SPDX-License-Identifier: MIT
#pragma once

// How files tell the architecture of a network: by its name and the fields of its configuration,
// each as text.

#include <array>
#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/model/any_architecture.hpp>
#include <lift/model/network.hpp>

namespace lift {

using metadata_map = std::map<std::string, std::string>;

namespace detail {

inline std::string field_text(std::size_t number) { return std::to_string(number); }
inline std::string field_text(const std::string& value) { return value; }
inline std::string field_text(const std::vector<std::size_t>& numbers) {
  std::string result;
  for (const std::size_t n : numbers) result += (result.empty() ? "" : ", ") + std::to_string(n);
  return "[" + result + "]";
}
template <class Value>
std::string field_text(const std::optional<Value>& value) {
  return value ? field_text(*value) : "";
}

// Whether a text is that of a field, which is then set.
inline bool parse_field(std::string_view text, std::size_t& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size();
}
inline bool parse_field(std::string_view text, std::string& value) {
  value = text;
  return true;
}
inline bool parse_field(std::string_view text, std::vector<std::size_t>& numbers) {
  numbers.clear();
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    const std::size_t comma = text.find(", ");
    if (!parse_field(text.substr(0, comma), numbers.emplace_back())) return false;
    if (comma == text.npos) return true;
    text.remove_prefix(comma + 2);
    if (text.empty()) return false;
  }
  return true;
}
template <class Value>
bool parse_field(std::string_view text, std::optional<Value>& value) {
  value.reset();
  return text.empty() || parse_field(text, value.emplace());
}

}  // namespace detail

/// The fields of a configuration as texts: numbers, names, and lists such as "[64, 128]"; empty where a
/// field is absent.
template <network_config Config>
metadata_map config_texts(const Config& config) {
  metadata_map result;
  Config::for_each_field(config, [&](const char* name, const auto& value) {
    result[name] = detail::field_text(value);
  });
  return result;
}

/// Adds an architecture to a file's metadata: its name, and the lists of its configuration and what
/// of the rest is not as by default. Throws lift::error for a field that is called as what is there.
template <network_architecture Architecture>
void note_architecture(metadata_map& metadata, const Architecture& of) {
  using Config = config_type<Architecture>;
  metadata["architecture"] = Architecture::name;
  const metadata_map defaults = config_texts(Config());
  for (const auto& [name, value] : config_texts(of.config)) {
    require(!metadata.contains(name), "field of a configuration", quote_name(name),
            "another name than those of settings and counters");
    if (value != defaults.at(name) || value.starts_with('[')) metadata[name] = value;
  }
}

/// The configuration that metadata tell, as by default where they do not; throws lift::error, naming
/// the field, where they tell none.
template <network_config Config>
Config read_config(const metadata_map& metadata) {
  Config result;
  Config::for_each_field(result, [&](const char* name, auto& value) {
    const auto found = metadata.find(name);
    if (found == metadata.end()) return;
    const std::string by_default = detail::field_text(value);
    require(detail::parse_field(found->second, value), text("metadata ", quote_name(name)),
            quote_name(found->second), text("such as ", by_default));
  });
  return result;
}

/// What a file tells of a network.
struct described_network {
  std::string architecture;
  metadata_map config;                          ///< every field of its configuration
  std::vector<parameter_declaration> declared;  ///< the parameters it has
};

/// An architecture that a file may be of.
struct network_kind {
  const char* name;
  /// Throws lift::error where the metadata tell no configuration of a network.
  described_network (*describe)(const metadata_map& metadata);
};

template <network_architecture Architecture>
inline constexpr network_kind kind_of{
    Architecture::name, [](const metadata_map& metadata) -> described_network {
      const Architecture told{read_config<config_type<Architecture>>(metadata)};
      return {Architecture::name, config_texts(told.config), declared_parameters(told)};
    }};

namespace detail {
template <class Any>
struct kinds_among;
template <class... Architecture>
struct kinds_among<std::variant<Architecture...>> {
  static constexpr std::array value{kind_of<Architecture>...};
};
}  // namespace detail

/// The library's own architectures.
inline constexpr auto& network_kinds = detail::kinds_among<any_architecture>::value;

}  // namespace lift
