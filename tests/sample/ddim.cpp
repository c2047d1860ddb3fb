// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <lift/sample/sample.hpp>
#include <lift/schedule/zero_terminal_snr.hpp>

#include "closed_form.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(ddim_tests)

using namespace lift;
using namespace lift::test;

namespace {

const cosine_schedule schedule;
const auto denoise = closed_form_denoiser<tensor_d>(schedule);
const shape fine_shape{2, 3, 8, 8}, coarse_shape{2, 3, 4, 4};

tensor_d noise(const shape& s, std::uint32_t scale, std::uint32_t step = 0,
               purpose use = purpose::initial_noise, std::uint64_t seed = 42) {
  return normal_noise<tensor_d>(s, {seed, use, scale, step}, 0);
}
scales<tensor_d> unit_noise() { return {noise(fine_shape, 0), noise(coarse_shape, 1)}; }

/// The reference's step, written out element by element.
struct plain_ddim {
  double eta;
  bool clip;
  std::vector<double> denoised;

  void operator()(std::vector<double>& x, const std::vector<double>& predicted_noise,
                  const std::vector<double>& fresh_noise, double here, double next) {
    const double sigma = eta * std::sqrt((1 - next) / (1 - here) * (1 - here / next));
    denoised.resize(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      double x0 = (x[i] - std::sqrt(1 - here) * predicted_noise[i]) / std::sqrt(here);
      if (clip) x0 = std::clamp(x0, -1.0, 1.0);
      denoised[i] = x0;
      const double epsilon = (x[i] - std::sqrt(here) * x0) / std::sqrt(1 - here);
      x[i] = std::sqrt(next) * x0 + std::sqrt(1 - next - sigma * sigma) * epsilon +
             sigma * fresh_noise[i];
    }
  }
};

using one_image = scales<tensor_d, 1>;
using one_timestep = scales<timesteps, 1>;

double largest_difference(const tensor_d& a, const std::vector<double>& b) {
  const auto host = a.to_host();
  double largest = 0;
  for (std::size_t i = 0; i < host.size(); ++i)
    largest = std::max(largest, std::abs(host[i] - b.at(i)));
  return largest;
}

}  // namespace

/// Repeated timesteps on either scale, a scale that ends at 0 early, η and clipping on and off.
BOOST_AUTO_TEST_CASE(trajectories_equal_the_formula_written_out) {
  const timestep_path<> path{{999, 980}, {900, 980}, {700, 600}, {700, 300}, {300, 0}, {20, 0}};
  for (const double eta : {0.0, 0.3, 1.0})
    for (const bool clip : {true, false})
      for (const auto land : {landing::clean, landing::timestep_zero}) {
        const std::uint64_t seed = 7;
        plain_ddim fine_step{eta, clip, {}}, coarse_step{eta, clip, {}};
        const auto start = unit_noise();
        std::vector<double> fine = start.fine().to_host(), coarse = start.coarse().to_host();
        std::size_t seen = 0;
        const auto check = [&](const sampling_step<tensor_d>& got) {
          const std::size_t i = seen++;
          BOOST_TEST(got.index == i);
          BOOST_TEST(got.count == path.size());
          const auto y = denoise.network(
              scales{tensor_d(fine_shape, fine), tensor_d(coarse_shape, coarse)},
              scales{timesteps{path[i].fine()}, timesteps{path[i].coarse()}});
          const auto alpha_bar = [&](std::size_t at, std::size_t scale) {
            if (at < path.size())
              return schedule.alpha_bar(static_cast<std::size_t>(path[at][scale]));
            return land == landing::clean ? 1 : schedule.alpha_bar(0);
          };
          const auto fresh_noise = [&](const shape& s, std::uint32_t scale) {
            return noise(s, scale, static_cast<std::uint32_t>(i), purpose::step_noise, seed)
                .to_host();
          };
          fine_step(fine, y.fine().to_host(), fresh_noise(fine_shape, 0), alpha_bar(i, 0),
                    alpha_bar(i + 1, 0));
          coarse_step(coarse, y.coarse().to_host(), fresh_noise(coarse_shape, 1), alpha_bar(i, 1),
                      alpha_bar(i + 1, 1));
          BOOST_TEST(largest_difference(got.x.fine(), fine) < 1e-12);
          BOOST_TEST(largest_difference(got.x.coarse(), coarse) < 1e-12);
          BOOST_TEST(largest_difference(got.denoised.fine(), fine_step.denoised) < 1e-12);
          BOOST_TEST(largest_difference(got.denoised.coarse(), coarse_step.denoised) < 1e-12);
        };
        const auto x = sample(denoise, schedule, path, start,
                              {.solver = {eta},
                               .clip = clip ? clipping::fixed : clipping::none,
                               .landing = land,
                               .seed = seed},
                              check);
        BOOST_TEST(seen == path.size());
        BOOST_TEST(largest_difference(x.fine(), fine) < 1e-12);
      }
}

BOOST_AUTO_TEST_CASE(a_repeated_timestep_leaves_the_sample_unchanged) {
  const auto start = unit_noise();
  std::vector<std::vector<double>> coarse;
  sample(denoise, schedule, {{900, 500}, {600, 500}, {300, 200}}, start,
         {.solver = {.eta = 1}}, [&](const sampling_step<tensor_d>& step) {
           coarse.push_back(step.x.coarse().to_host());
         });
  BOOST_TEST((coarse[0] == start.coarse().to_host()));
  BOOST_TEST((coarse[1] != coarse[0]));
}

BOOST_AUTO_TEST_CASE(landings) {
  const timestep_path<> path{{900, 800}, {400, 300}, {0, 0}};
  std::vector<scales<tensor_d>> x, denoised;
  const auto keep = [&](const sampling_step<tensor_d>& step) {
    x.push_back(step.x);
    denoised.push_back(step.denoised);
  };
  // On clean the sample is the last x̂₀.
  const auto clean = sample(denoise, schedule, path, unit_noise(), {}, keep);
  BOOST_TEST(largest_difference(clean.fine(), denoised[2].fine().to_host()) < 1e-14);
  BOOST_TEST(largest_difference(clean.coarse(), denoised[2].coarse().to_host()) < 1e-14);
  // On timestep 0, where this path already is, the last evaluation does nothing.
  x.clear();
  const auto zero = sample(denoise, schedule, path, unit_noise(),
                           sampling_options<>::reference(), keep);
  BOOST_TEST((zero.fine().to_host() == x[1].fine().to_host()));
  BOOST_TEST((zero.coarse().to_host() == x[1].coarse().to_host()));
  BOOST_TEST(largest_difference(zero.fine(), clean.fine().to_host()) > 1e-4);
}

/// With pixels x₀ ~ N(0, ¼) and the exact posterior mean, everything stays Gaussian and the
/// variance after each step is known: v' = (a + b·r)²·v + σ², x̂₀ = r·x.
BOOST_AUTO_TEST_CASE(variance_of_stochastic_sampling) {
  const auto noise_of = [](const one_image& x, const one_timestep& t) {
    return scales{scaled(x.fine(), gaussian_noise_share(alpha_bar_at(schedule, t.fine()[0])))};
  };
  const model exact{noise_of, predicts_noise{}, schedule};
  const shape s{64, 3, 32, 32};
  const timestep_path<1> path{{980}, {700}, {400}, {150}};
  for (const double eta : {0.5, 1.0}) {
    double v = 1;
    const auto check = [&](const sampling_step<tensor_d, 1>& step) {
      const double here = alpha_bar_at(schedule, path[step.index].fine());
      const bool lands = step.index + 1 == path.size();
      const double next = lands ? 1 : alpha_bar_at(schedule, path[step.index + 1].fine());
      const double sigma = eta * std::sqrt((1 - next) / (1 - here) * (1 - here / next));
      const double r = 0.25 * std::sqrt(here) / (0.25 * here + 1 - here);
      const double a = std::sqrt(1 - next - sigma * sigma) / std::sqrt(1 - here);
      const double share = std::sqrt(next) * r + a * (1 - std::sqrt(here) * r);
      v = share * share * v + sigma * sigma;
      const auto n = static_cast<double>(s.size());
      const double sample_variance = squared_norm(step.x.fine()) / n;
      BOOST_TEST(std::abs(sample_variance - v) < 5 * v * std::sqrt(2 / n));
    };
    sample(exact, schedule, path, scales{noise(s, 0)},
           {.solver = {.eta = eta}, .clip = clipping::none}, check);
    BOOST_TEST(v < 0.25);  // x̂₀ has less variance than x₀
    BOOST_TEST(v > 0.05);
  }
}

/// The same network told in three ways gives the same samples.
BOOST_AUTO_TEST_CASE(predictions) {
  const timestep_path<1> path{{980}, {700}, {400}, {150}};
  const auto alpha_bar = [](const one_timestep& t) { return alpha_bar_at(schedule, t.fine()[0]); };
  const auto noise_of = [&](const one_image& x, const one_timestep& t) {
    return scales{scaled(x.fine(), gaussian_noise_share(alpha_bar(t)))};
  };
  const auto clean_of = [&](const one_image& x, const one_timestep& t) {
    const combination c = predicts_noise::clean(alpha_bar(t));
    return scales{axpby(c.a, x.fine(), c.b, noise_of(x, t).fine())};
  };
  const auto velocity_of = [&](const one_image& x, const one_timestep& t) {
    const combination c = predicts_velocity::target(alpha_bar(t));
    return scales{axpby(c.a, clean_of(x, t).fine(), c.b, noise_of(x, t).fine())};
  };
  const auto sampled = [&](const auto& predict, const prediction& predicted) {
    return sample(model{predict, predicted, schedule}, schedule, path,
                  scales{noise(fine_shape, 0)})
        .fine();
  };
  const auto want = sampled(noise_of, predicts_noise{}).to_host();
  BOOST_TEST(largest_difference(sampled(clean_of, predicts_clean{}), want) < 1e-12);
  BOOST_TEST(largest_difference(sampled(velocity_of, predicts_velocity{}), want) < 1e-12);
  // A denoiser needs no model.
  BOOST_TEST(largest_difference(
                 sample(clean_of, schedule, path, scales{noise(fine_shape, 0)}).fine(), want) <
             1e-12);
}

/// At ᾱ = 0 a predicted velocity or x̂₀ gives a step; predicted noise cannot, and says so.
BOOST_AUTO_TEST_CASE(pure_noise) {
  const auto flat = zero_terminal_snr(schedule);
  const auto half = [](const one_image& x, const one_timestep&) {
    return scales{scaled(x.fine(), -0.5)};
  };
  const scales start{noise(fine_shape, 0)};
  const auto x = sample(model{half, predicts_velocity{}, flat}, flat, {{999}}, start,
                        {.clip = clipping::none});
  BOOST_TEST(largest_difference(x.fine(), scaled(start.fine(), 0.5).to_host()) < 1e-15);
  BOOST_CHECK_THROW(sample(model{half, predicts_noise{}, flat}, flat, {{999}}, start), error);
}

BOOST_AUTO_TEST_CASE(misuse) {
  const auto run = [](const timestep_path<>& path, sampling_options<> options = {}) {
    return sample(denoise, schedule, path, unit_noise(), options);
  };
  BOOST_CHECK_NO_THROW(run({{999, 999}}));
  BOOST_CHECK_THROW(run({}), error);
  BOOST_CHECK_THROW(run({{1000, 999}}), error);
  BOOST_CHECK_THROW(run({{999, 1000}}), error);
  BOOST_CHECK_THROW(run({{500, 500}, {501, 400}}), error);
  BOOST_CHECK_THROW(run({{500, 500}, {400, 501}}), error);
  for (const double eta : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    BOOST_CHECK_THROW(run({{500, 500}}, {.solver = {eta}}), error);

  const scales start{noise(fine_shape, 0)};
  const auto broken = [](const one_image& x, const one_timestep&) {
    return scales{full<tensor_d>(x.fine().shape(), std::numeric_limits<double>::quiet_NaN())};
  };
  BOOST_CHECK_THROW(sample(broken, schedule, {{500}}, start), error);
  const auto breaks = [&](const one_image& x, const one_timestep& t) {
    return t.fine()[0] < 500 ? broken(x, t) : x;
  };
  BOOST_TEST(
      message_of([&] { sample(breaks, schedule, {{900}, {500}, {300}, {100}}, start); })
          .starts_with("squared norm of the denoised fine images at timestep 300: got "));
  const auto smaller = [](const one_image& x, const one_timestep&) {
    return scales{coarsen(x.fine())};
  };
  BOOST_CHECK_THROW(sample(smaller, schedule, {{500}}, start), error);
  BOOST_CHECK_THROW(sample(smaller, schedule, {}, start), error);
}

BOOST_AUTO_TEST_SUITE_END()
