// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lift/model/guided.hpp>
#include <lift/path/log_snr_spacing.hpp>
#include <lift/pipeline/trained_model.hpp>
#include <lift/sample/generate.hpp>
#include <lift/sample/suited_solver.hpp>

namespace lift {

/// What `generate` makes with a trained model. `solver` is any solver or stepper; image i is of the
/// class labels[i mod their number], of none where there are none, with so much guidance (guided).
template <class Solver = suited_solver>
struct generate_options {
  std::size_t count = 16, steps = 18, batch_size = 16;
  Solver solver = {};
  std::uint64_t seed = 42;
  class_labels labels = {};
  double guidance = 1;
};

/// `count` images of every scale as the model's pyramid makes them, of copies (count, C, H, W) and so on,
/// along a path, or else log_snr_diagonal in `steps` steps. Throws lift::error as `sample`.
template <class Architecture, backend Backend, class Solver = suited_solver>
auto generate(const trained_model<Architecture, Backend>& trained,
              const generate_options<Solver>& options = {},
              timestep_path<Architecture::scale_count> path = {}) {
  constexpr std::size_t n = Architecture::scale_count;
  using Tensor = tensor<Backend, float>;
  if (path.empty()) path = log_snr_diagonal{}(error_heatmap<n>{}, trained.schedule, options.steps);
  scales<std::vector<Tensor>, n> parts;
  in_batches(0, options.count, options.batch_size, [&](std::uint64_t first, std::size_t count) {
    const condition<> given{labels_in_turn(options.labels, first, count)};
    const std::size_t channels = trained.network.plain().architecture.config.image_channels;
    const scales<Tensor, n> made = generate<Tensor>(
        guided<const trained_model<Architecture, Backend>&>{trained, given, options.guidance},
        trained.schedule, path, shape{count, channels, trained.size.height, trained.size.width},
        sampling_options<Solver, decltype(trained.pyramid())>{.solver = options.solver,
                                                              .seed = options.seed,
                                                              .first_sample = first,
                                                              .pyramid = trained.pyramid()});
    for (std::size_t scale = 0; scale < n; ++scale) parts[scale].push_back(made[scale]);
  });
  return make_scales<n>(
      [&](std::size_t scale) { return stacked(std::span<const Tensor>(parts[scale])); });
}

}  // namespace lift
