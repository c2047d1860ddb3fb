// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <lift/core/error.hpp>
#include <lift/io/file.hpp>
#include <lift/io/host_tensor.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/safetensors_header.hpp>

namespace lift {

/// Named tensors and string metadata: the content of a safetensors file.
struct safetensors {
  std::map<std::string, host_tensor> tensors;
  std::map<std::string, std::string> metadata;
  std::string source = "these tensors";  ///< the file they came from, for messages

  bool contains(const std::string& name) const { return tensors.contains(name); }

  /// The tensor called `name`; throws if there is none.
  const host_tensor& at(const std::string& name) const {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw error(text("no tensor ", quote_name(name), " in ", source));
    return found->second;
  }

  template <class T>
  void add(const std::string& name, const shape& dims, std::span<const T> values) {
    tensors[name] = host_tensor::from(dims, values);
  }
  /// Adds a tensor of zeros; its elements, for the caller to write.
  template <class T>
  std::span<T> add(const std::string& name, const shape& dims) {
    host_tensor& added = tensors[name];
    added = {dtype_of<T>(), dims, std::vector<std::byte>(dims.size() * sizeof(T))};
    return added.elements<T>();
  }
};

/// Reads and checks the header of an open file: 8 bytes of length, then JSON. The lengths are
/// checked against the file's size before anything of that size is allocated.
inline safetensors_header read_safetensors_header(input_file& file) {
  const auto fail = [&](const std::string& rule) {
    throw error(text(file.path().string(), ": offset 0: ", rule));
  };
  if (file.size() < 8) fail("the file is shorter than the 8 bytes of its header's length");
  std::uint64_t length = 0;
  file.read(std::as_writable_bytes(std::span(&length, 1)));
  if (length > safetensors_header::max_bytes) {
    fail(text("the header's length ", length, " is above 100000000"));
  }
  if (length > file.size() - 8) {
    fail(text("the header's length ", length, " goes past the end of the file"));
  }
  std::string json(length, '\0');
  file.read(std::as_writable_bytes(std::span(json.data(), json.size())));
  return parse_safetensors_header(json, file.size() - 8 - length, file.path().string());
}

/// The header alone: names, shapes and metadata without reading the tensors.
inline safetensors_header read_safetensors_header(const std::filesystem::path& path) {
  input_file file(path);
  return read_safetensors_header(file);
}

/// Reads a safetensors file; throws lift::error naming file, offset and rule where it breaks one.
/// Format: https://github.com/huggingface/safetensors
inline safetensors read_safetensors(const std::filesystem::path& path) {
  input_file file(path);
  safetensors_header header = read_safetensors_header(file);
  safetensors result{{}, std::move(header.metadata), path.string()};
  std::vector<std::pair<std::uint64_t, host_tensor*>> order;
  for (const auto& [name, record] : header.tensors) {
    host_tensor& tensor = result.tensors[name];
    tensor = {record.type, record.dims, std::vector<std::byte>(record.end - record.begin)};
    order.emplace_back(record.begin, &tensor);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [begin, tensor] : order) file.read(tensor->data);
  return result;
}

/// Writes a safetensors file, whole or not at all. Equal content gives equal bytes: tensors lie in
/// the order of falling element size (so each is aligned), then of name.
inline void write_safetensors(output_file file, const safetensors& content) {
  std::vector<const std::pair<const std::string, host_tensor>*> order;
  for (const auto& entry : content.tensors) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.type) > size_of(b->second.type);
  });

  auto header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  std::uint64_t offset = 0;
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    require(tensor.data.size() == tensor.dims.size() * size_of(tensor.type),
            "bytes of tensor " + quote_name(name), tensor.data.size(),
            tensor.dims.size() * size_of(tensor.type));
    require(name.size() <= safetensors_header::max_name && name != "__metadata__",
            "name of a tensor", quote_name(name), "at most 1024 bytes, not __metadata__");
    header[name] = {{"dtype", lift::name(tensor.type)},
                    {"shape", std::vector<std::size_t>(tensor.dims.begin(), tensor.dims.end())},
                    {"data_offsets", {offset, offset + tensor.data.size()}}};
    offset += tensor.data.size();
  }

  std::string json;
  try {
    json = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw error(text("cannot write ", file.path().string(), ": a name or metadata is not UTF-8"));
  }
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = json.size();
  atomic_write(std::move(file), [&](output_file& to) {
    to.write(std::as_bytes(std::span(&length, 1)));
    to.write(json);
    for (const auto* entry : order) to.write(entry->second.data);
  });
}

}  // namespace lift
