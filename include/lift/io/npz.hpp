// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/archive.hpp>
#include <lift/io/file.hpp>
#include <lift/io/npy.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/zip_writer.hpp>

namespace lift {

/// Named arrays: the content of a .npz file, NumPy's zip of .npy files.
using named_arrays = std::map<std::string, host_tensor>;

/// A text as the array of its bytes.
inline host_tensor array_of_text(std::string_view letters) {
  const std::vector<std::uint8_t> bytes(letters.begin(), letters.end());
  return host_tensor::from<std::uint8_t>({bytes.size()}, bytes);
}

/// Reads a .npz file. Throws lift::error naming the file and the entry where it is none.
inline named_arrays read_npz(const std::filesystem::path& file) {
  archive_reader archive(file, {.entry_bytes = std::uint64_t{8} << 30, .ratio = 2000});
  named_arrays arrays;
  while (archive.next()) {
    const std::string entry = archive.name();
    const std::string source = text(file.string(), ": entry ", quote_name(entry));
    if (!entry.ends_with(".npy")) throw error(text(source, ": not a .npy array"));
    const std::vector<std::byte> bytes = archive.read();
    if (!arrays.emplace(entry.substr(0, entry.size() - 4), parse_npy(bytes, source)).second)
      throw error(text(source, ": two arrays of one name"));
  }
  return arrays;
}

/// Writes a .npz file, whole or not at all; equal arrays, equal bytes.
inline void write_npz(output_file file, const named_arrays& arrays) {
  zip_writer zip(file);
  for (const auto& [name, array] : arrays) zip.add(name + ".npy", npy_bytes(array));
  zip.finish();
  file.commit(durability::flushed);
}

}  // namespace lift
