// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/exact/exact_distance.hpp>
#include <lift/exact/exact_surfaces.hpp>
#include <lift/model/gaussian_field.hpp>
#include <lift/path/step_costs.hpp>
#include <lift/pyramid/haar.hpp>
#include <lift/schedule/cosine.hpp>

#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(exact_surfaces_tests)

using namespace lift;

namespace {

/// Heatmaps that are measured with the field's own denoiser are the exact ones, within the probes' errors: its Jacobian
/// is that of any image.
template <std::size_t N, class Pyramid>
void check_measured_heatmaps(const gaussian_image<N>& image, const Pyramid& pyramid) {
  using images = tensor<xtensor_backend, double>;
  const cosine_schedule schedule;
  heatmap_axis axis = log_snr_axis(schedule, 3);
  for (std::size_t i = 0; i < 3; ++i) axis.gamma[i] = snr(schedule, axis.timesteps[i]);
  const gaussian_field denoise(schedule, power_law_spectrum(8, 2), 0, pyramid);
  for (const estimate which : {estimate::clean, estimate::noise}) {
    const auto measured = compute_error_heatmap<N>(denoise, schedule, zeros<images>({64, 1, 8, 8}), axis,
                                                   {.jacobian_of = which, .batch_size = 64}, {}, {}, pyramid);
    const auto exact = exact_surfaces<N>(image, axis).heatmap(which);
    for (std::size_t output = 0; output < N; ++output)
      for (std::size_t input = 0; input < N; ++input)
        for (std::size_t i = 0; i < exact.fine().size(); ++i) {
          const double want = exact.error[output][input].values()[i];
          const double error = measured.standard_error[output][input].values()[i];
          const double off = measured.error[output][input].values()[i] - want;
          BOOST_TEST(std::abs(off) < 4 * error, output << ", " << input << ", cell " << i << ": off by " << off);
          BOOST_TEST(error < 0.2 * want);
        }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(measured_heatmaps_are_the_exact_ones) {
  check_measured_heatmaps(stationary_copies<2>(power_law_spectrum(8, 2)), copies{});
  check_measured_heatmaps(stationary_copies<3>(power_law_spectrum(8, 2)), copies{});
  check_measured_heatmaps(stationary_haar<2>(power_law_spectrum(8, 2)), haar{});
}

/// The heatmaps of known numbers, and the surfaces beside them.
BOOST_AUTO_TEST_CASE(heatmaps_are_the_golden_ones) {
  const auto close = [](double got, double want) {
    BOOST_TEST(std::abs(got - want) <= 1e-10 * std::abs(want), got << ", want " << want);
  };
  const nlohmann::json golden = golden_json("oracle.json");
  for (const auto& c : golden["cases"]) {
    const auto image = stationary_copies<2>(power_law_spectrum(c["n"], c["beta"]));
    for (const auto& p : c["points"]) {
      const double fine = p["snr64"], coarse = p["snr32"];
      if (fine == coarse) continue;
      // The cell of these SNRs among the four of both.
      const heatmap_axis axis{{std::min(fine, coarse), std::max(fine, coarse)}, {1, 0}};
      const cell<2> at{fine < coarse ? 0u : 1u, fine < coarse ? 1u : 0u};
      const exact_surfaces<2> surfaces(image, axis);
      close(surfaces.losses().fine()[at], p["mmse64"]);
      close(surfaces.losses().coarse()[at], p["mmse32"]);
      close(surfaces.heatmap(estimate::clean).fine()[at], p["E64_xhat"]);
      close(surfaces.heatmap(estimate::clean).coarse()[at], p["E32_xhat"]);
      close(surfaces.heatmap(estimate::noise).fine()[at], p["E64_eps"]);
      close(surfaces.heatmap(estimate::noise).coarse()[at], p["E32_eps"]);
    }
  }
}

/// The cheapest path over a lattice has the path KL that its cost says, and less than the diagonal.
BOOST_AUTO_TEST_CASE(the_cheapest_path_diverges_least) {
  const auto image = stationary_haar<2>(power_law_spectrum(16, 2));
  const cosine_schedule schedule;
  const heatmap_axis axis = log_snr_axis(schedule, 25, std::exp(-5), std::exp(7));
  const error_heatmap<2> losses = exact_surfaces<2>(image, axis).losses();
  const auto found = find_cheapest_path<2>(path_kl_cost<2>(losses), 8);
  const auto along = snr_of(found.cells, losses);
  const double information = surface_at(image, along.back()).information -
                             surface_at(image, along.front()).information;
  BOOST_TEST(found.cost - information == path_divergence(image, along),
             boost::test_tools::tolerance(1e-9));
  snr_path<2> diagonal;
  for (std::size_t i = 0; i <= 24; i += 3) diagonal.push_back({axis.gamma[i], axis.gamma[i]});
  BOOST_TEST(path_divergence(image, along) < 0.95 * path_divergence(image, diagonal));

  // Of a short step that is the quadratic cost.
  const heatmap_axis lattice{{0.5, 0.51}, {1, 0}};
  const auto slopes = exact_surfaces<2>(image, lattice).loss_slopes();
  const auto step = find_cheapest_path<2>(quadratic_cost<2>(lattice.gamma, slopes), 1);
  BOOST_TEST(step.cost == path_divergence(image, snr_path<2>{{0.5, 0.5}, {0.51, 0.51}}),
             boost::test_tools::tolerance(5e-3));
}

/// Losses that are measured on images of the field are the exact ones, within what few images tell.
BOOST_AUTO_TEST_CASE(measured_losses_are_the_exact_ones) {
  using image = tensor<xtensor_backend, double>;
  const cosine_schedule schedule;
  const heatmap_axis axis = log_snr_axis(schedule, 3);
  // White noise of variance ¼ is the field of exponent 0.
  const image clean = axpby(0.5, normal_noise<image>({64, 1, 8, 8}, {3, purpose::initial_noise}, 0), 0,
                            zeros<image>({64, 1, 8, 8}));
  const gaussian_field denoise(schedule, 8, 0);
  // The levels at which it is measured are those of whole timesteps.
  heatmap_axis at = axis;
  for (std::size_t i = 0; i < 3; ++i) at.gamma[i] = snr(schedule, at.timesteps[i]);
  const auto exact = exact_surfaces<2>(stationary_copies<2>(power_law_spectrum(8, 0)), at).losses();
  const auto measured = compute_error_heatmap(denoise, schedule, clean, axis,
                                              {.error = heatmap_error::loss, .batch_size = 50});
  BOOST_TEST(measured.error[0][1].empty());
  for (std::size_t s = 0; s < 2; ++s)
    for (std::size_t i = 0; i < 9; ++i) {
      const double error = measured.standard_error[s][s].values()[i];
      const double off = measured.of(s).values()[i] - exact.of(s).values()[i];
      BOOST_TEST(std::abs(off) < 4 * error, "scale " << s << ", cell " << i << ": off by " << off);
      BOOST_TEST(error < 0.1 * exact.of(s).values()[i]);
    }
}

BOOST_AUTO_TEST_SUITE_END()
