// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

/// Where a golden file lies; LIFT_GOLDEN_DIR is set by CMake.
inline std::string golden_path(const std::string& name) {
  return std::string(LIFT_GOLDEN_DIR) + "/" + name;
}

inline std::ifstream open_golden(const std::string& name) {
  std::ifstream in(golden_path(name), std::ios::binary);
  if (!in) throw std::runtime_error("cannot open golden file " + golden_path(name));
  return in;
}

inline nlohmann::json golden_json(const std::string& name) {
  return nlohmann::json::parse(open_golden(name));
}

/// A golden safetensors file held in memory. It trusts its input: a test's oracle must not share
/// code with the library's own, careful reader.
class golden_file {
 public:
  explicit golden_file(const std::string& name) {
    std::ifstream in = open_golden(name);
    std::uint64_t header_bytes = 0;
    in.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
    std::string header(header_bytes, '\0');
    in.read(header.data(), static_cast<std::streamsize>(header_bytes));
    header_ = nlohmann::json::parse(header);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
  }

  bool contains(const std::string& tensor) const { return header_.contains(tensor); }

  /// Names of the tensors, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [name, entry] : header_.items())
      if (name != "__metadata__") result.push_back(name);
    return result;
  }

  std::string metadata(const std::string& key) const {
    return header_.at("__metadata__").at(key).get<std::string>();
  }

  std::vector<std::size_t> shape(const std::string& tensor) const {
    return header_.at(tensor).at("shape").get<std::vector<std::size_t>>();
  }

  /// The elements in row-major order, each converted to T from whatever type the file holds.
  template <class T = double>
  std::vector<T> values(const std::string& tensor) const {
    const auto type = header_.at(tensor).at("dtype").get<std::string>();
    if (type == "F32") return converted<T, float>(tensor);
    if (type == "F64") return converted<T, double>(tensor);
    if (type == "I64") return converted<T, std::int64_t>(tensor);
    if (type == "U8") return converted<T, std::uint8_t>(tensor);
    throw std::runtime_error("golden tensor " + tensor + " has type " + type);
  }

 private:
  template <class T, class Stored>
  std::vector<T> converted(const std::string& tensor) const {
    const auto offsets = header_.at(tensor).at("data_offsets").get<std::vector<std::size_t>>();
    std::vector<Stored> stored((offsets.at(1) - offsets.at(0)) / sizeof(Stored));
    std::memcpy(stored.data(), bytes_.data() + offsets.at(0), stored.size() * sizeof(Stored));
    std::vector<T> result;
    result.reserve(stored.size());
    for (const Stored value : stored) result.push_back(static_cast<T>(value));
    return result;
  }

  nlohmann::json header_;
  std::vector<char> bytes_;
};
