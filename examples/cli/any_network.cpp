// SPDX-License-Identifier: MIT

#include "any_network.hpp"

namespace lift::cli {
namespace {

template <class Value>
scales<Value> evaluate(const any_network::model_type& model, const Value& x_fine,
                       const Value& x_coarse, const timesteps& t_fine,
                       const timesteps& t_coarse) {
  return std::visit(
      [&]<class Network>(const Network& net) -> scales<Value> {
        if constexpr (std::is_same_v<Network, baseline_network>)
          throw error("the baseline has one scale, this needs a network of two");
        else
          return net(x_fine, x_coarse, t_fine, t_coarse);
      },
      model);
}

}  // namespace

scales<tensor_type> any_network::operator()(const tensor_type& x_fine, const tensor_type& x_coarse,
                                            const timesteps& t_fine,
                                            const timesteps& t_coarse) const {
  return evaluate(model, x_fine, x_coarse, t_fine, t_coarse);
}

scales<dual_of<tensor_type>> any_network::operator()(const dual_of<tensor_type>& x_fine,
                                                     const dual_of<tensor_type>& x_coarse,
                                                     const timesteps& t_fine,
                                                     const timesteps& t_coarse) const {
  return evaluate(model, x_fine, x_coarse, t_fine, t_coarse);
}

tensor_type any_network::operator()(const tensor_type& x, const timesteps& t) const {
  const auto* net = std::get_if<baseline_network>(&model);
  require(net != nullptr, "scales of the network", 2, "the baseline's one");
  return (*net)(x, t);
}

}  // namespace lift::cli
