// SPDX-License-Identifier: MIT
// One's own denoiser: anything callable on images and timesteps of all scales that gives the clean
// images has an error heatmap, and paths. This one is generic, so its Jacobian is exact; central
// differences find that of one that works on tensors alone.

#include <cmath>
#include <cstdio>
#include <vector>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/path/dp.hpp>
#include <lift/schedule/cosine.hpp>

using image_tensor = lift::tensor<lift::xtensor_backend, double>;

int main() {
  const lift::cosine_schedule schedule;

  // The best guess at the images where pixels are independent with variance s²:
  // x̂₀ = √ᾱ·s²/(ᾱ·s² + 1 − ᾱ)·x. The coarse pixels, means of four, vary a quarter as much.
  const auto share = [&](const lift::timesteps& t, std::size_t scale) {
    const double a = lift::alpha_bar_at(schedule, t[0]), variance = scale == 0 ? 0.25 : 0.0625;
    return std::sqrt(a) * variance / (a * variance + 1 - a);
  };
  const auto denoise = [&](const auto& x, const lift::scales<lift::timesteps>& t) {
    return lift::make_scales<2>(
        [&](std::size_t scale) { return lift::scaled(x[scale], share(t[scale], scale)); });
  };
  static_assert(lift::has_exact_jacobian<decltype(denoise), image_tensor>());

  // The same on the numbers of tensors, as from another library.
  const auto on_numbers = [&](const auto& x, const lift::scales<lift::timesteps>& t) {
    return lift::make_scales<2>([&](std::size_t scale) {
      std::vector<double> numbers = x[scale].to_host();
      for (double& number : numbers) number *= share(t[scale], scale);
      return image_tensor(x[scale].shape(), numbers);
    });
  };
  const lift::central_differences wrapped{on_numbers};

  // 2 "images" of 8×8 pixels; this denoiser's Jacobian is the same everywhere.
  const auto images = lift::zeros<image_tensor>({2, 3, 8, 8});
  const auto axis = lift::log_snr_axis(schedule, 7);
  const auto heatmap = lift::compute_error_heatmap(denoise, schedule, images, axis);
  const auto approximate = lift::compute_error_heatmap(wrapped, schedule, images, axis);

  std::printf("log10 error of the fine scale (rows: its SNR, columns: the coarse scale's)\n");
  double difference = 0;
  for (std::size_t i = 0; i < heatmap.size(); ++i) {
    std::printf("%8.3g:", heatmap.gamma[i]);
    for (std::size_t j = 0; j < heatmap.size(); ++j) {
      const double exact = heatmap.fine()(i, j);
      std::printf(" %6.2f", std::log10(exact));
      difference = std::fmax(difference, std::fabs(approximate.fine()(i, j) / exact - 1));
    }
    std::printf("\n");
  }
  std::printf("DP-total:");
  for (const auto& t : lift::dp_total{}(heatmap, schedule, 8))
    std::printf(" %g/%g", t.fine(), t.coarse());
  std::printf("\ncentral differences are within %.0e of it\n", difference);
  return difference < 1e-6 ? 0 : 1;
}
