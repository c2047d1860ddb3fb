// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

/// Where a golden file lies.
std::string golden_path(const std::string& name);

std::ifstream open_golden(const std::string& name);

nlohmann::json golden_json(const std::string& name);

/// A golden safetensors file held in memory. It trusts its input: a test's oracle must not share
/// code with the library's own, careful reader.
class golden_file {
 public:
  explicit golden_file(const std::string& name);

  bool contains(const std::string& tensor) const;

  /// Names of the tensors, sorted.
  std::vector<std::string> names() const;

  std::string metadata(const std::string& key) const;

  std::vector<std::size_t> shape(const std::string& tensor) const;

  /// The elements in row-major order, each converted to T from whatever type the file holds.
  template <class T = double>
  std::vector<T> values(const std::string& tensor) const;

 private:
  template <class T, class Stored>
  std::vector<T> converted(const std::string& tensor) const;

  nlohmann::json header_;
  std::vector<char> bytes_;
};
