// SPDX-License-Identifier: MIT
#pragma once

// Heatmaps and paths of a number of scales that is known when the command runs: as many as its
// networks have.

#include <cstddef>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <lift/io/heatmap_file.hpp>
#include <lift/io/path_file.hpp>

namespace lift::cli {

/// f(std::integral_constant<std::size_t, N>) for N = n; throws lift::error unless n is 1 to 3.
template <class F>
decltype(auto) with_scale_count(std::size_t n, const F& f) {
  require(n >= 1 && n <= 3, "number of scales", n, "1 to 3");
  if (n == 1) return f(std::integral_constant<std::size_t, 1>());
  if (n == 2) return f(std::integral_constant<std::size_t, 2>());
  return f(std::integral_constant<std::size_t, 3>());
}

using any_heatmap = std::variant<error_heatmap<1>, error_heatmap<2>, error_heatmap<3>>;

/// Reads a heatmap; throws lift::error as lift::load_heatmap.
inline any_heatmap load_any_heatmap(const std::filesystem::path& file) {
  const json_fields fields = heatmap_fields(file);
  const std::size_t n = heatmap_scales(fields);
  require(n >= 1 && n <= 3, "scales of the heatmap " + file.string(), n, "1 to 3");
  return with_scale_count(n, [&](auto count) -> any_heatmap { return load_heatmap<count>(fields); });
}

/// A path: who made it, and of each step a timestep for every scale, finest first.
struct any_path {
  std::string policy;
  std::vector<std::vector<double>> timesteps;

  any_path() = default;
  template <std::size_t N>
  any_path(const named_path<N>& path) : policy(path.policy) {
    for (const auto& step : path.timesteps) timesteps.emplace_back(step.begin(), step.end());
  }

  std::size_t scale_count() const { return timesteps.empty() ? 0 : timesteps.front().size(); }

  /// Throws lift::error unless it is of N scales.
  template <std::size_t N>
  named_path<N> of() const {
    named_path<N> result{policy, {}};
    for (const auto& step : timesteps) {
      require(step.size() == N, "scales of the path", step.size(), N);
      result.timesteps.push_back(make_scales<N>([&](std::size_t s) { return step[s]; }));
    }
    return result;
  }
};

/// Reads a path; throws lift::error as lift::load_path.
inline any_path load_any_path(const std::filesystem::path& file) {
  const json_fields fields = path_fields(file);
  const std::size_t n = path_scales(fields);
  if (n != 1 && n != 3) return load_path<2>(fields);  // or says what is wrong
  return with_scale_count(n, [&](auto count) -> any_path { return load_path<count>(fields); });
}

inline nlohmann::json to_json(const any_path& path) {
  return with_scale_count(path.scale_count(), [&](auto count) -> nlohmann::json {
    return lift::to_json(path.of<count>().timesteps);
  });
}

}  // namespace lift::cli
