// SPDX-License-Identifier: MIT
// One's own denoiser: anything callable on (x_fine, x_coarse, t_fine, t_coarse) has an error
// heatmap, and paths. This one is generic, so its Jacobian is exact; central differences find that
// of one that works on tensors alone.

#include <cmath>
#include <cstdio>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/backend/xtensor_backend.hpp>
#include <lift/path/dp.hpp>
#include <lift/schedule/cosine.hpp>

using image_tensor = lift::tensor<lift::xtensor_backend, double>;

int main() {
  const lift::cosine_schedule schedule;

  // The best guess at the noise where pixels are independent with variance s²:
  // ε̂ = √(1 − ᾱ)/(ᾱ·s² + 1 − ᾱ)·x. The coarse pixels, means of four, vary a quarter as much.
  const auto share = [&](const lift::timesteps& t, double variance) {
    const double a = schedule.alpha_bar(static_cast<std::size_t>(t[0]));
    return std::sqrt(1 - a) / (a * variance + 1 - a);
  };
  const auto denoise = [&](const auto& x_fine, const auto& x_coarse, const lift::timesteps& t_fine,
                           const lift::timesteps& t_coarse) {
    return lift::scales{lift::scaled(x_fine, share(t_fine, 0.25)),
                        lift::scaled(x_coarse, share(t_coarse, 0.0625))};
  };
  static_assert(lift::has_exact_jacobian<decltype(denoise), image_tensor>());

  // The same on the numbers of tensors, as from another library.
  const auto multiplied = [](const image_tensor& x, double factor) {
    std::vector<double> numbers = x.to_host();
    for (double& number : numbers) number *= factor;
    return image_tensor(x.shape(), numbers);
  };
  const auto on_numbers = [&](const auto& x_fine, const auto& x_coarse, const auto& t_fine,
                              const auto& t_coarse) {
    return lift::scales{multiplied(x_fine, share(t_fine, 0.25)),
                        multiplied(x_coarse, share(t_coarse, 0.0625))};
  };
  const lift::central_differences wrapped{on_numbers};

  // 2 "images" of 8×8 pixels; this denoiser's Jacobian is the same everywhere.
  const auto images = lift::zeros<image_tensor>({2, 3, 8, 8});
  const auto axis = lift::log_snr_axis(schedule, 7);
  const lift::error_heatmap heatmap =
      lift::compute_error_heatmap(denoise, schedule, images, axis);
  const lift::error_heatmap approximate =
      lift::compute_error_heatmap(wrapped, schedule, images, axis);

  std::printf("log10 error of the fine scale (rows: its SNR, columns: the coarse scale's)\n");
  double difference = 0;
  for (std::size_t i = 0; i < heatmap.size(); ++i) {
    std::printf("%8.3g:", heatmap.gamma[i]);
    for (std::size_t j = 0; j < heatmap.size(); ++j) {
      std::printf(" %6.2f", std::log10(heatmap.fine(i, j)));
      difference = std::fmax(difference, std::fabs(approximate.fine(i, j) / heatmap.fine(i, j) - 1));
    }
    std::printf("\n");
  }
  std::printf("DP-total:");
  for (const auto& [fine, coarse] : lift::dp_total{}(heatmap, schedule, 8))
    std::printf(" %zu/%zu", fine, coarse);
  std::printf("\ncentral differences are within %.0e of it\n", difference);
  return difference < 1e-6 ? 0 : 1;
}
