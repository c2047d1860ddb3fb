// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
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
  std::shared_ptr<const described_network> network;  ///< null where there can be none
  std::size_t missing = 0;    ///< how many tensors of its parameters the file lacks
  std::string first_missing;  ///< the name of the first of them
  std::size_t misfits = 0;    ///< how many have another shape
  std::string misfit;  ///< says which is the first of them, or why there is no such network

  bool whole() const { return missing == 0 && misfit.empty(); }
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
  for (const auto& [name, shape, start] : reading.network->declared) {
    const auto found = content.tensors.find(reading.prefix + name);
    if (found == content.tensors.end()) {
      if (reading.missing++ == 0) reading.first_missing = reading.prefix + name;
    } else if (found->second.dims != shape && reading.misfits++ == 0) {
      reading.misfit = text("shape of ", quote_name(found->first), " in ", content.source, ": got ",
                            found->second.dims, ", want ", shape);
    }
  }
}

/// The name, of no parameter, that is most like that of the first tensor missing; empty if none is.
inline std::string nearest_to_missing(const weight_reading& reading, const safetensors& content) {
  std::set<std::string> known;
  for (const auto& declared : reading.network->declared) known.insert(reading.prefix + declared.name);
  std::string nearest;
  std::size_t most = reading.first_missing.size() / 2;
  const std::string of_optimiser = optimiser_of(content.metadata).optimiser + ".";
  for (const auto& [name, tensor] : content.tensors) {
    if (known.contains(name) || name.starts_with(of_optimiser) ||
        prefix_length(name) != reading.prefix.size())
      continue;
    if (const std::size_t shared = likeness(name, reading.first_missing); shared > most) {
      nearest = name;
      most = shared;
    }
  }
  return nearest;
}

/// A network of that kind, as the metadata tell it, or why there can be none.
struct kind_found {
  std::shared_ptr<const described_network> network;
  std::string misfit;
};
inline kind_found describe(const network_kind& kind, const metadata_map& metadata,
                           const std::string& source) {
  try {
    return {std::make_shared<const described_network>(kind.describe(metadata)), ""};
  } catch (const error& e) {
    return {nullptr, text(source, ": ", e.what())};
  }
}

/// The tensors behind a prefix as such a network.
inline weight_reading reading_as(const kind_found& kind, const std::string& prefix,
                                 const safetensors& content) {
  weight_reading result;
  result.prefix = prefix;
  result.network = kind.network;
  result.misfit = kind.misfit;
  if (prefix.find("ema") != prefix.npos) result.kind = weight_kind::average;
  if (result.network) compare_tensors(result, content);
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
    if (!r.network) return std::numeric_limits<std::size_t>::max();
    return r.missing + 4 * r.misfits;  // another shape tells more than a lost tensor
  };
  for (const network_kind& kind : kinds) {
    const auto found = describe(kind, {{"hidden_dims", field_text(widths)}}, content.source);
    auto reading = reading_as(found, prefix, content);
    if (!best || distance(reading) < distance(*best)) best = std::move(reading);
  }
  return best;
}

}  // namespace detail

/// Why a file cannot be read so.
inline std::string fault_of(const weight_reading& reading, const safetensors& content) {
  if (reading.missing == 0) return reading.misfit;
  std::string result = text("no tensor ", quote_name(reading.first_missing), " in ", content.source);
  if (reading.missing > 1) result += text(", nor ", reading.missing - 1, " more");
  result += text(" of the ", reading.network->declared.size(), " of ", reading.network->architecture);
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
  detail::kind_found told;
  if (stored) told = detail::describe(*stored, content.metadata, content.source);
  std::vector<weight_reading> result;
  for (const std::string& prefix : prefixes) {
    auto reading = stored ? detail::reading_as(told, prefix, content)
                          : detail::guessed_reading(kinds, prefix, content);
    if (reading && (!reading->network || reading->missing < reading->network->declared.size()))
      result.push_back(std::move(*reading));
  }
  return result;
}

}  // namespace lift
