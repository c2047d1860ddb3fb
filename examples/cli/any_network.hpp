// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <lift/backend/xtensor_backend.hpp>

#include "engine.hpp"

namespace lift::cli {

/// What the command computes with around the networks; named here alone.
using tensor_type = tensor<xtensor_backend, float>;

/// A network on a backend chosen at run time, as a denoiser of tensors on the CPU: of both scales,
/// or of one if it is a baseline.
struct any_network {
  any_architecture architecture;
  std::shared_ptr<const evaluator> evaluate;

  bool has_one_scale() const { return std::holds_alternative<baseline_unet>(architecture); }

  scales<tensor_type> operator()(const tensor_type& x_fine, const tensor_type& x_coarse,
                                 const timesteps& t_fine, const timesteps& t_coarse) const {
    const auto y = (*evaluate)(scales{out(x_fine), out(x_coarse)}, {t_fine, t_coarse});
    return {in(y.fine), in(y.coarse)};
  }
  scales<dual_of<tensor_type>> operator()(const dual_of<tensor_type>& x_fine,
                                          const dual_of<tensor_type>& x_coarse,
                                          const timesteps& t_fine,
                                          const timesteps& t_coarse) const {
    const auto dual_out = [](const dual_of<tensor_type>& x) {
      return host_dual{out(x.primal), out(x.tangent)};
    };
    const auto dual_in = [](const host_dual& y) {
      return dual_of<tensor_type>{in(y.primal), in(y.tangent)};
    };
    const auto y = (*evaluate)(scales{dual_out(x_fine), dual_out(x_coarse)}, {t_fine, t_coarse});
    return {dual_in(y.fine), dual_in(y.coarse)};
  }
  tensor_type operator()(const tensor_type& x, const timesteps& t) const {
    return in((*evaluate)(out(x), t));
  }

 private:
  static host_array out(const tensor_type& x) { return {x.shape(), x.to_host()}; }
  static tensor_type in(const host_array& x) { return {x.shape, x.values}; }
};

static_assert(differentiable_denoiser<any_network, tensor_type>);
static_assert(single_scale_denoiser<any_network, tensor_type>);

}  // namespace lift::cli
