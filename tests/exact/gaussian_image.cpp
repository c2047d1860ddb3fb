// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <numbers>

#include <lift/exact/gaussian_image.hpp>

#include "exact/dense_field.hpp"
#include "golden.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(gaussian_image_tests)

using namespace lift;
using namespace lift::test;

namespace {

void check_close(double got, double want, double relative = 1e-10) {
  BOOST_TEST(std::abs(got - want) <= relative * std::abs(want) + 1e-25, got << ", want " << want);
}

template <std::size_t N>
void check_same(const gaussian_image<N>& got, const gaussian_image<N>& want) {
  check_close(got.dimension(), want.dimension());
  check_close(got.total_variance(), want.total_variance());
  for (const double base : {0.05, 1.0, 20.0}) {
    const auto snr = make_scales<N>([&](std::size_t s) { return base * std::pow(3.0, s); });
    const gaussian_surface<N> a = surface_at(got, snr), b = surface_at(want, snr);
    check_close(a.information, b.information);
    for (std::size_t s = 0; s < N; ++s) {
      check_close(a.mse[s], b.mse[s]);
      for (std::size_t t = 0; t < N; ++t) {
        check_close(a.denoised[s][t], b.denoised[s][t]);
        check_close(a.noise[s][t], b.noise[s][t]);
      }
    }
  }
}

/// A spectrum that no symmetry but S(−k) = S(k) holds for.
power_spectrum skewed(std::size_t n) {
  power_spectrum spectrum = power_law_spectrum(n, 2);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(2 * i + j) / static_cast<double>(n);
      spectrum.power[i * n + j] *= 1.5 + std::cos(angle) + 0.3 * std::sin(angle) * std::sin(3 * angle);
    }
  return spectrum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(surfaces_are_the_golden_ones) {
  const nlohmann::json golden = golden_json("oracle.json");
  for (const auto& c : golden["cases"]) {
    const std::size_t n = c["n"];
    const auto image = stationary_copies<2>(power_law_spectrum(n, c["beta"]));
    check_close(image.total_variance(), c["trace"]);
    const double fine = std::pow(static_cast<double>(n), 4), coarse = fine / 16;
    for (const auto& p : c["points"]) {
      const scales<double> snr{p["snr64"], p["snr32"]};
      const auto at = surface_at(image, snr);
      check_close(at.mse.fine(), p["mmse64"]);
      check_close(at.mse.coarse(), p["mmse32"]);
      check_close(at.information, p["info_nats"]);
      check_close(at.denoised[0][0] / fine, p["E64_xhat"]);
      check_close(at.denoised[1][1] / coarse, p["E32_xhat"]);
      check_close(at.noise[0][0] / (snr.fine() * fine), p["E64_eps"]);
      check_close(at.noise[1][1] / (snr.coarse() * coarse), p["E32_eps"]);
    }
  }
}

/// Blocks of frequencies are what linear algebra on pixels gives, for any spectrum.
BOOST_AUTO_TEST_CASE(blocks_are_all_of_the_image) {
  for (const power_spectrum& spectrum : {power_law_spectrum(8, 2), skewed(8)}) {
    check_same(stationary_copies<1>(spectrum), dense_copies<1>(spectrum));
    check_same(stationary_copies<2>(spectrum), dense_copies<2>(spectrum));
    check_same(stationary_copies<3>(spectrum), dense_copies<3>(spectrum));
    check_same(stationary_haar<2>(spectrum), dense_haar<2>(spectrum));
    check_same(stationary_haar<3>(spectrum), dense_haar<3>(spectrum));
  }
  BOOST_TEST(stationary_copies<2>(power_law_spectrum(64, 2)).blocks.size() == 153u);
}

/// ∂I/∂γ_s = ½·mse_s and −∂mse_s/∂γ_t = ‖Cov(x_s, x_t | z)‖²_F.
BOOST_AUTO_TEST_CASE(derivatives_of_the_information) {
  const auto image = stationary_copies<3>(skewed(8));
  const scales<double, 3> snr{0.7, 2, 5};
  const auto at = surface_at(image, snr);
  for (std::size_t t = 0; t < 3; ++t) {
    const double h = 1e-4 * snr[t];
    scales<double, 3> less = snr, more = snr;
    less[t] -= h, more[t] += h;
    const auto a = surface_at(image, less), b = surface_at(image, more);
    check_close((b.information - a.information) / (2 * h), 0.5 * at.mse[t], 1e-6);
    for (std::size_t s = 0; s < 3; ++s)
      check_close((a.mse[s] - b.mse[s]) / (2 * h), at.denoised[s][t], 1e-6);
  }
}

/// Knowing nothing, a scale's error is its variance.
BOOST_AUTO_TEST_CASE(without_a_view) {
  const auto at = surface_at(stationary_haar<2>(power_law_spectrum(16, 3)), scales<double>{0, 0});
  BOOST_TEST(std::abs(at.information) < 1e-12);
  check_close(at.mse.fine() + at.mse.coarse(), 64);
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  BOOST_TEST(message_of([] { stationary_copies<3>(power_law_spectrum(6, 2)); }) ==
             "side of a power spectrum: got 6, want a multiple of 4");
  BOOST_TEST(message_of([] { power_law_spectrum(0, 2); }) ==
             "side of a power spectrum: got 0, want at least 1");
  BOOST_TEST(message_of([] { power_law_spectrum(4, 2, -1); }) ==
             "variance of a pixel: got -1, want a positive number");
  power_spectrum hole = power_law_spectrum(4, 2);
  hole.power[5] = 0;
  BOOST_TEST(message_of([&] { stationary_haar<2>(hole); }) ==
             "power of a frequency: got 0, want a positive number");
  const auto image = stationary_copies<1>(power_law_spectrum(4, 2));
  BOOST_TEST(message_of([&] { surface_at(image, scales<double, 1>{-1}); }) ==
             "SNR of a Gaussian image: got -1, want a finite number from 0");
}

BOOST_AUTO_TEST_SUITE_END()
