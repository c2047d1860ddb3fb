// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <lift/core/error.hpp>
#include <lift/core/shape.hpp>
#include <lift/io/host_tensor.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// What a safetensors header says of one tensor; the bytes [begin, end) count from the first
/// byte after the header.
struct tensor_record {
  dtype type = dtype::f32;
  shape dims;
  std::uint64_t begin = 0, end = 0;
};

/// The header of a safetensors file, checked: the records tile the data without hole or overlap.
struct safetensors_header {
  static constexpr std::size_t max_bytes = 100'000'000, max_tensors = 1'000'000, max_name = 1024;

  std::map<std::string, tensor_record> tensors;
  std::map<std::string, std::string> metadata;
};

/// Accepts exactly the grammar of a safetensors header, as JSON events, and throws at the first
/// event outside it; so nothing nests deeper than three levels and no key comes twice.
class safetensors_grammar final : public nlohmann::json_sax<nlohmann::json> {
 public:
  safetensors_grammar(std::string_view json, std::string file)
      : next_(json.data()), first_(json.data()), file_(std::move(file)) {
    const cursor begin{&next_}, end{nullptr, json.data() + json.size()};
    nlohmann::json::sax_parse(begin, end, this);
  }

  safetensors_header take() { return std::move(header_); }

  /// Throws "FILE: offset N: RULE", N being where the parser stands: just behind the fault.
  [[noreturn]] void fail(const std::string& rule) const {
    throw error(text(file_, ": offset ", 8 + (next_ - first_), ": ", rule));
  }

  // The parser's events, in the order of a header's text.
  bool start_object(std::size_t) override {
    if (state_ == state::outside) return go(state::root);
    if (state_ != state::root) fail("an object stands where none may");
    record_ = {};
    fields_.clear();
    return go(key_ == "__metadata__" ? state::metadata : state::tensor);
  }

  bool key(std::string& name) override {
    if (name.size() > header_.max_name) fail("a name is longer than 1024 bytes");
    auto& taken = state_ == state::root ? names_ : fields_;
    if (!taken.insert(name).second) fail("duplicate key " + quote_name(name));
    if (names_.size() > header_.max_tensors) fail("more than 1000000 tensors");
    if (state_ == state::tensor && name != "dtype" && name != "shape" && name != "data_offsets") {
      fail("unknown key " + quote_name(name) + " in tensor " + quote_name(key_));
    }
    (state_ == state::root ? key_ : field_) = name;
    return true;
  }

  bool string(std::string& value) override {
    if (state_ == state::metadata) {
      header_.metadata[field_] = value;
    } else if (state_ == state::tensor && field_ == "dtype") {
      const auto type = find_dtype(value);
      if (!type) fail("unknown dtype " + quote_name(value));
      record_.type = *type;
    } else {
      fail("a string stands where none may");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ != state::tensor || field_ == "dtype") fail("an array stands where none may");
    numbers_.clear();
    return go(state::numbers);
  }

  bool number_unsigned(std::uint64_t value) override {
    if (state_ != state::numbers) fail("a number stands where none may");
    if (numbers_.size() == shape::max_rank) fail("a tensor's rank is above 8");
    numbers_.push_back(value);
    return true;
  }

  bool end_array() override {
    if (field_ == "shape") {
      record_.dims = shape(std::span<const std::size_t>(numbers_));
    } else {
      if (numbers_.size() != 2) fail("data_offsets are not two numbers");
      record_.begin = numbers_[0];
      record_.end = numbers_[1];
    }
    return go(state::tensor);
  }

  bool end_object() override {
    if (state_ == state::root) return go(state::outside);
    if (state_ == state::tensor) add_record();
    return go(state::root);
  }

  bool null() override { fail("null stands where it may not"); }
  bool boolean(bool) override { fail("a boolean stands where none may"); }
  bool number_integer(std::int64_t) override { fail("a negative number stands where none may"); }
  bool number_float(double, const std::string&) override {
    fail("a number that is no 64-bit integer stands where none may");
  }
  bool binary(nlohmann::json::binary_t&) override { fail("binary data stand where none may"); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    fail("the header is not valid JSON in UTF-8");
  }

 private:
  enum class state { outside, root, metadata, tensor, numbers };

  // Reads the JSON while next_ tells where it stands; the end has no state of its own to advance.
  struct cursor {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    const char** next = nullptr;
    const char* last = nullptr;

    const char* position() const { return next ? *next : last; }
    reference operator*() const { return *position(); }
    cursor& operator++() { return ++*next, *this; }
    cursor operator++(int) { return ++*next, *this; }
    friend bool operator==(cursor a, cursor b) { return a.position() == b.position(); }
  };

  void add_record() {
    if (fields_.size() != 3)
      fail("tensor " + quote_name(key_) + " lacks dtype, shape or data_offsets");
    // A zero extent must not hide an overflow among the others.
    std::uint64_t bytes = size_of(record_.type);
    for (const std::uint64_t extent : record_.dims) {
      if (__builtin_mul_overflow(bytes, std::max<std::uint64_t>(extent, 1), &bytes)) {
        fail("the size of tensor " + quote_name(key_) + " overflows");
      }
    }
    if (record_.dims.size() == 0) bytes = 0;
    if (record_.end < record_.begin || record_.end - record_.begin != bytes) {
      fail(text("data_offsets of tensor ", quote_name(key_), " do not span the ", bytes,
                " bytes of its shape"));
    }
    header_.tensors.emplace(key_, record_);
  }

  bool go(state next) {
    state_ = next;
    return true;
  }

  const char* next_;
  const char* first_;
  std::string file_;
  safetensors_header header_;
  state state_ = state::outside;
  std::set<std::string> names_, fields_;
  std::string key_, field_;
  std::vector<std::size_t> numbers_;
  tensor_record record_;
};

/// Parses a header's JSON and checks it against the number of bytes that follow it; throws
/// lift::error naming `file`, the offset in it and the rule that is broken.
inline safetensors_header parse_safetensors_header(std::string_view json, std::uint64_t data_bytes,
                                                   const std::string& file) {
  const auto fail = [&](std::uint64_t offset, const std::string& rule) {
    throw error(text(file, ": offset ", offset, ": ", rule));
  };
  if (!json.starts_with('{')) fail(8, "the header does not begin with '{'");
  // The parser takes a NUL for the end of the text and would let anything follow it.
  if (const auto nul = json.find('\0'); nul != json.npos) fail(8 + nul, "the header holds a NUL");
  safetensors_header header = safetensors_grammar(json, file).take();

  // A tensor without elements occupies nothing: it may share its offset, but stands at a seam.
  std::vector<std::pair<const std::string, tensor_record>*> order;
  for (auto& entry : header.tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t expected = 0;
  const std::uint64_t data_start = 8 + json.size();
  for (const auto* entry : order) {
    const tensor_record& record = entry->second;
    if (record.end > data_bytes) {
      fail(data_start + expected,
           "tensor " + quote_name(entry->first) + " ends past the end of the file");
    }
    if (record.begin != expected) {
      fail(data_start + expected,
           text("tensor ", quote_name(entry->first),
                record.begin < expected ? " overlaps the one before" : " leaves a hole before it"));
    }
    expected = record.end;
  }
  if (expected != data_bytes) fail(data_start + expected, "bytes follow the last tensor");
  return header;
}

}  // namespace lift
