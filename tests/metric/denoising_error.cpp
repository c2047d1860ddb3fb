// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE denoising_error
#include <boost/test/unit_test.hpp>

#include <lift/backend/xtensor_backend.hpp>
#include <lift/metric/denoising_error.hpp>
#include <lift/schedule/cosine.hpp>

#include "own_schedule.hpp"
#include "tensors.hpp"

using namespace lift;
using namespace lift::test;

namespace {

/// Predicts the same number everywhere.
struct constant {
  double value;
  scales<tensor_d> operator()(const tensor_d& f, const tensor_d& c, const timesteps&,
                              const timesteps&) const {
    return {full<tensor_d>(f.shape(), value), full<tensor_d>(c.shape(), value)};
  }
};

/// Knows the images, black, and so the noise of any noisy one.
struct clairvoyant {
  cosine_schedule schedule;
  scales<tensor_d> operator()(const tensor_d& f, const tensor_d& c, const timesteps& t_fine,
                              const timesteps& t_coarse) const {
    const auto noise = [&](const tensor_d& x, const timesteps& t) {
      return scaled(x, 1 / std::sqrt(1 - schedule.alpha_bar(static_cast<std::size_t>(t[0]))));
    };
    return {noise(f, t_fine), noise(c, t_coarse)};
  }
};

const cosine_schedule schedule;

}  // namespace

BOOST_AUTO_TEST_CASE(knowing_the_noise_leaves_no_error) {
  const auto errors =
      measure_denoising_errors(clairvoyant{schedule}, schedule, zeros<tensor_d>({5, 3, 8, 8}));
  for (const denoising_error& e : {errors.both_noisy, errors.coarse_clean, errors.fine_clean})
    for (const sample_mean& m : {e.fine, e.coarse, e.mean}) BOOST_CHECK_LT(m.mean, 1e-25);
}

// Against a constant c the error is the mean of (ε − c)²: 1 + c² with noise, c² without.
BOOST_AUTO_TEST_CASE(a_clean_scale_has_no_noise_to_find) {
  const auto clean = uniform_noise<tensor_d>({500, 3, 8, 8}, {.seed = 3}, 0, 1);
  const auto errors = measure_denoising_errors(constant{0.5}, schedule, clean);
  const auto noisy = [](const sample_mean& m, double want) {
    BOOST_CHECK_LT(std::abs(m.mean - want), 4 * m.standard_error);
    BOOST_CHECK_LT(m.standard_error, 0.02);
    BOOST_CHECK_GT(m.standard_error, 0);
  };
  const auto exact = [](const sample_mean& m, double want) {
    BOOST_TEST(m.mean == want, boost::test_tools::tolerance(1e-14));
  };
  noisy(errors.both_noisy.fine, 1.25);
  noisy(errors.both_noisy.coarse, 1.25);
  noisy(errors.both_noisy.mean, 1.25);
  noisy(errors.coarse_clean.fine, 1.25);
  exact(errors.coarse_clean.coarse, 0.25);
  noisy(errors.coarse_clean.mean, 0.75);
  exact(errors.fine_clean.fine, 0.25);
  noisy(errors.fine_clean.coarse, 1.25);
  noisy(errors.fine_clean.mean, 0.75);
  BOOST_TEST(errors.coarse_clean.fine.mean == errors.both_noisy.fine.mean);

  for (const std::size_t batch_size : {1u, 7u}) {
    const auto again =
        measure_denoising_errors(constant{0.5}, schedule, clean, {.batch_size = batch_size});
    BOOST_TEST(again.both_noisy.fine.mean == errors.both_noisy.fine.mean);
    BOOST_TEST(again.fine_clean.coarse.standard_error == errors.fine_clean.coarse.standard_error);
  }
}

BOOST_AUTO_TEST_CASE(what_the_denoiser_is_shown) {
  const auto clean = uniform_noise<tensor_d>({3, 3, 8, 8}, {.seed = 3}, 0, 1);
  std::vector<std::pair<double, double>> seen;
  std::vector<double> distance_fine, distance_coarse;
  const auto watch = [&](const tensor_d& f, const tensor_d& c, const timesteps& t_fine,
                         const timesteps& t_coarse) {
    seen.emplace_back(t_fine[0], t_coarse[0]);
    distance_fine.push_back(relative_l2(f, clean));
    distance_coarse.push_back(relative_l2(c, coarsen(clean)));
    return scales{f, c};
  };
  measure_denoising_errors(watch, schedule, clean, {.timestep = 300});
  using pair = std::pair<double, double>;
  BOOST_CHECK((seen == std::vector{pair{300, 300}, pair{300, 0}, pair{0, 300}}));
  BOOST_CHECK(distance_fine[0] > 0.1 && distance_fine[1] > 0.1 && distance_fine[2] == 0);
  BOOST_CHECK(distance_coarse[0] > 0.1 && distance_coarse[1] == 0 && distance_coarse[2] > 0.1);
}

BOOST_AUTO_TEST_CASE(nothing_to_measure_is_refused) {
  BOOST_CHECK_THROW(measure_denoising_errors(constant{0}, schedule, tensor_d()), error);
  const auto clean = zeros<tensor_d>({1, 3, 8, 8});
  BOOST_CHECK_THROW(measure_denoising_errors(constant{0}, schedule, clean, {.timestep = 1000}),
                    error);
  BOOST_CHECK_THROW(measure_denoising_errors(constant{0}, schedule, clean, {.batch_size = 0}),
                    error);
  BOOST_TEST(wrong_refusals([&](const own_schedule& bad) {
               measure_denoising_errors(constant{0}, bad, clean, {.timestep = 0});
             }) == "");
}
