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

/// Writes a safetensors file, whole or not at all, one tensor after another, so that they need not
/// lie in memory twice. Equal content gives equal bytes: tensors lie in the order of falling element
/// size (so each is aligned), then of name.
class safetensors_writer {
 public:
  using entry = std::pair<const std::string, tensor_record>;

  /// Of the header's records, the places in the file are found here. Throws lift::error for a name
  /// or metadata that the format cannot hold.
  safetensors_writer(output_file file, safetensors_header header)
      : file_(std::move(file)), header_(std::move(header)) {
    for (entry& each : header_.tensors) order_.push_back(&each);
    std::ranges::stable_sort(order_, std::ranges::greater{},
                             [](const entry* each) { return size_of(each->second.type); });
    std::uint64_t offset = 0;
    for (entry* each : order_) {
      auto& [name, record] = *each;
      require(name.size() <= safetensors_header::max_name && name != "__metadata__",
              "name of a tensor", quote_name(name), "at most 1024 bytes, not __metadata__");
      record.begin = offset;
      record.end = offset += record.dims.size() * size_of(record.type);
    }
    head_ = head();
    file_.write(head_);
  }

  const std::filesystem::path& path() const { return file_.path(); }
  /// The tensors in the order in which they are written.
  const std::vector<entry*>& order() const { return order_; }
  /// Values may be exchanged, until the file is complete, for others of their length.
  std::map<std::string, std::string>& metadata() { return header_.metadata; }

  /// Writes the elements of the next tensor.
  void write(std::span<const std::byte> elements) {
    const auto& [name, record] = *order_.at(next_++);
    require(elements.size() == record.end - record.begin, "bytes of tensor " + quote_name(name),
            elements.size(), record.end - record.begin);
    file_.write(elements);
  }

  /// Completes the file, after the last tensor.
  void commit() {
    require(next_ == order_.size(), "tensors written", next_, order_.size());
    const std::string changed = head();
    require(changed.size() == head_.size(), "bytes of a header", changed.size(), head_.size());
    if (changed != head_) file_.write_at(0, changed);
    file_.commit(durability::flushed);
  }

 private:
  /// 8 bytes of length, then JSON.
  std::string head() const {
    auto header = nlohmann::ordered_json::object();
    if (!header_.metadata.empty()) header["__metadata__"] = header_.metadata;
    for (const entry* each : order_) {
      const auto& [name, record] = *each;
      header[name] = {{"dtype", lift::name(record.type)},
                      {"shape", std::vector<std::size_t>(record.dims.begin(), record.dims.end())},
                      {"data_offsets", {record.begin, record.end}}};
    }
    std::string json;
    try {
      json = header.dump();
    } catch (const nlohmann::json::exception&) {
      throw error(text("cannot write ", path().string(), ": a name or metadata is not UTF-8"));
    }
    json.resize((json.size() + 7) / 8 * 8, ' ');
    std::string result(8, '\0');
    const std::uint64_t length = json.size();
    std::memcpy(result.data(), &length, 8);
    return result += json;
  }

  output_file file_;
  safetensors_header header_;
  std::vector<entry*> order_;
  std::string head_;
  std::size_t next_ = 0;
};

/// Writes a safetensors file, whole or not at all, as safetensors_writer does.
inline void write_safetensors(output_file file, const safetensors& content) {
  safetensors_header header{{}, content.metadata};
  for (const auto& [name, tensor] : content.tensors) header.tensors[name] = {tensor.type, tensor.dims};
  safetensors_writer to(std::move(file), std::move(header));
  for (const auto* each : to.order()) to.write(content.at(each->first).data);
  to.commit();
}

}  // namespace lift
