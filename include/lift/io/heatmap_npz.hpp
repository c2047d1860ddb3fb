// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lift/io/heatmap_file.hpp>
#include <lift/io/npz.hpp>

namespace lift {

/// Writes a heatmap as a .npz file for NumPy: "gamma" (n) and each grid (n, …, n), an axis for each
/// scale, finest first, as doubles under the names of save_heatmap; "timesteps" (n) as whole numbers;
/// "settings" as the bytes of their JSON. Throws lift::error as validate(heatmap).
template <std::size_t N>
void save_heatmap_npz(output_file file, const error_heatmap<N>& heatmap,
                      const nlohmann::json& settings = nlohmann::json::object()) {
  validate(heatmap);
  const std::size_t n = heatmap.size();
  const std::vector<std::int64_t> times(heatmap.timesteps.begin(), heatmap.timesteps.end());
  named_arrays arrays = {{"gamma", host_tensor::from<double>({n}, heatmap.gamma)},
                         {"timesteps", host_tensor::from<std::int64_t>({n}, times)},
                         {"settings", array_of_text(json_text(settings))}};
  const std::vector<std::size_t> cube(N, n);
  detail::for_each_grid(heatmap, [&](const std::string& name, const grid<N>& values) {
    if (!values.empty())
      arrays[name] = host_tensor::from<double>(shape(std::span(cube)), values.values());
  });
  write_npz(std::move(file), arrays);
}

}  // namespace lift
