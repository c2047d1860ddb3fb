// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/metric/denoising_error.hpp>
#include <lift/schedule/cosine.hpp>

#include "own_schedule.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(denoising_error_tests)

using namespace lift;
using namespace lift::test;

namespace {

const cosine_schedule schedule;

/// Predicts the same noise everywhere.
struct constant {
  double value;
  template <std::size_t N>
  scales<tensor_d, N> operator()(const scales<tensor_d, N>& x, const scales<timesteps, N>&) const {
    return make_scales<N>(
        [&](std::size_t scale) { return full<tensor_d>(x[scale].shape(), value); });
  }
};

/// Knows the images, black, and so the noise of any noisy one.
struct clairvoyant {
  scales<tensor_d> operator()(const scales<tensor_d>& x, const scales<timesteps>& t) const {
    return make_scales<2>([&](std::size_t scale) {
      const double alpha_bar = schedule.alpha_bar(static_cast<std::size_t>(t[scale][0]));
      return scaled(x[scale], 1 / std::sqrt(1 - alpha_bar));
    });
  }
};

/// The errors of something that predicts the noise, on the cosine schedule.
template <std::size_t N = 2, class Network>
denoising_errors<N> measure(const Network& network, const tensor_d& clean,
                            const denoising_error_options& options = {}) {
  return measure_denoising_errors<N>(model{network, predicts_noise{}, schedule}, schedule, clean,
                                     options);
}

}  // namespace

BOOST_AUTO_TEST_CASE(knowing_the_noise_leaves_no_error) {
  const auto errors = measure(clairvoyant{}, zeros<tensor_d>({5, 3, 8, 8}));
  for (const denoising_error<>& e : {errors.all_noisy, errors.one_clean[1], errors.one_clean[0]})
    for (const sample_mean& m : {e.of[0], e.of[1], e.mean}) BOOST_CHECK_LT(m.mean, 1e-25);
}

// Against a constant c the error is the mean of (ε − c)²: 1 + c² with noise, c² without.
BOOST_AUTO_TEST_CASE(a_clean_scale_has_no_noise_to_find) {
  const auto clean = uniform_noise<tensor_d>({500, 3, 8, 8}, {.seed = 3}, 0, 1);
  const auto errors = measure(constant{0.5}, clean);
  const auto noisy = [](const sample_mean& m, double want) {
    BOOST_CHECK_LT(std::abs(m.mean - want), 4 * m.standard_error);
    BOOST_CHECK_LT(m.standard_error, 0.02);
    BOOST_CHECK_GT(m.standard_error, 0);
  };
  const auto exact = [](const sample_mean& m, double want) {
    BOOST_TEST(m.mean == want, boost::test_tools::tolerance(1e-14));
  };
  noisy(errors.all_noisy.of[0], 1.25);
  noisy(errors.all_noisy.of[1], 1.25);
  noisy(errors.all_noisy.mean, 1.25);
  noisy(errors.one_clean[1].of[0], 1.25);
  exact(errors.one_clean[1].of[1], 0.25);
  noisy(errors.one_clean[1].mean, 0.75);
  exact(errors.one_clean[0].of[0], 0.25);
  noisy(errors.one_clean[0].of[1], 1.25);
  noisy(errors.one_clean[0].mean, 0.75);
  BOOST_TEST(errors.one_clean[1].of[0].mean == errors.all_noisy.of[0].mean);

  for (const std::size_t batch_size : {1u, 7u}) {
    const auto again = measure(constant{0.5}, clean, {.batch_size = batch_size});
    BOOST_TEST(again.all_noisy.of[0].mean == errors.all_noisy.of[0].mean);
    BOOST_TEST(again.one_clean[0].of[1].standard_error == errors.one_clean[0].of[1].standard_error);
  }
}

// x̂₀ = c against black images errs by c², whatever is noisy; what is shown comes back clean or noisy.
BOOST_AUTO_TEST_CASE(the_error_of_the_clean_image) {
  const auto black = zeros<tensor_d>({40, 3, 8, 8});
  const auto all = [&](const auto& denoise, const tensor_d& clean) {
    return measure_denoising_errors(denoise, schedule, clean, {.wanted = estimate::clean});
  };
  const auto errors = all(constant{0.5}, black);
  for (const denoising_error<>& e : {errors.all_noisy, errors.one_clean[1], errors.one_clean[0]})
    for (const sample_mean& m : {e.of[0], e.of[1], e.mean}) BOOST_TEST(m.mean == 0.25);

  const auto images = uniform_noise<tensor_d>({40, 3, 8, 8}, {.seed = 3}, 0, 1);
  const auto shown = all([](const scales<tensor_d>& x, const scales<timesteps>&) { return x; }, images);
  BOOST_TEST(shown.one_clean[1].of[1].mean == 0);
  BOOST_TEST(shown.one_clean[0].of[0].mean == 0);
  BOOST_TEST(shown.one_clean[1].of[0].mean == shown.all_noisy.of[0].mean);
  BOOST_TEST(shown.all_noisy.of[0].mean > 0.1);
}

BOOST_AUTO_TEST_CASE(one_scale_and_three) {
  const auto clean = uniform_noise<tensor_d>({500, 3, 8, 8}, {.seed = 3}, 0, 1);
  const auto near = [](const sample_mean& m, double want) {
    BOOST_CHECK_LT(std::abs(m.mean - want), std::max(4 * m.standard_error, 1e-14));
  };
  const auto three = measure<3>(constant{0.5}, clean);
  near(three.all_noisy.mean, 1.25);
  for (std::size_t of = 0; of < 3; ++of) {
    near(three.all_noisy.of[of], 1.25);
    for (std::size_t shown = 0; shown < 3; ++shown)
      near(three.one_clean[shown].of[of], of == shown ? 0.25 : 1.25);
    near(three.one_clean[of].mean, (1.25 + 1.25 + 0.25) / 3);
  }
  const auto single = measure<1>(constant{0.5}, clean);
  near(single.all_noisy.of[0], 1.25);
  near(single.one_clean[0].of[0], 0.25);
  BOOST_TEST(single.all_noisy.mean.mean == single.all_noisy.of[0].mean);
}

BOOST_AUTO_TEST_CASE(what_the_denoiser_is_shown) {
  const auto clean = uniform_noise<tensor_d>({3, 3, 8, 8}, {.seed = 3}, 0, 1);
  std::vector<std::pair<double, double>> seen;
  std::vector<double> distance_fine, distance_coarse;
  const auto watch = [&](const scales<tensor_d>& x, const scales<timesteps>& t) {
    seen.emplace_back(t.fine()[0], t.coarse()[0]);
    distance_fine.push_back(relative_l2(x.fine(), clean));
    distance_coarse.push_back(relative_l2(x.coarse(), coarsen(clean)));
    return x;
  };
  measure(watch, clean, {.timestep = 300});
  using pair = std::pair<double, double>;
  BOOST_CHECK((seen == std::vector{pair{300, 300}, pair{300, 0}, pair{0, 300}}));
  BOOST_CHECK(distance_fine[0] > 0.1 && distance_fine[1] > 0.1 && distance_fine[2] == 0);
  BOOST_CHECK(distance_coarse[0] > 0.1 && distance_coarse[1] == 0 && distance_coarse[2] > 0.1);
}

BOOST_AUTO_TEST_CASE(nothing_to_measure_is_refused) {
  BOOST_CHECK_THROW(measure(constant{0}, tensor_d()), error);
  const auto clean = zeros<tensor_d>({1, 3, 8, 8});
  BOOST_CHECK_THROW(measure(constant{0}, clean, {.timestep = 1000}), error);
  BOOST_CHECK_THROW(measure(constant{0}, clean, {.batch_size = 0}), error);
  BOOST_TEST(wrong_refusals([&](const own_schedule& bad) {
               measure_denoising_errors(constant{0}, bad, clean, {.timestep = 0});
             }) == "");
}

BOOST_AUTO_TEST_SUITE_END()
