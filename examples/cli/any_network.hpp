// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <lift/backend/xtensor_backend.hpp>
#include <lift/core/choice.hpp>
#include <lift/model/network.hpp>
#include <lift/model/prediction.hpp>

namespace lift::cli {

/// What the command computes with; named here alone.
using tensor_type = tensor<xtensor_backend, float>;

using baseline_network = network<baseline_unet, tensor_type>;

/// A network chosen at run time: a denoiser of both scales, or of one if it is a baseline. Its
/// evaluations are compiled in any_network.cpp, once for all commands.
class any_network {
 public:
  using model_type =
      std::variant<network<lift_unet, tensor_type>, network<lift_unet_shared_timestep, tensor_type>,
                   baseline_network>;
  model_type model;

  bool has_one_scale() const { return std::holds_alternative<baseline_network>(model); }
  const std::vector<std::size_t>& hidden_dims() const {
    return std::visit([](const auto& net) -> const auto& { return net.architecture.hidden_dims; },
                      model);
  }
  const parameters<tensor_type>& weights() const {
    return std::visit([](const auto& net) -> const auto& { return net.weights; }, model);
  }

  scales<tensor_type> operator()(const tensor_type& x_fine, const tensor_type& x_coarse,
                                 const timesteps& t_fine, const timesteps& t_coarse) const;
  scales<dual_of<tensor_type>> operator()(const dual_of<tensor_type>& x_fine,
                                          const dual_of<tensor_type>& x_coarse,
                                          const timesteps& t_fine,
                                          const timesteps& t_coarse) const;
  tensor_type operator()(const tensor_type& x, const timesteps& t) const;
};

static_assert(differentiable_denoiser<any_network, tensor_type>);
static_assert(single_scale_denoiser<any_network, tensor_type>);

using any_architecture = std::variant<lift_unet, lift_unet_shared_timestep, baseline_unet>;

template <class Architecture>
any_architecture make_architecture(const std::vector<std::size_t>& hidden_dims) {
  return Architecture{hidden_dims};
}

/// The architectures by name.
inline constexpr choice<any_architecture, const std::vector<std::size_t>&> architecture_choices[] =
    {{lift_unet::name, make_architecture<lift_unet>},
     {lift_unet_shared_timestep::name, make_architecture<lift_unet_shared_timestep>},
     {baseline_unet::name, make_architecture<baseline_unet>}};

using any_prediction = std::variant<predicts_noise, predicts_clean, predicts_velocity>;

/// What a network may predict, by name.
inline constexpr choice<any_prediction> prediction_choices[] = {
    {predicts_noise::name, [] { return any_prediction{predicts_noise{}}; }},
    {predicts_clean::name, [] { return any_prediction{predicts_clean{}}; }},
    {predicts_velocity::name, [] { return any_prediction{predicts_velocity{}}; }},
};

}  // namespace lift::cli
