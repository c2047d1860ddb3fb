// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/safetensors.hpp>
#include <lift/io/state_names.hpp>
#include <lift/model/network.hpp>

namespace lift {

/// Which weights of a network: those of the last step, or their moving average.
enum class weight_kind { trained, average };

/// One way to read the tensors of a file as the weights of a network: `prefix` and a parameter's
/// name are the name of its tensor.
struct weight_reading {
  std::string prefix;
  weight_kind kind = weight_kind::trained;
  std::string architecture;
  std::vector<std::size_t> hidden_dims;
  std::vector<parameter_declaration> declared;  ///< the parameters of that network
  std::vector<std::string> missing;             ///< the tensors of them that the file lacks
  std::string misfit;  ///< says which tensor has another shape, or why there is no such network

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

/// The parameters of the network called `architecture`.
inline std::vector<parameter_declaration> declared_parameters_of(
    const std::string& architecture, const std::vector<std::size_t>& hidden_dims) {
  require_unet_size(hidden_dims, std::size_t{1} << std::min<std::size_t>(hidden_dims.size(), 16));
  if (architecture == lift_unet::name) return declared_parameters(lift_unet{hidden_dims});
  if (architecture == multiscale_unet<3>::name)
    return declared_parameters(multiscale_unet<3>{hidden_dims});
  if (architecture == lift_unet_shared_timestep::name)
    return declared_parameters(lift_unet_shared_timestep{hidden_dims});
  return declared_parameters(baseline_unet{hidden_dims});
}

/// Notes which tensors are missing, and the first of another shape.
inline void compare_tensors(weight_reading& reading, const safetensors& content) {
  for (const auto& [name, shape, start] : reading.declared) {
    const auto found = content.tensors.find(reading.prefix + name);
    if (found == content.tensors.end())
      reading.missing.push_back(reading.prefix + name);
    else if (found->second.dims != shape && reading.misfit.empty())
      reading.misfit = text("shape of ", quote_name(found->first), " in ", content.source, ": got ",
                            found->second.dims, ", want ", shape);
  }
}

/// The name, of no parameter, that is most like that of the first tensor missing; empty if none is.
inline std::string nearest_to_missing(const weight_reading& reading, const safetensors& content) {
  std::set<std::string> known;
  for (const auto& declared : reading.declared) known.insert(reading.prefix + declared.name);
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

/// The reading of the tensors behind a prefix; none if they are of no LIFT network.
inline std::optional<weight_reading> reading_behind(const std::string& prefix,
                                                    const safetensors& content) {
  const auto& tensors = content.tensors;
  const auto any = [&](const std::string& start) {
    const auto found = tensors.lower_bound(start);
    return found != tensors.end() && found->first.starts_with(start);
  };
  weight_reading result;
  result.prefix = prefix;
  if (prefix.find("ema") != prefix.npos) result.kind = weight_kind::average;
  const bool shared = any(prefix + "unet.");
  // The embeddings of so many timesteps are combined.
  const auto combine = tensors.find(prefix + "time_combine.0.weight");
  const bool three = combine != tensors.end() && combine->second.dims.rank() == 2 &&
                     combine->second.dims[1] == 3 * combine->second.dims[0];
  result.architecture = shared                          ? lift_unet_shared_timestep::name
                        : three                         ? multiscale_unet<3>::name
                        : any(prefix + "time_combine.") ? lift_unet::name
                                                        : baseline_unet::name;
  const std::string levels = prefix + (shared ? "unet." : "") + "downsample.";
  for (;;) {
    const std::string level = levels + std::to_string(result.hidden_dims.size());
    const auto bias = tensors.find(level + ".bias"), weight = tensors.find(level + ".weight");
    if (bias != tensors.end())
      result.hidden_dims.push_back(bias->second.dims.size());
    else if (weight != tensors.end() && weight->second.dims.rank() > 0)
      result.hidden_dims.push_back(weight->second.dims[0]);
    else
      break;
  }
  if (result.hidden_dims.empty()) return std::nullopt;
  try {
    result.declared = declared_parameters_of(result.architecture, result.hidden_dims);
    compare_tensors(result, content);
  } catch (const error& e) {
    result.misfit = text(content.source, ": ", e.what());
  }
  return result;
}

}  // namespace detail

/// Why a file cannot be read so.
inline std::string fault_of(const weight_reading& reading, const safetensors& content) {
  if (reading.missing.empty()) return reading.misfit;
  std::string result =
      text("no tensor ", quote_name(reading.missing.front()), " in ", content.source);
  if (reading.missing.size() > 1) result += text(", nor ", reading.missing.size() - 1, " more");
  result += text(" of the ", reading.declared.size(), " of ", reading.architecture);
  const std::string nearest = detail::nearest_to_missing(reading, content);
  return nearest.empty() ? result : result + "; nearest: " + quote_name(nearest);
}

/// Every way to read a file as the weights of a LIFT network, whole or not. Names may stand behind
/// "module.", "_orig_mod." and "model.", as PyTorch's wrappers put them, and "ema." or
/// "ema_model.", which makes them the average.
inline std::vector<weight_reading> find_weights(const safetensors& content) {
  std::set<std::string> prefixes;
  for (const auto& [name, tensor] : content.tensors)
    prefixes.insert(name.substr(0, detail::prefix_length(name)));
  std::vector<weight_reading> result;
  for (const std::string& prefix : prefixes)
    if (auto reading = detail::reading_behind(prefix, content))
      result.push_back(std::move(*reading));
  return result;
}

}  // namespace lift
