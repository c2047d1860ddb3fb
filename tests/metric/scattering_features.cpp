// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include <Eigen/Dense>

#include <lift/core/error.hpp>
#include <lift/metric/frechet.hpp>
#include <lift/metric/scattering_features.hpp>

#include "corruption.hpp"

BOOST_AUTO_TEST_SUITE(scattering_features_tests)

namespace {

using corruption::image_set;

// A striped disc near the middle, lit from above, in front of a background with a smooth gradient.
image_set draw_discs(std::size_t count, std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  const auto uniform = [&](float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random);
  };
  image_set images{count, size};
  for (std::size_t n = 0; n < count; ++n) {
    const float cx = uniform(0.4F, 0.6F), cy = uniform(0.45F, 0.7F), radius = uniform(0.2F, 0.4F);
    const float angle = uniform(0, 3.14F), frequency = uniform(15, 60), depth = uniform(0, 0.4F);
    const float edge = uniform(0.01F, 0.05F), slope = uniform(0, 0.5F);
    const std::array<float, 3> disc{uniform(0, 0.6F), uniform(-0.3F, 0.3F), uniform(-0.5F, 0.1F)};
    const std::array<float, 3> back{uniform(-0.6F, 0), uniform(-0.3F, 0.3F), uniform(-0.1F, 0.5F)};
    for (std::size_t y = 0; y < size; ++y)
      for (std::size_t x = 0; x < size; ++x) {
        const float u = (static_cast<float>(x) + 0.5F) / static_cast<float>(size);
        const float v = (static_cast<float>(y) + 0.5F) / static_cast<float>(size);
        const float inside = 1 / (1 + std::exp((std::hypot(u - cx, v - cy) - radius) / edge));
        const float stripes =
            depth * std::sin(frequency * (u * std::cos(angle) + v * std::sin(angle)));
        for (std::size_t c = 0; c < 3; ++c)
          images.image(n)[(c * size + y) * size + x] =
              std::clamp(inside * (disc[c] + stripes) + (1 - inside) * back[c] +
                             slope * (0.5F - v) + uniform(-0.02F, 0.02F),
                         -1.0F, 1.0F);
      }
  }
  return images;
}

const lift::scattering_features extractor;

}  // namespace

BOOST_AUTO_TEST_CASE(dimension_follows_the_size) {
  for (const std::array<std::size_t, 3> expected : {std::array<std::size_t, 3>{16, 16, 93},
                                                    {17, 31, 93},
                                                    {32, 48, 129},
                                                    {64, 64, 174},
                                                    {128, 128, 228},
                                                    {160, 130, 228}}) {
    const auto [height, width, dimension] = expected;
    BOOST_TEST(extractor.dimension(height, width) == dimension);
    const std::vector<float> values(2 * 3 * height * width, 0.5F);
    const Eigen::MatrixXf features = extractor({values, 2, 3, height, width});
    BOOST_TEST(static_cast<std::size_t>(features.cols()) == dimension);
    BOOST_TEST(features.allFinite());
  }
}

// A grey ramp across the columns: its mean, its one non-zero wavelet amplitude (half a step per
// pixel, doubling with each level), and nothing else.
BOOST_AUTO_TEST_CASE(features_of_a_ramp) {
  constexpr std::size_t size = 16;
  image_set ramp{1, size};
  for (std::size_t i = 0; i < ramp.values.size(); ++i)
    ramp.values[i] = 0.02F * static_cast<float>(i % size);
  const Eigen::MatrixXf row = extractor(ramp.view());
  const float silence = 1.5F * std::log(0.004F);
  for (Eigen::Index cell = 0; cell < 16; ++cell) {
    BOOST_TEST(row(0, cell) == 2 * 0.02F * (1.5F + 4 * static_cast<float>(cell % 4)),
               boost::test_tools::tolerance(1e-5F));
    BOOST_TEST(std::abs(row(0, 16 + cell)) < 1e-5F);
    BOOST_TEST(std::abs(row(0, 32 + cell)) < 1e-5F);
  }
  constexpr Eigen::Index second_of_columns = 48 + 4, level_1 = 48 + 3 * (4 + 3) + 6;
  for (Eigen::Index cell = 0; cell < 4; ++cell) {
    BOOST_TEST(row(0, 48 + cell) == 1.5F * std::log(0.004F + 0.01F),
               boost::test_tools::tolerance(1e-4F));
    BOOST_TEST(row(0, level_1 + cell) == 1.5F * std::log(0.004F + 0.02F),
               boost::test_tools::tolerance(1e-4F));
    BOOST_TEST(row(0, level_1 + 4 + cell) == silence, boost::test_tools::tolerance(1e-4F));
  }
  for (Eigen::Index i = 0; i < 3; ++i)
    BOOST_TEST(row(0, second_of_columns + i) == 3 * std::log(0.004F / 0.014F),
               boost::test_tools::tolerance(1e-4F));
}

BOOST_AUTO_TEST_CASE(each_image_stands_alone) {
  const image_set images = draw_discs(5, 24, 7);
  const Eigen::MatrixXf together = extractor(images.view());
  for (std::size_t n = 0; n < images.count; ++n)
    BOOST_TEST((extractor(images.view().part(n, 1)) == together.row(static_cast<Eigen::Index>(n))));
}

BOOST_AUTO_TEST_CASE(images_that_cannot_be_measured) {
  const std::vector<float> values(3 * 16 * 16);
  BOOST_CHECK_THROW(extractor({values, 3, 1, 16, 16}), lift::error);
  BOOST_CHECK_THROW(extractor({values, 1, 3, 8, 32}), lift::error);
  BOOST_CHECK_THROW(extractor({values, 2, 3, 16, 16}), lift::error);
  const lift::image_batch_view alone{values, 1, 3, 16, 16};
  BOOST_CHECK_THROW(lift::frechet_distance(extractor, alone, alone), lift::error);
  std::vector<float> broken = values;
  broken[100] = std::nanf("");
  BOOST_CHECK_THROW(lift::fit_features(extractor, {broken, 1, 3, 16, 16}), lift::error);
}

// Every way to spoil images moves them away from real ones, further with each grade, and its
// strongest grade well above what two halves of the real images differ by.
BOOST_AUTO_TEST_CASE(good_and_bad_samples) {
  const image_set half = draw_discs(400, 32, 1), other = draw_discs(400, 32, 2);
  const lift::gaussian real = lift::fit_features(extractor, half.view()).result();
  const auto distance = [&](const image_set& images) {
    return lift::frechet_distance(real, lift::fit_features(extractor, images.view()).result());
  };
  const double between_halves = distance(other);
  for (const auto& family : corruption::families()) {
    double nearer = between_halves;
    for (const double grade : family.grades) {
      const double farther = distance(family.apply(other, grade));
      BOOST_TEST_INFO(family.name << " " << grade);
      BOOST_TEST(farther > nearer);
      nearer = farther;
    }
    BOOST_TEST_INFO(family.name);
    BOOST_TEST(nearer > 4 * between_halves);
  }
}

BOOST_AUTO_TEST_SUITE_END()
