// SPDX-License-Identifier: MIT
#pragma once

// Which of cuDNN's engines does an operation, kept from one process to the next.
#ifdef LIFT_WITH_CUDNN

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <lift/backend/cuda/cudnn_graph.hpp>
#include <lift/core/cache_folder.hpp>

namespace lift::detail {

/// "7 2:1 25:0": the engine, then type and value of each knob.
inline std::string to_text(const cudnn_choice& choice) {
  std::string line = text(choice.engine);
  for (const auto& [type, value] : choice.knobs) line += text(' ', type, ':', value);
  return line;
}

/// The choice that a text is of; none where it is of none.
inline std::optional<cudnn_choice> choice_from(std::string_view line) {
  const auto number = [&](std::int64_t& to) {
    const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), to);
    const bool read = failure == std::errc() && to >= 0;
    if (read) line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    return read;
  };
  const auto character = [&](char wanted) {
    const bool read = line.starts_with(wanted);
    if (read) line.remove_prefix(1);
    return read;
  };
  cudnn_choice choice;
  bool read = number(choice.engine);
  while (read && !line.empty()) {
    auto& [type, value] = choice.knobs.emplace_back();
    read = character(' ') && number(type) && character(':') && number(value);
  }
  if (!read) return {};
  return choice;
}

/// The engines that were chosen for operations on one kind of device, by this process or by earlier
/// ones that kept them in a file: a line for each, "DEVICE | OPERATION = CHOICE". Lines that are not
/// of that form are passed over, and of two for one operation the last counts, so that processes may
/// add to the file at the same time.
class cudnn_choices {
 public:
  /// Choices for a device, from a file if one is named. It need not exist.
  cudnn_choices(const std::string& device, std::filesystem::path file)
      : start_(device + " | "), file_(std::move(file)) {
    std::ifstream in(file_);
    for (std::string line; std::getline(in, line) && !in.eof();) {  // one cut short is none
      const std::size_t equals = line.find(separator);
      if (!line.starts_with(start_) || equals == std::string::npos) continue;
      if (auto choice = choice_from(std::string_view(line).substr(equals + separator.size())))
        known_[line.substr(start_.size(), equals - start_.size())] = *std::move(choice);
    }
  }

  /// Those for the device and the cuDNN at hand: in the file that LIFT_CUDNN_CHOICES names, in none
  /// where it is empty, without it in lift/cudnn_choices in XDG_CACHE_HOME or else in ~/.cache.
  static cudnn_choices& get() {
    static cudnn_choices mine(device(), file());
    return mine;
  }

  /// The choice that was made for an operation.
  std::optional<cudnn_choice> known(const std::string& operation) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(operation);
    if (found == known_.end()) return {};
    return found->second;
  }

  /// That choice, if takes(choice), or else that of measure(), which is kept, in the file too if it
  /// can be written; none if it gives none. Measurements take turns, and all threads have the same
  /// choice.
  template <class Takes, class Measure>
  std::optional<cudnn_choice> of(const std::string& operation, const Takes& takes,
                                 const Measure& measure) {
    const std::lock_guard turn(measuring_);
    if (const auto before = known(operation); before && takes(*before)) return before;
    const std::optional<cudnn_choice> made = measure();
    if (!made) return {};
    const std::lock_guard lock(mutex_);
    known_[operation] = *made;
    if (!file_.empty()) append(operation, *made);
    return made;
  }

 private:
  static constexpr std::string_view separator = " = ";

  void append(const std::string& operation, const cudnn_choice& choice) const {
    std::error_code failed;
    if (file_.has_parent_path()) std::filesystem::create_directories(file_.parent_path(), failed);
    // After what another process may have left of a line.
    std::ofstream(file_, std::ios::app)
        << text('\n', start_, operation, separator, to_text(choice), '\n') << std::flush;
  }
  static std::string device() {
    int number = 0;
    cudaDeviceProp properties{};
    check_cuda(cudaGetDevice(&number), "cudaGetDevice");
    check_cuda(cudaGetDeviceProperties(&properties, number), "cudaGetDeviceProperties");
    return text(properties.name, ", cuDNN ", cudnnGetVersion());
  }
  static std::filesystem::path file() {
    if (const char* const named = std::getenv("LIFT_CUDNN_CHOICES")) return named;
    const std::optional<std::filesystem::path> cache = cache_folder();
    return cache ? *cache / "lift/cudnn_choices" : "";
  }

  const std::string start_;
  const std::filesystem::path file_;
  std::mutex mutex_, measuring_;
  std::map<std::string, cudnn_choice> known_;
};

}  // namespace lift::detail

#endif
