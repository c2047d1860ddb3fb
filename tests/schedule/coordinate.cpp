// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <type_traits>

#include <lift/schedule/coordinate.hpp>

BOOST_AUTO_TEST_SUITE(coordinate_tests)

namespace {

// x_t = √(γ/(1 + γ))·x₀ + √(1/(1 + γ))·ε.
double x_t(double snr, double image, double noise) {
  return (std::sqrt(snr) * image + noise) / std::sqrt(1 + snr);
}

}  // namespace

// The factor is the square of the scale s in x_t = s·z.
BOOST_AUTO_TEST_CASE(factors_follow_from_their_coordinates) {
  for (double snr : {0.01, 0.3, 1.0, 7.0, 100.0}) {
    const double image = 0.4, noise = -1.3;
    const double localisation = snr * image + std::sqrt(snr) * noise;
    const double unit_noise = std::sqrt(snr) * image + noise;
    BOOST_TEST(lift::stochastic_localisation().factor(snr) ==
                   std::pow(x_t(snr, image, noise) / localisation, 2),
               boost::test_tools::tolerance(1e-12));
    BOOST_TEST(lift::unit_noise().factor(snr) == std::pow(x_t(snr, image, noise) / unit_noise, 2),
               boost::test_tools::tolerance(1e-12));
  }
}

// E‖dx_t/dλ‖² for independent image and noise of unit variance, by central differences in λ.
BOOST_AUTO_TEST_CASE(log_snr_factor_is_the_mean_squared_speed) {
  for (double snr : {0.01, 0.3, 1.0, 7.0, 100.0}) {
    const double h = 1e-5;
    const auto speed = [=](double image, double noise) {
      const auto at = [=](double log_snr) { return x_t(snr * std::exp(log_snr), image, noise); };
      return (at(h) - at(-h)) / (2 * h);
    };
    BOOST_TEST(lift::log_snr_coordinate().factor(snr) ==
                   std::pow(speed(1, 0), 2) + std::pow(speed(0, 1), 2),
               boost::test_tools::tolerance(1e-7));
    BOOST_TEST(lift::denoised_log_snr_coordinate().factor(snr) * snr ==
                   lift::log_snr_coordinate().factor(snr),
               boost::test_tools::tolerance(1e-12));
  }
}

BOOST_AUTO_TEST_CASE(names) {
  BOOST_TEST(lift::make_coordinate("localisation").factor(3) == 1.0 / 12);
  BOOST_TEST(lift::make_coordinate("unit-noise").factor(3) == 1.0 / 4);
  BOOST_TEST(lift::make_coordinate("log-snr").factor(3) == 3.0 / 64);
  BOOST_TEST(lift::make_coordinate("denoised-log-snr").factor(3) == 1.0 / 64);
  BOOST_TEST(lift::make_coordinate("none").factor(3) == 1);
  BOOST_TEST(lift::any_coordinate{}.factor(3) == 1.0 / 12);
  BOOST_CHECK_EXCEPTION(lift::make_coordinate("snr"), lift::error, [](const lift::error& e) {
    return std::string(e.what()) == "unknown coordinate: got \"snr\", want one of localisation, "
                                    "unit-noise, log-snr, denoised-log-snr, none";
  });
}

BOOST_AUTO_TEST_CASE(any_coordinate_is_made_of_ones_own) {
  struct own {
    double factor(double snr) const { return 2 * snr; }
  };
  struct with_state {
    double scale;
    double factor(double snr) const { return scale * snr; }
  };
  BOOST_TEST(lift::any_coordinate(own{}).factor(3) == 6);
  static_assert(!std::is_constructible_v<lift::any_coordinate, with_state>);
  static_assert(!std::is_constructible_v<lift::any_coordinate, double>);
}

BOOST_AUTO_TEST_SUITE_END()
