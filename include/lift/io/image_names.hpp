// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/printable.hpp>
#include <lift/io/file_kind.hpp>
#include <lift/io/quote_name.hpp>

namespace lift {

/// Whether a file is an image of a data set by the ending of its name.
inline bool is_image_name(const std::filesystem::path& name) {
  constexpr std::string_view endings[] = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"};
  return std::ranges::find(endings, in_small_letters(name.extension().string())) != std::end(endings);
}

/// Whether a file of a folder of images is a shard, a tar file of some of them, by the ending of its name.
inline bool is_shard_name(const std::filesystem::path& name) {
  return in_small_letters(name.extension().string()) == ".tar";
}

/// Counts the files of a data set that are no images, by the endings of their names.
class other_files {
 public:
  void add(const std::filesystem::path& name) {
    const std::string ending = in_small_letters(name.extension().string());
    const bool plain =
        ending.size() > 1 && ending.size() <= 9 &&
        ending.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789", 1) == ending.npos;
    ++counts_[plain ? ending : "others"];
  }

  void add(const other_files& more) {
    for (const auto& [ending, count] : more.counts_) counts_[ending] += count;
  }

  /// Such as "12 other files: .txt 10, .md 2"; empty if there are none.
  std::string summary() const {
    std::vector<std::pair<std::size_t, std::string>> endings;
    std::size_t all = 0;
    for (const auto& [ending, count] : counts_) {
      endings.emplace_back(count, ending);
      all += count;
    }
    if (all == 0) return "";
    std::ranges::stable_sort(endings, std::greater<>(),
                             &std::pair<std::size_t, std::string>::first);
    std::string result = text(all, all == 1 ? " other file: " : " other files: ");
    constexpr std::size_t shown = 5;
    for (std::size_t i = 0; i < endings.size() && i < shown; ++i)
      result += text(i == 0 ? "" : ", ", endings[i].second, " ", endings[i].first);
    return result + (endings.size() > shown ? ", …" : "");
  }

 private:
  std::map<std::string, std::size_t> counts_;
};

/// Throws lift::error, as there is no image in `source` beside what was passed over, if anything.
[[noreturn]] inline void throw_no_image(const std::string& source, const std::string& passed_over) {
  throw error(text("no ", image_formats, " image in ", source,
                   passed_over.empty() ? "" : " but " + passed_over));
}

/// The classes that the files "KEY.cls" of a WebDataset tar give to the images "KEY.png" beside them.
class given_classes {
 public:
  static bool is_class_name(const std::filesystem::path& name) { return name.extension() == ".cls"; }

  void add(std::string_view name, std::span<const std::byte> content) {
    require(content.size() <= 256, "bytes of the class " + quote_name(name), content.size(), "at most 256");
    const std::string_view all(reinterpret_cast<const char*>(content.data()), content.size());
    constexpr std::string_view spaces = " \t\r\n";
    const std::size_t begin = all.find_first_not_of(spaces);
    classes_[key(name)] =
        begin == all.npos ? "" : all.substr(begin, all.find_last_not_of(spaces) + 1 - begin);
  }
  /// That of an image; empty if none is given.
  std::string of(std::string_view name) const {
    const auto found = classes_.find(key(name));
    return found == classes_.end() ? "" : found->second;
  }

 private:
  /// A name up to the first dot behind its folders.
  static std::string key(std::string_view name) {
    const std::size_t folders = name.rfind('/') + 1;  // npos + 1 is 0
    return std::string(name.substr(0, name.find('.', folders)));
  }

  std::map<std::string, std::string> classes_;
};

/// The classes of images.
struct image_classes {
  std::vector<std::string> names;    ///< printable, in the order of their bytes
  std::vector<std::int32_t> labels;  ///< the number of each image's class; −1: none
};

/// Finds the classes of `count` images. given(i) is what a file beside image i says (a WebDataset's
/// .cls), empty where none does. Where none says anything, the class of an image is the first
/// folder of its name(i), after the leading folders that all images share; there are no classes if
/// all lie in one folder.
template <class Name, class Given>
image_classes classes_of(std::size_t count, const Name& name, const Given& given) {
  bool told = false;
  std::string shared(count == 0 ? std::string_view() : std::string_view(name(0)));
  for (std::size_t i = 0; i < count; ++i) {
    told = told || !std::string_view(given(i)).empty();
    const std::string_view other = name(i);
    shared.resize(static_cast<std::size_t>(std::ranges::mismatch(shared, other).in1 - shared.begin()));
  }
  const std::size_t start = shared.rfind('/') + 1;  // npos + 1 is 0
  const auto class_of = [&](std::size_t i) -> std::string_view {
    if (told) return given(i);
    const std::string_view full = name(i);
    const std::size_t end = full.find('/', start);
    return end == full.npos ? std::string_view() : full.substr(start, end - start);
  };
  std::map<std::string, std::int32_t, std::less<>> numbers;
  for (std::size_t i = 0; i < count; ++i)
    if (!class_of(i).empty() && !numbers.contains(class_of(i))) numbers.emplace(class_of(i), 0);
  image_classes result;
  for (auto& [folder, number] : numbers) {
    number = static_cast<std::int32_t>(result.names.size());
    result.names.push_back(printable(folder));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = numbers.find(class_of(i));
    result.labels.push_back(found == numbers.end() ? -1 : found->second);
  }
  return result;
}

}  // namespace lift
