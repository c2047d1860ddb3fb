// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/exact/exact_distance.hpp>
#include <lift/model/gaussian_field.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/path/fit_path.hpp>
#include <lift/path/log_snr_spacing.hpp>
#include <lift/path/resample_path.hpp>
#include <lift/path/select_steps.hpp>
#include <lift/sample/dpm_solver.hpp>
#include <lift/sample/generate.hpp>
#include <lift/sample/truncation_errors.hpp>
#include <lift/schedule/cosine.hpp>

#include "closed_form.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(truncation_errors_tests)

using namespace lift;
using namespace lift::test;

namespace {

const cosine_schedule schedule;
constexpr std::size_t n = 8;

/// All deterministic, without clipping.
template <class Solver>
sampling_options<Solver> with(const Solver& solver, landing land = landing::clean) {
  return {.solver = solver, .clip = clipping::none, .landing = land};
}

scales<tensor_d> noises(std::size_t images) { return initial_noises<tensor_d, 2>({images, 1, n, n}); }

template <std::size_t N = 2>
timestep_path<N> even_log_snrs(std::size_t steps, double first, double last) {
  timestep_path<N> path;
  for (std::size_t k = 0; k < steps; ++k) {
    const double level = first + (last - first) * static_cast<double>(k) / static_cast<double>(steps);
    path.push_back(make_scales<N>([&](std::size_t) { return timestep_from_log_snr(schedule, level); }));
  }
  return path;
}

/// The coarse scale runs ahead.
timestep_path<> two_clocks(std::size_t steps) {
  return resample_path(timestep_path<>{{999, 999}, {700, 500}, {400, 200}, {100, 100}}, steps);
}

double mean_square(const scales<tensor_d>& a, const scales<tensor_d>& b) {
  double sum = 0, elements = 0;
  for (std::size_t s = 0; s < 2; ++s) {
    sum += squared_norm(axpby(1, a[s], -1, b[s]));
    elements += static_cast<double>(a[s].size());
  }
  return sum / elements;
}

/// Pixels of one scale that are independent Gaussians of that variance.
struct pixels_of {
  double variance;
  scales<tensor_d, 1> operator()(const scales<tensor_d, 1>& x, const scales<timesteps, 1>& t) const {
    const double a = alpha_bar_at(schedule, t.fine().at(0));
    return {scaled(x.fine(), std::sqrt(a) * variance / (a * variance + 1 - a))};
  }
};

}  // namespace

/// Step by step: the denoiser at x_i, the noise in x_i, and both put together for ᾱ_j.
BOOST_AUTO_TEST_CASE(the_table_is_the_definition) {
  const auto denoise = closed_form_denoiser<tensor_d>(schedule);
  const timestep_path<> path = two_clocks(7);
  for (const landing land : {landing::clean, landing::timestep_zero}) {
    const auto along = reference_trajectory(denoise, schedule, path, noises(2), with(dpm_solver{2}, land));
    BOOST_TEST(along.size() == 7);
    BOOST_TEST(along.x.size() == 8);
    const scales<tensor_d> made = sample(denoise, schedule, path, noises(2), with(dpm_solver{2}, land));
    BOOST_TEST(mean_square(along.x.back(), made) == 0);
    for (const scales<double>& weights : {scales<double>{1, 1}, scales<double>{1, 0}, scales<double>{2, 3}}) {
      const grid<2> errors = truncation_errors(along, weights);
      for (std::size_t i = 0; i <= 7; ++i)
        for (std::size_t j = 0; j <= 7; ++j) {
          if (j <= i) {
            BOOST_TEST(errors(i, j) == 0);
            continue;
          }
          const auto denoised = denoise(along.x[i], {timesteps{path[i].fine()}, timesteps{path[i].coarse()}});
          double sum = 0, elements = 0;
          for (std::size_t s = 0; s < 2; ++s) {
            const double a = alpha_bar_at(schedule, path[i][s]);
            const double b = j < 7                   ? alpha_bar_at(schedule, path[j][s])
                             : land == landing::clean ? 1
                                                      : schedule.alpha_bar(0);
            const auto x = along.x[i][s].to_host(), x0 = denoised[s].to_host(), want = along.x[j][s].to_host();
            for (std::size_t k = 0; k < x.size(); ++k) {
              const double noise = (x[k] - std::sqrt(a) * x0[k]) / std::sqrt(1 - a);
              const double off = std::sqrt(b) * x0[k] + std::sqrt(1 - b) * noise - want[k];
              sum += weights[s] * off * off;
              elements += weights[s];
            }
          }
          BOOST_TEST(std::abs(errors(i, j) - sum / elements) < 1e-14);
        }
    }
  }
}

/// What DDIM made itself is no error of DDIM's.
BOOST_AUTO_TEST_CASE(steps_of_ddim_along_its_own_trajectory_err_by_nothing) {
  const auto errors = truncation_errors(reference_trajectory(closed_form_denoiser<tensor_d>(schedule), schedule,
                                                             two_clocks(9), noises(1), with(ddim{})));
  for (std::size_t i = 0; i < 9; ++i) BOOST_TEST(errors(i, i + 1) == 0);
  BOOST_TEST(errors(0, 2) > 1e-6);
}

/// Of second order in λ: a step twice as long errs by four times as much, by sixteen as a square.
BOOST_AUTO_TEST_CASE(errors_grow_with_the_square_of_a_step) {
  const auto errors = truncation_errors(reference_trajectory(
      gaussian_field(schedule, n), schedule, even_log_snrs(48, -1, -0.52), noises(2), with(dpm_solver{2})));
  for (const std::size_t from : {8u, 16u, 24u})
    for (const std::size_t length : {4u, 8u}) {
      const double ratio = errors(from, from + 2 * length) / errors(from, from + length);
      BOOST_TEST(std::abs(ratio - 16) < 1.6, ratio);
    }
}

/// A sample along the way is what is made times √((ᾱ·S + 1 − ᾱ)/S), and so is an error in it; for S = 1 it
/// lasts as it is.
BOOST_AUTO_TEST_CASE(errors_last_as_the_unit_says) {
  const timestep_path<1> path = even_log_snrs<1>(200, log_snr(schedule, 999), log_snr(schedule, 0));
  for (const double variance : {1.0, 0.25}) {
    const auto along = reference_trajectory(pixels_of{variance}, schedule, path,
                                            scales<tensor_d, 1>{initial_noise<tensor_d>({1, 1, 2, 2}, 0)},
                                            with(dpm_solver{2}));
    const double end = along.x.back().fine().to_host()[0];
    for (std::size_t i = 0; i < along.size(); ++i) {
      const double a = along.alpha_bars[i].fine();
      BOOST_TEST(along.x[i].fine().to_host()[0] == end * std::sqrt((a * variance + 1 - a) / variance),
                 boost::test_tools::tolerance(2e-3));
    }
  }
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  const auto along = reference_trajectory(closed_form_denoiser<tensor_d>(schedule), schedule, two_clocks(2),
                                          noises(1), with(ddim{}));
  BOOST_TEST(message_of([&] { truncation_errors(along, {1, -1}); }) ==
             "weight of the coarse scale: got -1, want 0 or more");
  BOOST_TEST(message_of([&] { truncation_errors(along, {0, 0}); }) ==
             "weights of the scales: got 0, want one above 0");
  BOOST_CHECK_THROW(reference_trajectory(closed_form_denoiser<tensor_d>(schedule), schedule, timestep_path<>{},
                                         noises(1)),
                    error);
}

namespace {

const exact_sampler<2>& exact_field() {
  static const exact_sampler<2> sampler(stationary_copies<2>(power_law_spectrum(n, 2)));
  return sampler;
}

/// The exact squared Wasserstein distance of what DDIM makes of unit noise, landing at timestep 0.
double distance_of(const std::vector<scales<double>>& alpha_bars) {
  return exact_field().wasserstein(exact_field().follow(alpha_bars, ddim{}, sampling_start::unit_noise));
}
double distance_along(const timestep_path<>& path) {
  return distance_of(alpha_bars_along(schedule, path, landing::timestep_zero));
}

}  // namespace

/// On one clock, where they are nearly as good as the best spacing there is, and better than those that errors of
/// x/√ᾱ choose; and along a path of two clocks.
BOOST_AUTO_TEST_CASE(selected_steps_are_better_than_even_ones) {
  const gaussian_field denoise(schedule, n);
  const scales<tensor_d> noise = noises(4);
  const log_snr_diagonal policy;
  for (const bool one_clock : {true, false}) {
    const timestep_path<> fine = one_clock ? policy(error_heatmap<>{}, schedule, 100) : two_clocks(100);
    const auto along =
        reference_trajectory(denoise, schedule, fine, noise, with(dpm_solver{2}, landing::timestep_zero));
    const grid<2> errors = truncation_errors(along);
    for (const std::size_t steps : {6u, 10u}) {
      const timestep_path<> chosen = select_steps(fine, errors, steps);
      BOOST_TEST(chosen.size() == steps);
      BOOST_TEST((chosen[0] == fine[0]));
      const timestep_path<> even =
          one_clock ? diagonal{}(error_heatmap<>{}, schedule, steps) : two_clocks(steps);
      const auto off = [&](const timestep_path<>& path) {
        return mean_square(sample(denoise, schedule, path, noise, with(ddim{}, landing::timestep_zero)),
                           along.x.back());
      };
      const double exact = distance_along(chosen), of_even = distance_along(even);
      BOOST_TEST_MESSAGE((one_clock ? "one clock, " : "two clocks, ")
                         << steps << " steps: " << of_even << " -> " << exact << ", from the fine run "
                         << off(even) << " -> " << off(chosen));
      BOOST_TEST(exact < of_even);
      BOOST_TEST(off(chosen) < off(even));
      if (!one_clock) continue;
      grid<2> unscaled = errors;
      for (std::size_t i = 0; i < 100; ++i)
        for (std::size_t j = i + 1; j <= 100; ++j) unscaled(i, j) /= along.alpha_bars[j].fine();
      BOOST_TEST(exact < distance_along(select_steps(fine, unscaled, steps)));
      std::vector<scales<double>> levels =
          mapped_path(policy(error_heatmap<>{}, schedule, steps), [](double t) { return log_snr_at(schedule, t); });
      levels.push_back({log_snr(schedule, 0), log_snr(schedule, 0)});
      const auto best = optimise_path(
          levels,
          [](const std::vector<scales<double>>& at) {
            return distance_of(mapped_path(at, [](double level) { return alpha_bar_from_log_snr(level); }));
          },
          {.tolerance = 1e-5, .one_clock = true});
      BOOST_TEST(exact < 1.02 * best.cost);
    }
  }
}

/// Against the same fine run: the fit is nearer than where it starts from, with two clocks than with one.
BOOST_AUTO_TEST_CASE(fitted_paths_come_near_to_a_fine_run) {
  const gaussian_field denoise(schedule, n);
  const scales<tensor_d> noise = noises(2);
  const log_snr_diagonal policy;
  const auto fine = sample(denoise, schedule, policy(error_heatmap<>{}, schedule, 60), noise, with(dpm_solver{2}));
  const auto check = [&](const auto& solver, const char* name) {
    const auto distance = [&](const timestep_path<>& path) {
      return mean_square(sample(denoise, schedule, path, noise, with(solver)), fine);
    };
    const timestep_path<> guess = policy(error_heatmap<>{}, schedule, 5);
    const search_options search{.most_steps = 20, .tolerance = 1e-4, .one_clock = true};
    const auto one = fit_path(schedule, guess, distance, search);
    search_options free = search;
    free.one_clock = false;
    const auto two = fit_path(schedule, one.path, distance, free);
    BOOST_TEST_MESSAGE(name << ": " << distance(guess) << " -> " << one.distance << " -> " << two.distance);
    BOOST_TEST(one.distance == distance(one.path), boost::test_tools::tolerance(1e-6));
    BOOST_TEST(one.distance < 0.7 * distance(guess));
    BOOST_TEST(two.distance <= one.distance);
    for (const auto& at : one.path) BOOST_TEST(at.fine() == at.coarse());
  };
  check(ddim{}, "DDIM");
  check(dpm_solver{2}, "DPM-Solver++(2M)");
}

BOOST_AUTO_TEST_SUITE_END()
