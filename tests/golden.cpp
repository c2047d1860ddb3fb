// SPDX-License-Identifier: MIT

#include "golden.hpp"

#include <cstdint>
#include <cstring>
#include <iterator>
#include <stdexcept>

// LIFT_GOLDEN_DIR is set by CMake.
std::string golden_path(const std::string& name) {
  return std::string(LIFT_GOLDEN_DIR) + "/" + name;
}

std::ifstream open_golden(const std::string& name) {
  std::ifstream in(golden_path(name), std::ios::binary);
  if (!in) throw std::runtime_error("cannot open golden file " + golden_path(name));
  return in;
}

nlohmann::json golden_json(const std::string& name) {
  return nlohmann::json::parse(open_golden(name));
}

golden_file::golden_file(const std::string& name) {
  std::ifstream in = open_golden(name);
  std::uint64_t header_bytes = 0;
  in.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
  std::string header(header_bytes, '\0');
  in.read(header.data(), static_cast<std::streamsize>(header_bytes));
  header_ = nlohmann::json::parse(header);
  bytes_.assign(std::istreambuf_iterator<char>(in), {});
}

bool golden_file::contains(const std::string& tensor) const { return header_.contains(tensor); }

std::vector<std::string> golden_file::names() const {
  std::vector<std::string> result;
  for (const auto& [name, entry] : header_.items())
    if (name != "__metadata__") result.push_back(name);
  return result;
}

std::string golden_file::metadata(const std::string& key) const {
  return header_.at("__metadata__").at(key).get<std::string>();
}

std::vector<std::size_t> golden_file::shape(const std::string& tensor) const {
  return header_.at(tensor).at("shape").get<std::vector<std::size_t>>();
}

template <class T, class Stored>
std::vector<T> golden_file::converted(const std::string& tensor) const {
  const auto offsets = header_.at(tensor).at("data_offsets").get<std::vector<std::size_t>>();
  std::vector<Stored> stored((offsets.at(1) - offsets.at(0)) / sizeof(Stored));
  std::memcpy(stored.data(), bytes_.data() + offsets.at(0), stored.size() * sizeof(Stored));
  std::vector<T> result;
  result.reserve(stored.size());
  for (const Stored value : stored) result.push_back(static_cast<T>(value));
  return result;
}

template <class T>
std::vector<T> golden_file::values(const std::string& tensor) const {
  const auto type = header_.at(tensor).at("dtype").get<std::string>();
  if (type == "F32") return converted<T, float>(tensor);
  if (type == "F64") return converted<T, double>(tensor);
  if (type == "I64") return converted<T, std::int64_t>(tensor);
  if (type == "U8") return converted<T, std::uint8_t>(tensor);
  throw std::runtime_error("golden tensor " + tensor + " has type " + type);
}
template std::vector<float> golden_file::values(const std::string&) const;
template std::vector<double> golden_file::values(const std::string&) const;
template std::vector<std::size_t> golden_file::values(const std::string&) const;
template std::vector<std::uint8_t> golden_file::values(const std::string&) const;
