// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <lift/metric/frechet.hpp>
#include <lift/model/gaussian_field.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/sample/sample.hpp>
#include <lift/schedule/cosine.hpp>

#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(gaussian_field_tests)

using namespace lift;
using namespace lift::test;

namespace {

constexpr std::size_t n = 8, pixels = n * n, coarse_pixels = pixels / 4;

/// Covariance of the fine pixels: power ∝ 1/(|k|² + 1), pixel variance ¼.
Eigen::MatrixXd true_covariance() {
  const auto frequency = [](std::size_t k) { return static_cast<double>(k <= n / 2 ? k : n - k); };
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(pixels, pixels);
  for (std::size_t k = 0; k < pixels; ++k) {
    const double y = frequency(k / n), x = frequency(k % n), power = 1 / (y * y + x * x + 1);
    for (std::size_t p = 0; p < pixels; ++p)
      for (std::size_t q = 0; q < pixels; ++q) {
        const auto turns = static_cast<double>(k / n * (p / n + n - q / n) +
                                               k % n * (p % n + n - q % n));
        covariance(static_cast<int>(p), static_cast<int>(q)) +=
            power * std::cos(2 * std::numbers::pi * turns / static_cast<double>(n));
      }
  }
  return covariance * (0.25 * static_cast<double>(pixels) / covariance.trace());
}

/// Squared 2-Wasserstein distance from the field of what deterministic DDIM makes of unit noise,
/// over the total variance. DDIM is linear here, so its matrix is what it makes of unit vectors.
template <class Schedule>
double relative_distance(const Schedule& schedule, const timestep_path<>& path) {
  const std::size_t inputs = pixels + coarse_pixels;
  std::vector<double> fine(inputs * pixels), coarse(inputs * coarse_pixels);
  for (std::size_t i = 0; i < pixels; ++i) fine[i * pixels + i] = 1;
  for (std::size_t i = 0; i < coarse_pixels; ++i)
    coarse[(pixels + i) * coarse_pixels + i] = 1;
  const auto images = sample(
      gaussian_field(schedule, n), schedule, path,
      scales{tensor_d({inputs, 1, n, n}, fine), tensor_d({inputs, 1, n / 2, n / 2}, coarse)},
      {.clip = clipping::none, .landing = landing::timestep_zero});
  const auto made = images.fine().to_host();
  const Eigen::Map<const Eigen::MatrixXd> map(made.data(), pixels, static_cast<int>(inputs));
  const Eigen::VectorXd mean = Eigen::VectorXd::Zero(pixels);
  const gaussian truth{mean, true_covariance()};
  return frechet_distance({mean, map * map.transpose()}, truth) / truth.covariance.trace();
}

double golden_distance(const std::string& name, std::size_t steps) {
  const nlohmann::json paths = golden_json("oracle.json")["cases"][0]["paths"];
  for (const auto& path : paths)
    if (path["name"] == name && path["N"] == steps) return path["relW2_noise"];
  throw error(text("no path ", name));
}

}  // namespace

/// The oracle's schedule is in double, ours in float32 as the reference has it.
BOOST_AUTO_TEST_CASE(reference_diagonal) {
  for (const std::size_t steps : {10u, 18u, 50u}) {
    const cosine_schedule schedule;
    const double want = golden_distance("diag_seed_uniform_t", steps);
    const double got =
        relative_distance(schedule, diagonal::reference()({}, schedule, steps));
    BOOST_TEST(got == want, boost::test_tools::tolerance(1e-6));
  }
}

/// Uniform steps of λ, the coarse scale with the fine one or ahead of it by 2 between the ends.
BOOST_AUTO_TEST_CASE(uniform_log_snr) {
  const nlohmann::json ends = golden_json("oracle.json")["schedule"];
  const double begin = ends["logsnr_t999"], end = ends["logsnr_t0"];
  for (const double ahead : {0.0, 2.0})
    for (const std::size_t steps : {10u, 18u, 50u}) {
      std::vector<double> fine, coarse;
      for (std::size_t i = 0; i <= steps; ++i) {
        fine.push_back(begin + (end - begin) * static_cast<double>(i) / static_cast<double>(steps));
        coarse.push_back(i == 0 || i == steps ? fine[i] : std::min(fine[i] + ahead, end));
      }
      // A schedule whose timesteps are these nodes.
      std::vector<double> nodes = fine;
      nodes.insert(nodes.end(), coarse.begin(), coarse.end());
      std::sort(nodes.rbegin(), nodes.rend());
      std::vector<double> table;
      for (const double log_snr : nodes) table.push_back(alpha_bar_from_log_snr(log_snr));
      const auto timestep = [&](double log_snr) {
        return static_cast<double>(std::find(nodes.begin(), nodes.end(), log_snr) -
                                   nodes.begin());
      };
      timestep_path<> path;
      for (std::size_t i = 0; i < steps; ++i)
        path.push_back({timestep(fine[i]), timestep(coarse[i])});
      const double want =
          golden_distance(ahead > 0 ? "coarse_plus2" : "diag_uniform_logsnr", steps);
      BOOST_TEST(relative_distance(tabulated_schedule(table), path) == want,
                 boost::test_tools::tolerance(1e-8));
    }
}

BOOST_AUTO_TEST_SUITE_END()
