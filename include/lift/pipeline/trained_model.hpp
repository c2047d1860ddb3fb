// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/core/image_size.hpp>
#include <lift/io/weight_names.hpp>
#include <lift/model/model.hpp>
#include <lift/model/network.hpp>
#include <lift/model/recorded_network.hpp>
#include <lift/model/stored_network.hpp>
#include <lift/schedule/any_schedule.hpp>

namespace lift {

namespace detail {
template <class Architecture, backend Backend>
using trained_network =
    recorded_network<evaluated_network<network<Architecture, tensor<Backend, float>>>,
                     tensor<Backend, float>, Architecture::scale_count>;
}  // namespace detail

/// A trained network with all that it takes to use it: a denoiser, as `model`, that knows the size
/// of its fine images and the name of its schedule.
template <class Architecture = lift_unet, backend Backend = xtensor_backend>
struct trained_model : model<detail::trained_network<Architecture, Backend>, any_schedule> {
  using tensor_type = tensor<Backend, float>;
  static constexpr std::size_t scale_count = Architecture::scale_count;

  std::string schedule_name;
  image_size size;                       ///< of the fine images
  weight_kind kind;                      ///< which weights these are
  std::vector<std::string> class_names;  ///< by their numbers; none of a network without classes

  /// That makes its scales.
  auto pyramid() const { return pyramid_of(this->network.plain().architecture); }

  /// Throws lift::error where there is no such schedule, listing the names, and where a network
  /// that predicts so cannot be used on it.
  trained_model(network<Architecture, tensor_type> net, const lift::prediction& predicted,
                std::string name_of_schedule, const image_size& sides, weight_kind weights,
                std::vector<std::string> names_of_classes = {})
      : model<detail::trained_network<Architecture, Backend>,
              any_schedule>{detail::trained_network<Architecture, Backend>(
                                evaluated_network<network<Architecture, tensor_type>>(
                                    std::move(net))),
                            predicted, make_schedule(name_of_schedule)},
        schedule_name(std::move(name_of_schedule)),
        size(sides),
        kind(weights),
        class_names(std::move(names_of_classes)) {
    if (const auto problem = undefined_estimate(predicted, this->schedule, schedule_name);
        !problem.empty())
      throw error(problem);
  }
};

}  // namespace lift
