// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/checksum.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/safetensors.hpp>
#include <lift/model/network.hpp>
#include <lift/train/training_state.hpp>

namespace lift {

namespace detail {

// The parts of a training state after the prefixes of their tensors' names, and its counters after
// their own: one list for writing and reading.
inline constexpr const char* part_prefixes[] = {"", "ema.", "adamw.m.", "adamw.v."};

template <class State, class Visit>
void for_each_part(State& state, const Visit& visit) {
  visit(part_prefixes[0], state.weights);
  visit(part_prefixes[1], state.average);
  visit(part_prefixes[2], state.first_moment);
  visit(part_prefixes[3], state.second_moment);
}
template <class State, class Visit>
void for_each_counter(State& state, const Visit& visit) {
  visit("seed", state.seed);
  visit("step", state.step);
  visit("samples", state.samples);
  visit("epoch", state.epoch);
  visit("cursor", state.cursor);
  visit("images", state.images);
}

inline std::string text_of(const std::vector<std::size_t>& numbers) {
  std::string result;
  for (const std::size_t n : numbers) result += (result.empty() ? "" : ", ") + std::to_string(n);
  return "[" + result + "]";
}

/// Covers names, types, shapes and elements of the tensors, and the metadata but for itself.
inline std::string checksum_of(const safetensors& content) {
  checksum sum;
  for (const auto& [key, value] : content.metadata)
    if (key != "checksum") sum.add(key), sum.add(value);
  for (const auto& [name, tensor] : content.tensors) {
    sum.add(name);
    sum.add(lift::name(tensor.type));
    sum.add(std::as_bytes(std::span(tensor.dims.begin(), tensor.dims.end())));
    sum.add(tensor.data);
  }
  return text(std::hex, std::setfill('0'), std::setw(16), sum.value());
}

}  // namespace detail

/// Writes a whole training state to one safetensors file, whole or not at all.
///
/// Weights have their own names, as the PyTorch reference gives them; the moving average, AdamW's
/// m and v have the same names after "ema.", "adamw.m." and "adamw.v.". The metadata hold the
/// architecture, the hidden dims, the counters, a checksum, and `settings`, which are the caller's.
template <class Architecture, class Tensor>
void save_checkpoint(const std::filesystem::path& file, const Architecture& architecture,
                     const training_state<Tensor>& state,
                     std::map<std::string, std::string> settings = {}) {
  using T = typename Tensor::value_type;
  safetensors content{{}, std::move(settings), file.string()};
  content.metadata["architecture"] = Architecture::name;
  content.metadata["hidden_dims"] = detail::text_of(architecture.hidden_dims);
  detail::for_each_counter(state, [&](const char* name, std::uint64_t value) {
    content.metadata[name] = std::to_string(value);
  });
  detail::for_each_part(state, [&](const std::string& prefix, const parameters<Tensor>& part) {
    for (const auto& [name, value] : part.entries())
      content.add<T>(prefix + name, value.shape(), value.to_host());
  });
  content.metadata["checksum"] = detail::checksum_of(content);
  write_safetensors(file, content);
}

/// Which weights of a checkpoint: those of the last step, or their moving average.
enum class weight_kind { trained, average };

/// A file of weights in host memory: a checkpoint, or weights alone, such as those converted by
/// name from the PyTorch reference.
class checkpoint {
 public:
  /// Reads the file; throws lift::error naming it when it is damaged or holds no network.
  explicit checkpoint(const std::filesystem::path& file) : content_(read_safetensors(file)) {
    const auto& metadata = content_.metadata;
    if (const auto stored = metadata.find("checksum"); stored != metadata.end())
      require(stored->second == detail::checksum_of(content_),
              content_.source + ": damaged: checksum", detail::checksum_of(content_),
              stored->second);
    else if (resumable())
      throw error(content_.source + ": a checkpoint without its checksum");

    const bool shared = content_.contains("unet.init_conv.weight");
    architecture_ = shared                                        ? lift_unet_shared_timestep::name
                    : content_.contains("time_combine.0.weight") ? lift_unet::name
                                                                  : baseline_unet::name;
    const std::string unet = shared ? "unet." : "";
    for (;;) {
      const std::string level = unet + "downsample." + std::to_string(hidden_dims_.size());
      if (!content_.contains(level + ".bias")) break;
      hidden_dims_.push_back(content_.at(level + ".bias").dims.size());
    }
    if (hidden_dims_.empty()) throw error(content_.source + ": holds no weights of a LIFT network");
  }

  /// Name of the architecture and its hidden dims, as the tensors' names and shapes tell them.
  const std::string& architecture() const { return architecture_; }
  const std::vector<std::size_t>& hidden_dims() const { return hidden_dims_; }

  /// The settings it was saved with, among the counters of the training.
  const std::map<std::string, std::string>& metadata() const { return content_.metadata; }

  /// Whether it holds a training state, not weights alone.
  bool resumable() const { return content_.metadata.contains("step"); }

  /// A counter of the training by its name in the metadata; throws lift::error unless it is there
  /// and a whole number.
  std::uint64_t counter(const std::string& name) const {
    const auto found = content_.metadata.find(name);
    const std::string digits = found == content_.metadata.end() ? "" : found->second;
    std::uint64_t value = 0;
    const char* last = digits.data() + digits.size();
    const auto [end, problem] = std::from_chars(digits.data(), last, value);
    require(problem == std::errc() && end == last,
            text(content_.source, ": metadata ", quote_name(name)), quote_name(digits),
            "a whole number");
    return value;
  }

  /// The weights; the average only where there is one. Throws lift::error unless the file fits the
  /// architecture, tensor by tensor.
  template <class Tensor, class Architecture>
  parameters<Tensor> weights(const Architecture& architecture,
                             weight_kind kind = weight_kind::average) const {
    require_fit(architecture);
    const auto first = content_.tensors.lower_bound("ema.");
    const bool has_average = first != content_.tensors.end() && first->first.starts_with("ema.");
    return part<Tensor>(architecture, kind == weight_kind::average && has_average ? "ema." : "");
  }

  /// The training state; throws lift::error unless the file holds one that fits the architecture.
  template <class Tensor, class Architecture>
  training_state<Tensor> state(const Architecture& architecture) const {
    if (!resumable())
      throw error(content_.source + ": holds weights alone, so training cannot be resumed from it");
    require_fit(architecture);
    training_state<Tensor> result;
    detail::for_each_counter(result, [&](const char* name, std::uint64_t& value) {
      value = counter(name);
    });
    detail::for_each_part(result, [&](const std::string& prefix, parameters<Tensor>& into) {
      into = part<Tensor>(architecture, prefix);
    });
    return result;
  }

 private:
  template <class Architecture>
  void require_fit(const Architecture& wanted) const {
    require(architecture_ == Architecture::name, "architecture of " + content_.source,
            architecture_, Architecture::name);
    require(hidden_dims_ == wanted.hidden_dims, "hidden dims of " + content_.source,
            detail::text_of(hidden_dims_), detail::text_of(wanted.hidden_dims));
    // A tensor that no parameter takes is a sign of another network.
    std::set<std::string> known;
    for (const auto& declared : declared_parameters(wanted))
      for (const char* prefix : detail::part_prefixes)
        known.insert(prefix + declared.name);
    for (const auto& [name, tensor] : content_.tensors)
      if (!known.contains(name))
        throw error(text(content_.source, ": ", quote_name(name), " is no tensor of ",
                         architecture_, " with hidden dims ", detail::text_of(hidden_dims_)));
  }

  template <class Tensor, class Architecture>
  parameters<Tensor> part(const Architecture& architecture, const std::string& prefix) const {
    std::vector<typename parameters<Tensor>::entry> entries;
    for (const auto& [name, shape, start] : declared_parameters(architecture)) {
      const host_tensor& stored = content_.at(prefix + name);
      require(stored.dims == shape,
              text("shape of ", quote_name(prefix + name), " in ", content_.source), stored.dims,
              shape);
      entries.push_back({name, Tensor(shape, stored.as<typename Tensor::value_type>())});
    }
    return parameters<Tensor>(std::move(entries));
  }

  safetensors content_;
  std::string architecture_;
  std::vector<std::size_t> hidden_dims_;
};

/// "checkpoint_00001234.safetensors": names sort as the steps do.
inline std::string checkpoint_name(std::uint64_t step) {
  const std::string digits = std::to_string(step);
  return "checkpoint_" + std::string(8 - std::min<std::size_t>(8, digits.size()), '0') + digits +
         ".safetensors";
}

/// The file of the highest step among those of a folder that are named by checkpoint_name; none if
/// there is none. A damaged file is not passed over: reading it is an error.
inline std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& folder) {
  std::optional<std::filesystem::path> newest;
  std::uint64_t highest = 0;
  std::error_code problem;
  const std::filesystem::directory_iterator end;
  std::filesystem::directory_iterator entry(folder, problem);
  for (; !problem && entry != end; entry.increment(problem)) {
    const std::string name = entry->path().filename().string();
    const std::size_t underscore = name.find('_');
    std::uint64_t step = 0;
    if (underscore != name.npos)
      std::from_chars(name.data() + underscore + 1, name.data() + name.size(), step);
    if (name != checkpoint_name(step) || (newest && step < highest)) continue;
    newest = entry->path();
    highest = step;
  }
  if (problem) throw error(text("cannot read ", folder.string(), ": ", problem.message()));
  return newest;
}

/// What to resume from: a checkpoint itself, or the newest one of a folder; throws lift::error when
/// the folder has none, so that a training never starts afresh unasked.
inline std::filesystem::path find_checkpoint(const std::filesystem::path& file_or_folder) {
  std::error_code unknown;  // then reading it says why
  if (!std::filesystem::is_directory(file_or_folder, unknown)) return file_or_folder;
  const auto newest = newest_checkpoint(file_or_folder);
  if (!newest) throw error(text("no checkpoint in ", file_or_folder.string()));
  return *newest;
}

}  // namespace lift
