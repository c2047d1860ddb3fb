// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <random>
#include <vector>

#include <lift/model/power_spectrum.hpp>

#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(power_spectrum_tests)

using namespace lift;
using test::message_of;

namespace {

/// Planes of 8×8 pixels: white noise, shifted by a mean image, and a wave of random height along the rows.
spectrum_estimate estimate_of(std::size_t planes, double wave) {
  std::mt19937 random(5);
  std::normal_distribution<double> unit;
  spectrum_estimate estimate(8);
  for (std::size_t i = 0; i < planes; ++i) {
    const double height = wave * unit(random);
    std::vector<float> plane(64);
    for (std::size_t p = 0; p < 64; ++p) {
      const double angle = 2 * std::numbers::pi * 3 * static_cast<double>(p / 8) / 8;
      plane[p] = static_cast<float>(0.1 * static_cast<double>(p) + height * std::cos(angle) + unit(random));
    }
    estimate.add(plane);
  }
  return estimate;
}

}  // namespace

/// White noise of variance 1 has power 1 at every frequency; a wave of variance h²/2 a pixel adds its 64
/// pixels' to the two frequencies ±3; a mean image adds nothing.
BOOST_AUTO_TEST_CASE(the_power_of_known_images) {
  const power_spectrum white = estimate_of(4000, 0).result(), with = estimate_of(4000, 2).result();
  BOOST_TEST(white.total() == 64.0, boost::test_tools::tolerance(0.02));
  for (std::size_t k = 0; k < 64; ++k) {
    BOOST_TEST(white.power[k] == 1.0, boost::test_tools::tolerance(0.15));
    const bool wave = k == 3 * 8 || k == 5 * 8;
    BOOST_TEST(with.power[k] == (wave ? 1 + 64.0 : 1.0), boost::test_tools::tolerance(0.15));
  }
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  BOOST_TEST(message_of([] { spectrum_estimate(0); }) == "side of a power spectrum: got 0, want at least 1");
  BOOST_TEST(message_of([] { spectrum_estimate(2).add(std::vector<float>(3)); }) ==
             "pixels of a plane: got 3, want 4");
  BOOST_TEST(message_of([] { estimate_of(1, 0).result(); }) ==
             "planes to estimate a power spectrum of: got 1, want at least 2");
  spectrum_estimate alike(1);
  alike.add(std::vector<float>{1});
  alike.add(std::vector<float>{1});
  BOOST_TEST(message_of([&] { alike.result(); }) ==
             "power of frequency (0, 0): got 0, want a positive number");
}

BOOST_AUTO_TEST_SUITE_END()
