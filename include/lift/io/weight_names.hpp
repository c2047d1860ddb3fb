// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/network_kind.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/safetensors.hpp>
#include <lift/io/state_names.hpp>

namespace lift {

/// Which weights of a network: those of the last step, or their moving average.
enum class weight_kind { trained, average };

/// One way to read the tensors of a file as the weights of a network: `prefix` and a parameter's
/// name are the name of its tensor.
struct weight_reading {
  std::string prefix;
  weight_kind kind = weight_kind::trained;
  described_network network;
  std::vector<std::string> missing;  ///< the tensors of its parameters that the file lacks
  std::size_t misfits = 0;           ///< how many have another shape
  std::string misfit;  ///< says which is the first of them, or why there is no such network

  bool whole() const { return missing.empty() && misfit.empty(); }
};

namespace detail {

/// What programs put before the names of parameters, up to four of them one after another.
inline constexpr std::string_view name_wrappers[] = {"module.", "_orig_mod.", "model.", "ema.",
                                                     "ema_model."};

/// How much of a tensor's name stands before the name of a parameter.
inline std::size_t prefix_length(std::string_view name) {
  std::size_t length = 0;
  for (int depth = 0; depth < 4; ++depth)
    for (const std::string_view wrapper : name_wrappers)
      if (name.substr(length).starts_with(wrapper)) {
        length += wrapper.size();
        break;
      }
  return length;
}

/// How many characters two names share at their beginnings and ends.
inline std::size_t likeness(std::string_view a, std::string_view b) {
  const auto first = std::ranges::mismatch(a, b).in1 - a.begin();
  const auto last = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first - a.rbegin();
  return std::min(static_cast<std::size_t>(first + last), std::min(a.size(), b.size()));
}

/// Notes which tensors are missing, and which have another shape.
inline void compare_tensors(weight_reading& reading, const safetensors& content) {
  for (const auto& [name, shape, start] : reading.network.declared) {
    const auto found = content.tensors.find(reading.prefix + name);
    if (found == content.tensors.end())
      reading.missing.push_back(reading.prefix + name);
    else if (found->second.dims != shape && reading.misfits++ == 0)
      reading.misfit = text("shape of ", quote_name(found->first), " in ", content.source, ": got ",
                            found->second.dims, ", want ", shape);
  }
}

/// The name, of no parameter, that is most like that of the first tensor missing; empty if none is.
inline std::string nearest_to_missing(const weight_reading& reading, const safetensors& content) {
  std::set<std::string> known;
  for (const auto& declared : reading.network.declared) known.insert(reading.prefix + declared.name);
  std::string nearest;
  std::size_t most = reading.missing.front().size() / 2;
  const std::string of_optimiser = optimiser_of(content.metadata).optimiser + ".";
  for (const auto& [name, tensor] : content.tensors) {
    if (known.contains(name) || name.starts_with(of_optimiser) ||
        prefix_length(name) != reading.prefix.size())
      continue;
    if (const std::size_t shared = likeness(name, reading.missing.front()); shared > most) {
      nearest = name;
      most = shared;
    }
  }
  return nearest;
}

/// The tensors behind a prefix as the network of that kind which the metadata tell.
inline weight_reading reading_as(const network_kind& kind, const metadata_map& metadata,
                                 const std::string& prefix, const safetensors& content) {
  weight_reading result;
  result.prefix = prefix;
  if (prefix.find("ema") != prefix.npos) result.kind = weight_kind::average;
  try {
    result.network = kind.describe(metadata);
    compare_tensors(result, content);
  } catch (const error& e) {
    result.misfit = text(content.source, ": ", e.what());
  }
  return result;
}

/// The widths of a U-Net's levels behind a prefix, as its convolutions between them tell; empty if
/// there are none.
inline std::vector<std::size_t> level_widths(const std::string& prefix,
                                             const safetensors& content) {
  std::vector<std::size_t> widths;
  for (const std::string of : {"downsample.", "unet.downsample."}) {
    for (;;) {
      const std::string level = prefix + of + std::to_string(widths.size());
      const auto bias = content.tensors.find(level + ".bias");
      const auto weight = content.tensors.find(level + ".weight");
      if (bias != content.tensors.end())
        widths.push_back(bias->second.dims.size());
      else if (weight != content.tensors.end() && weight->second.dims.rank() > 0)
        widths.push_back(weight->second.dims[0]);
      else
        break;
    }
    if (!widths.empty()) break;
  }
  return widths;
}

/// The tensors behind a prefix as the network, of those with levels as wide, that they fit best.
inline std::optional<weight_reading> guessed_reading(std::span<const network_kind> kinds,
                                                     const std::string& prefix,
                                                     const safetensors& content) {
  const auto widths = level_widths(prefix, content);
  if (widths.empty()) return std::nullopt;
  std::optional<weight_reading> best;
  const auto distance = [](const weight_reading& r) {
    if (r.network.declared.empty()) return std::numeric_limits<std::size_t>::max();
    return r.missing.size() + 4 * r.misfits;  // another shape tells more than a lost tensor
  };
  for (const network_kind& kind : kinds) {
    auto reading = reading_as(kind, {{"hidden_dims", field_text(widths)}}, prefix, content);
    if (!best || distance(reading) < distance(*best)) best = std::move(reading);
  }
  return best;
}

}  // namespace detail

/// Why a file cannot be read so.
inline std::string fault_of(const weight_reading& reading, const safetensors& content) {
  if (reading.missing.empty()) return reading.misfit;
  std::string result =
      text("no tensor ", quote_name(reading.missing.front()), " in ", content.source);
  if (reading.missing.size() > 1) result += text(", nor ", reading.missing.size() - 1, " more");
  const auto& [architecture, config, declared] = reading.network;
  result += text(" of the ", declared.size(), " of ", architecture);
  const std::string nearest = detail::nearest_to_missing(reading, content);
  return nearest.empty() ? result : result + "; nearest: " + quote_name(nearest);
}

/// Every way to read a file as the weights of a network of one of these kinds, whole or not: that
/// which its metadata name, or else the one that the tensors fit best. Names may stand behind
/// "module.", "_orig_mod." and "model.", as PyTorch's wrappers put them, and "ema." or "ema_model.",
/// which makes them the average. Throws lift::error where the metadata name another architecture.
inline std::vector<weight_reading> find_weights(const safetensors& content,
                                                std::span<const network_kind> kinds) {
  std::set<std::string> prefixes;
  for (const auto& [name, tensor] : content.tensors)
    prefixes.insert(name.substr(0, detail::prefix_length(name)));
  const network_kind* stored = nullptr;
  if (const auto name = content.metadata.find("architecture"); name != content.metadata.end()) {
    std::string names;
    for (const network_kind& kind : kinds) {
      if (name->second == kind.name) stored = &kind;
      names += (names.empty() ? "" : ", ") + std::string(kind.name);
    }
    require(stored != nullptr, "architecture of " + content.source, printable(name->second), names);
  }
  std::vector<weight_reading> result;
  for (const std::string& prefix : prefixes) {
    auto reading = stored ? detail::reading_as(*stored, content.metadata, prefix, content)
                          : detail::guessed_reading(kinds, prefix, content);
    const bool any = reading && reading->missing.size() < reading->network.declared.size();
    if (reading && (any || !reading->misfit.empty())) result.push_back(std::move(*reading));
  }
  return result;
}

}  // namespace lift
