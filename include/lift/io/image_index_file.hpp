// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/printable.hpp>
#include <lift/io/file.hpp>
#include <lift/io/host_tensor.hpp>
#include <lift/io/image_index.hpp>
#include <lift/io/npz.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

namespace detail {

/// Calls visit(name, rows, member) for each column of the lists of an index.
template <class Index, class Visit>
void for_each_column(Index& index, const Visit& visit) {
  visit("_folder", index.folders, &image_index::folder::name);
  visit("_folder_modified", index.folders, &image_index::folder::modified);
  visit("_folder_inode", index.folders, &image_index::folder::inode);
  visit("_shard", index.shards, &image_index::shard::name);
  visit("_shard_bytes", index.shards, &image_index::shard::bytes);
  visit("_shard_modified", index.shards, &image_index::shard::modified);
  visit("_shard_inode", index.shards, &image_index::shard::inode);
  visit("_in_shard", index.images, &image_index::image::shard);
  visit("_label", index.images, &image_index::image::label);
  visit("_position", index.images, &image_index::image::position);
  visit("_bytes", index.images, &image_index::image::bytes);
  visit("_modified", index.images, &image_index::image::modified);
}

/// Reads the arrays of an index, each of which it checks.
class index_arrays {
 public:
  explicit index_arrays(const std::filesystem::path& file) : file_(file), arrays_(read_npz(file)) {}

  [[noreturn]] void fail(const std::string& why) const {
    throw error(text(file_.string(), ": no image index: ", why));
  }
  template <class T>
  std::vector<T> numbers(const std::string& name) const {
    const auto found = arrays_.find("image_index" + name);
    if (found == arrays_.end()) fail(text("no array image_index", name));
    if (found->second.type != dtype_of<T>() || found->second.dims.rank() != 1)
      fail(text("array image_index", name, " is no list of ", lift::name(dtype_of<T>())));
    return found->second.template as<T>();
  }
  name_list names(const std::string& name) const {
    const std::vector<std::uint8_t> bytes = numbers<std::uint8_t>(name);
    if (!bytes.empty() && bytes.back() != 0) fail(text("the last name in image_index", name, " has no end"));
    return name_list(std::string(bytes.begin(), bytes.end()));
  }
  std::vector<std::string> texts(const std::string& name) const {
    const name_list found = names(name);
    std::vector<std::string> result;
    for (std::size_t i = 0; i < found.size(); ++i) result.emplace_back(found[i]);
    return result;
  }
  template <class Row, class T>
  void column(const std::string& name, std::vector<Row>& rows, T Row::*member) const {
    std::vector<T> values;
    if constexpr (std::is_same_v<T, std::string>)
      values = texts(name);
    else
      values = numbers<T>(name);
    if (rows.empty()) rows.resize(values.size());
    if (rows.size() != values.size())
      fail(text("image_index", name, " has ", values.size(), " entries, not ", rows.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].*member = std::move(values[i]);
  }
  /// A path of the source that leads to nothing outside of it.
  void check_inside(std::string_view relative) const {
    const std::filesystem::path path(relative);
    if (path.is_absolute() || std::ranges::find(path, "..") != path.end())
      fail(text(quote_name(relative), " leaves its source"));
  }

 private:
  const std::filesystem::path& file_;
  named_arrays arrays_;
};

}  // namespace detail

/// Writes an index as a .npz file whose first array is "image_index", whole or not at all.
inline void save_image_index(output_file file, const image_index& index) {
  named_arrays arrays;
  const auto add = [&]<class T>(const std::string& name, const std::vector<T>& values) {
    if constexpr (std::is_same_v<T, std::string>)
      arrays["image_index" + name] = array_of_text(name_list(values).letters());
    else
      arrays["image_index" + name] = host_tensor::from<T>({values.size()}, values);
  };
  add("", std::vector<std::int64_t>{image_index::version, index.listed});
  add("_about", std::vector{index.source.string(), index.passed_over});
  add("_classes", index.classes);
  arrays["image_index_names"] = array_of_text(index.names.letters());
  detail::for_each_column(index, [&]<class Row, class T>(const char* name, const std::vector<Row>& rows,
                                                         T Row::*member) {
    std::vector<T> values;
    for (const Row& row : rows) values.push_back(row.*member);
    add(name, values);
  });
  write_npz(std::move(file), arrays);
}

/// Reads what save_image_index wrote. Throws lift::error naming the file where it is no index.
inline image_index load_image_index(const std::filesystem::path& file) {
  const detail::index_arrays arrays(file);
  const auto about = arrays.numbers<std::int64_t>("");
  if (about.size() != 2 || about[0] != image_index::version || about[1] < 0)
    arrays.fail(text("not of version ", image_index::version));
  const std::vector<std::string> texts = arrays.texts("_about");
  if (texts.size() != 2 || !std::filesystem::path(texts[0]).is_absolute()) arrays.fail("its source is not told");
  image_index index;
  index.listed = about[1];
  index.source = texts[0];
  index.passed_over = printable(texts[1]);
  for (const std::string& name : arrays.texts("_classes")) index.classes.push_back(printable(name));
  index.names = arrays.names("_names");
  detail::for_each_column(index, [&](const char* name, auto& rows, auto member) { arrays.column(name, rows, member); });

  if (index.images.empty() || index.images.size() != index.names.size())
    arrays.fail(text(index.names.size(), " names of ", index.images.size(), " images"));
  for (const auto& folder : index.folders) arrays.check_inside(folder.name);
  for (const auto& shard : index.shards) arrays.check_inside(shard.name);
  for (std::size_t i = 0; i < index.images.size(); ++i) {
    const image_index::image& image = index.images[i];
    arrays.check_inside(index.names[i]);
    const auto below = [](std::int32_t number, std::size_t count) {
      return number >= -1 && number < static_cast<std::int64_t>(count);
    };
    if (!below(image.shard, index.shards.size()) || !below(image.label, index.classes.size()) ||
        !index.names[i].starts_with(index.before(image.shard)))
      arrays.fail(text("shard or class of ", quote_name(index.names[i]), " is unknown"));
  }
  return index;
}

/// An index from its file; where it is stale made anew, of which `why` tells, and written where that
/// can be done: not by several processes at once, nor where the file is read-only.
struct opened_index {
  image_index index;
  std::string why;
};
inline opened_index open_image_index(const std::filesystem::path& file) {
  opened_index result{load_image_index(file), ""};
  result.why = result.index.stale();
  if (result.why.empty()) return result;
  result.index = index_images(result.index.source);
  try {
    save_image_index(file, result.index);
  } catch (const error& failure) {
    result.why += text("; ", failure.what());
  }
  return result;
}

}  // namespace lift
