// SPDX-License-Identifier: MIT
// One's own denoiser: anything callable on (x_fine, x_coarse, t_fine, t_coarse) has an error
// heatmap, and paths. This one knows no derivatives, so central differences find its Jacobian.

#include <cstdio>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/backend/xtensor_backend.hpp>
#include <lift/path/dp.hpp>
#include <lift/schedule/cosine.hpp>

using image_tensor = lift::tensor<lift::xtensor_backend, double>;

int main() {
  const lift::cosine_schedule schedule;

  // The best guess at the noise where pixels are independent with variance s²:
  // ε̂ = √(1 − ᾱ)/(ᾱ·s² + 1 − ᾱ)·x. The coarse pixels, means of four, vary a quarter as much.
  const auto guess = [&](const image_tensor& x, const lift::timesteps& t, double variance) {
    const double a = schedule.alpha_bar(static_cast<std::size_t>(t[0]));
    return lift::scaled(x, std::sqrt(1 - a) / (a * variance + 1 - a));
  };
  const auto denoise = [&](const image_tensor& x_fine, const image_tensor& x_coarse,
                           const lift::timesteps& t_fine, const lift::timesteps& t_coarse) {
    return lift::scales{guess(x_fine, t_fine, 0.25), guess(x_coarse, t_coarse, 0.0625)};
  };
  static_assert(lift::denoiser<decltype(denoise), image_tensor>);

  // 2 "images" of 8×8 pixels; this denoiser's Jacobian is the same everywhere.
  const auto images = lift::zeros<image_tensor>({2, 3, 8, 8});
  const lift::error_heatmap heatmap =
      lift::compute_error_heatmap(denoise, schedule, images, lift::log_snr_axis(schedule, 7));

  std::printf("log10 error of the fine scale (rows: its SNR, columns: the coarse scale's)\n");
  for (std::size_t i = 0; i < heatmap.size(); ++i) {
    std::printf("%8.3g:", heatmap.gamma[i]);
    for (std::size_t j = 0; j < heatmap.size(); ++j)
      std::printf(" %6.2f", std::log10(heatmap.fine(i, j)));
    std::printf("\n");
  }
  std::printf("DP-total:");
  for (const auto& [fine, coarse] : lift::dp_total{}(heatmap, schedule, 8))
    std::printf(" %zu/%zu", fine, coarse);
  std::printf("\n");
}
