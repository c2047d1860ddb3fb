// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/safetensors.hpp>
#include <lift/metric/feature_network.hpp>
#include <lift/nn/batch_norm.hpp>

namespace lift {

/// The parameters of a network of features from the tensors of a file, with the heads of LPIPS
/// ("lin…") where they are there. A convolution NAME that the file holds as NAME.conv followed by the
/// batch normalisation NAME.bn is folded into one. Throws lift::error, naming the file and the
/// tensor, where one is missing, has another shape or a number that is not finite.
template <class Tensor, class Network>
parameters<Tensor> feature_weights(const safetensors& file, const Network& network = {}) {
  using T = typename Tensor::value_type;
  std::vector<typename parameters<Tensor>::entry> entries;
  const auto stored = [&](const std::string& name, const shape& wanted) {
    const host_tensor& found = file.at(name);
    require(found.dims == wanted, text("shape of tensor ", quote_name(name), " in ", file.source),
            found.dims, wanted);
    const std::vector<T> values = found.as<T>();
    if (!std::ranges::all_of(values, [](T x) { return std::isfinite(x); }))
      throw error(text("tensor ", quote_name(name), " in ", file.source,
                       ": got NaN or infinity, want finite"));
    return Tensor(wanted, values);
  };
  for (const parameter_declaration& declared : declared_features(network)) {
    const std::string& name = declared.name;
    const shape& wanted = declared.shape;
    const std::string layer = name.substr(0, name.rfind('.'));
    if (file.contains(name) || !file.contains(layer + ".conv.weight")) {
      entries.push_back({name, stored(name, wanted)});
    } else if constexpr (requires { Network::batch_norm_epsilon; }) {
      if (!name.ends_with(".weight")) continue;  // it comes with the weight
      const auto norm = [&](const char* part) {
        return stored(text(layer, ".bn.", part), shape{wanted[0]});
      };
      const auto folded = nn::fold_batch_norm(
          stored(layer + ".conv.weight", wanted), Tensor(),
          nn::batch_norm_parameters<Tensor>{norm("weight"), norm("bias"), norm("running_mean"),
                                            norm("running_var"), Network::batch_norm_epsilon});
      entries.push_back({name, folded.weight});
      entries.push_back({layer + ".bias", folded.bias});
    }
  }
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with("lin")) entries.push_back({name, stored(name, tensor.dims)});
  return parameters<Tensor>(std::move(entries));
}

}  // namespace lift
