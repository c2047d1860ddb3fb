// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/pipeline/dataset_images.hpp>
#include <lift/pipeline/trained_model.hpp>

namespace lift {

/// What `measure_heatmap` measures: SNRs evenly spaced in log γ, on the first so many images.
struct measure_heatmap_options {
  std::size_t points = 15, images = 32;
  error_heatmap_options measure = {};
};

/// The error heatmap of a trained model on images of a data set of its size; throws lift::error as
/// compute_error_heatmap.
template <class Architecture, backend Backend>
auto measure_heatmap(const trained_model<Architecture, Backend>& trained, const image_dataset& data,
                     const measure_heatmap_options& options = {}) {
  require(data.sides() == trained.size, "side of the images of a heatmap", data.sides(),
          trained.size);
  std::vector<std::size_t> numbers(std::min(options.images, data.size()));
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  return compute_error_heatmap<Architecture::scale_count>(
      trained, trained.schedule, dataset_images<tensor<Backend, float>>{&data}(numbers),
      log_snr_axis(trained.schedule, options.points), options.measure, {}, {}, trained.pyramid());
}

}  // namespace lift
