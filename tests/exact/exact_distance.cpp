// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include <lift/exact/exact_distance.hpp>
#include <lift/sample/churned_heun.hpp>
#include <lift/sample/ddim.hpp>
#include <lift/sample/dpm_solver.hpp>
#include <lift/sample/dpm_solver_2s.hpp>
#include <lift/sample/heun.hpp>
#include <lift/sample/localisation_euler.hpp>
#include <lift/sample/sde_dpm_solver.hpp>
#include <lift/sample/uni_pc.hpp>
#include <lift/schedule/cosine.hpp>

#include "exact/dense_field.hpp"
#include "golden.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(exact_distance_tests)

using namespace lift;
using namespace lift::test;

namespace {

/// The golden distances were made by a formula that loses digits of small ones.
void check_close(double got, double want, double relative = 1e-10, double absolute = 2e-12) {
  BOOST_TEST(std::abs(got - want) <= relative * std::abs(want) + absolute,
             got << ", want " << want << ", off by " << std::abs(got / want - 1));
}

template <std::size_t N>
std::vector<scales<double, N>> alpha_bars_of(const std::vector<scales<double, N>>& log_snrs) {
  std::vector<scales<double, N>> path;
  for (const auto& levels : log_snrs)
    path.push_back(make_scales<N>([&](std::size_t s) { return alpha_bar_from_log_snr(levels[s]); }));
  return path;
}

/// The paths of solvers.json, of two scales.
std::vector<scales<double>> golden_path(const nlohmann::json& c) {
  const double first = c["first"], last = c["last"];
  const std::size_t steps = c["N"];
  const std::string name = c["path"];
  std::vector<scales<double>> levels;
  for (std::size_t i = 0; i <= steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(steps);
    const double level = first + (last - first) * (name == "power07" ? std::pow(share, 0.7) : share);
    double shift = name == "coarse_ahead" ? 2 : name == "coarse_behind" ? -1.5 : 0;
    if (i == 0 || i == steps) shift = 0;
    levels.push_back({level, std::clamp(level + shift, first, last)});
  }
  return alpha_bars_of(levels);
}

/// How far it is from the image that a sampler makes by the solver of that name.
gaussian_distance distance_by(const std::string& solver, const exact_sampler<2>& sampler,
                              const std::vector<scales<double>>& path, sampling_start start) {
  const auto by = [&](const exact_sampler<2>::solver& solve) {
    return sampler.distance(sampler.follow(path, solve, start));
  };
  if (solver == "ddim") return by(ddim{});
  if (solver == "ddim_eta1") return by(ddim{1});
  if (solver == "2m") return by(dpm_solver{2});
  BOOST_REQUIRE_EQUAL(solver, "heun");
  return by(heun{});
}

sampling_start start_of(const nlohmann::json& c) {
  return c["start"] == "noise" ? sampling_start::unit_noise : sampling_start::exact_marginal;
}

}  // namespace

BOOST_AUTO_TEST_CASE(distances_are_the_golden_ones) {
  const nlohmann::json golden = golden_json("solvers.json");
  for (const auto& c : golden["cases"]) {
    const power_spectrum spectrum = power_law_spectrum(c["n"], c["beta"]);
    const exact_sampler<2> copies(stationary_copies<2>(spectrum)), haar(stationary_haar<2>(spectrum));
    for (const auto& want : c["copies"])
      BOOST_TEST_CONTEXT(want.dump()) {
        const auto got = distance_by(want["solver"], copies, golden_path(want), start_of(want));
        check_close(got.wasserstein, want["relW2"]);
        check_close(got.divergence, want["kl"], 1e-9);
      }
    for (const auto& want : c["haar"])
      BOOST_TEST_CONTEXT("haar " << want.dump())
        check_close(distance_by(want["solver"], haar, golden_path(want), start_of(want)).wasserstein,
                    want["relW2"]);
  }
}

/// Whole paths of the reference's kind, of two scales and of one, with the divergence of stochastic
/// sampling.
BOOST_AUTO_TEST_CASE(paths_are_the_golden_ones) {
  const nlohmann::json golden = golden_json("oracle.json");
  const double first = golden["schedule"]["logsnr_t999"], last = golden["schedule"]["logsnr_t0"];
  const cosine_schedule schedule;
  for (const auto& c : golden["cases"]) {
    const power_spectrum spectrum = power_law_spectrum(c["n"], c["beta"]);
    const auto two = stationary_copies<2>(spectrum);
    const auto one = stationary_copies<1>(spectrum);
    for (const auto& want : c["paths"]) {
      const std::size_t steps = want["N"];
      const std::string name = want["name"];
      std::vector<scales<double>> levels;
      if (name == "diag_seed_uniform_t") {
        for (std::size_t t = 0; t < 1000; t += 1000 / steps)
          levels.insert(levels.begin(), {log_snr(schedule, t), log_snr(schedule, t)});
      } else {
        for (std::size_t i = 0; i <= steps; ++i) {
          const double share = static_cast<double>(i) / static_cast<double>(steps);
          const double level = first + (last - first) * share;
          const double ahead = name == "coarse_plus2" && i > 0 ? 2 : 0;
          levels.push_back({level, std::min(level + ahead, last)});
        }
      }
      const auto check = [&]<std::size_t N>(const gaussian_image<N>& image,
                                            const std::vector<scales<double, N>>& log_snrs) {
        const auto path = alpha_bars_of(log_snrs);
        const auto noise = exact_distance(image, path, ddim{}, sampling_start::unit_noise);
        const auto exact = exact_distance(image, path, ddim{}, sampling_start::exact_marginal);
        std::vector<scales<double, N>> snr;
        for (const auto& at : log_snrs)
          snr.push_back(make_scales<N>([&](std::size_t s) { return std::exp(at[s]); }));
        // The schedule of the library is the reference's, in float32.
        const double within = name == "diag_seed_uniform_t" ? 3e-6 : 1e-9;
        check_close(noise.wasserstein, want["relW2_noise"], within);
        check_close(noise.divergence, want["KLdim_noise"], within);
        check_close(exact.wasserstein, want["relW2_exact"], within);
        check_close(exact.divergence, want["KLdim_exact"], within);
        check_close(path_divergence(image, snr), want["SL_pathKL_nats"], within);
      };
      BOOST_TEST_CONTEXT(want.dump()) {
        if (name == "single_uniform_logsnr") {
          std::vector<scales<double, 1>> fine;
          for (const auto& at : levels) fine.push_back({at.fine()});
          check(one, fine);
        } else {
          check(two, levels);
        }
      }
    }
  }
}

namespace {

/// A path of N scales from −5 to 6, each with a course of its own, whose first and last steps are short:
/// solvers of high order begin and end with a lower one.
template <std::size_t N>
std::vector<scales<double, N>> smooth_path(std::size_t steps) {
  std::vector<scales<double, N>> levels;
  for (std::size_t i = 0; i <= steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(steps);
    const double u = (1 - std::cos(std::numbers::pi * share)) / 2;
    levels.push_back(make_scales<N>(
        [&](std::size_t s) { return -5 + 11 * u + 2 * static_cast<double>(s) * u * (1 - u); }));
  }
  return alpha_bars_of(levels);
}

using response = exact_sampler<2>::response;

template <class Solver>
scales<response> made(const gaussian_image<2>& image, std::size_t steps, const Solver& solver) {
  return exact_sampler<2>(image).follow(smooth_path<2>(steps), solver, sampling_start::exact_marginal);
}

double difference(const response& a, const response& b) {
  const auto x = a.to_host(), y = b.to_host();
  double off = 0, size = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    off += (x[i] - y[i]) * (x[i] - y[i]), size += y[i] * y[i];
  return std::sqrt(off / size);
}

}  // namespace

/// Doubling the steps divides the error of a sample by 2 to the order; UniPC's corrector adds one.
BOOST_AUTO_TEST_CASE(orders_of_convergence) {
  const auto image = stationary_copies<2>(power_law_spectrum(8, 2));
  const scales<response> truth = made(image, 2048, uni_pc{3});
  const auto check = [&](const std::string& name, const auto& solver, double order, double within) {
    const auto coarse = made(image, 128, solver), fine = made(image, 256, solver);
    for (std::size_t s = 0; s < 2; ++s) {
      const double observed =
          std::log2(difference(coarse[s], truth[s]) / difference(fine[s], truth[s]));
      BOOST_TEST(std::abs(observed - order) <= within, name << ", scale " << s << ": order " << observed);
    }
  };
  check("DDIM", ddim{}, 1, 0.15);
  check("Heun", heun{}, 2, 0.15);
  check("DPM-Solver++(2S)", dpm_solver_2s{}, 2, 0.15);
  check("DPM-Solver++(2S), 0.3", dpm_solver_2s{0.3}, 2, 0.15);
  for (std::size_t order = 1; order <= 3; ++order)
    check(text("DPM-Solver++ ", order), dpm_solver{order}, static_cast<double>(order), 0.15);
  for (const auto variant : {uni_pc_variant::bh1, uni_pc_variant::bh2, uni_pc_variant::exact})
    for (std::size_t order = 1; order <= 3; ++order)
      check(text("UniPC ", order), uni_pc{order, variant}, static_cast<double>(order) + 1, 0.3);
}

/// Of first order DPM-Solver++ is DDIM; the Euler step of localisation is the ancestral one.
BOOST_AUTO_TEST_CASE(solvers_that_are_the_same) {
  const auto image = stationary_haar<2>(power_law_spectrum(8, 2));
  const auto path = smooth_path<2>(12);
  const auto same = [&](const auto& a, const auto& b) {
    const auto x = exact_distance(image, path, a), y = exact_distance(image, path, b);
    check_close(x.wasserstein, y.wasserstein, 1e-11, 0);
    check_close(x.divergence, y.divergence, 1e-11, 0);
  };
  same(dpm_solver{1}, ddim{});
  same(localisation_euler{}, ddim{1});
  same(churned_heun{.churn = 0}, heun{});
}

namespace {

/// The first step too: what it begins with is no fresh noise.
struct churned_from_the_first : churned_heun {
  template <class Tensor, std::size_t N>
  void renoise(solver_step<Tensor, N>& step) const {
    step.first = make_scales<N>([](std::size_t) { return 0.0; });
    churned_heun::renoise(step);
  }
};

}  // namespace

/// Noise that is put back keeps what was the exact marginal so: the step is then one from there.
BOOST_AUTO_TEST_CASE(noise_that_is_put_back_is_of_the_marginal) {
  const auto image = stationary_copies<2>(power_law_spectrum(8, 2));
  const exact_sampler<2> sampler(image);
  const double here = 0.5, raised = 0.4;  // ᾱ
  const double by = std::sqrt((1 - raised) / raised * here / (1 - here)) - 1;
  BOOST_REQUIRE_LT(by, std::numbers::sqrt2 - 1);
  churned_from_the_first solver;
  solver.churn = by;  // all of it in one step
  solver.scale = 1;
  const auto churned = sampler.distance(
      sampler.follow({{here, here}, {0.9, 0.9}}, solver, sampling_start::exact_marginal));
  const auto plain = sampler.distance(
      sampler.follow({{raised, raised}, {0.9, 0.9}}, heun{}, sampling_start::exact_marginal));
  check_close(churned.wasserstein, plain.wasserstein, 1e-10, 0);
  check_close(churned.divergence, plain.divergence, 1e-10, 0);
}

/// Stochastic solvers come to the truth as the steps get short.
BOOST_AUTO_TEST_CASE(stochastic_solvers_converge) {
  const auto image = stationary_copies<2>(power_law_spectrum(8, 2));
  const auto off = [&](const auto& solver, std::size_t steps) {
    auto path = smooth_path<2>(steps);
    path.push_back({1, 1});
    return exact_distance(image, path, solver, sampling_start::exact_marginal).wasserstein;
  };
  // The error of a sample's covariance is of the solver's order, and the distance that squared.
  const double first = off(localisation_euler{}, 64) / off(localisation_euler{}, 128);
  BOOST_TEST((first > 3 && first < 5), first);
  BOOST_TEST(off(sde_dpm_solver{}, 64) < 0.1 * off(localisation_euler{}, 64));
  const churned_heun churned{.churn = 10, .scale = 1};
  const double second = off(churned, 16) / off(churned, 32);
  BOOST_TEST((second > 10 && second < 20), second);
}

/// Pixels of dense linear algebra, for every solver, any number of scales and both pyramids.
BOOST_AUTO_TEST_CASE(blocks_are_all_of_the_image) {
  const power_spectrum spectrum = power_law_spectrum(8, 2);
  const auto check = [&]<std::size_t N>(const gaussian_image<N>& blocks, const gaussian_image<N>& dense,
                                        const std::vector<typename exact_sampler<N>::solver>& solvers) {
    const exact_sampler<N> by_block(blocks), whole(dense);
    const auto path = smooth_path<N>(4);
    for (const auto start : {sampling_start::unit_noise, sampling_start::exact_marginal})
      for (const auto& solver : solvers) {
        const auto x = by_block.distance(by_block.follow(path, solver, start));
        const auto y = whole.distance(whole.follow(path, solver, start));
        check_close(x.wasserstein, y.wasserstein, 1e-9, 0);
        check_close(x.divergence, y.divergence, 1e-9, 0);
      }
  };
  check(stationary_copies<1>(spectrum), dense_copies<1>(spectrum), {ddim{}, heun{}});
  check(stationary_copies<2>(spectrum), dense_copies<2>(spectrum),
        {ddim{}, ddim{0.5}, dpm_solver{3}, dpm_solver_2s{}, uni_pc{3}, heun{}, churned_heun{},
         sde_dpm_solver{}});
  check(stationary_haar<2>(spectrum), dense_haar<2>(spectrum), {ddim{}, dpm_solver{2}});
  check(stationary_haar<3>(spectrum), dense_haar<3>(spectrum), {dpm_solver{2}});
}

BOOST_AUTO_TEST_CASE(a_short_path) {
  const auto field = stationary_copies<2>(power_law_spectrum(64, 2));
  const std::vector<scales<double>> path{{0.01, 0.01}, {0.2, 0.4}, {0.9, 0.95}, {0.9999, 0.9999}};
  const gaussian_distance off = exact_distance(field, path, uni_pc{});
  // The squared 2-Wasserstein distance over the total variance, and the KL divergence for each pixel.
  const double near = off.wasserstein, divergence = off.divergence;
  BOOST_TEST((near > 0.01 && near < 1), near);
  BOOST_TEST((divergence > 0.01 && divergence < 10), divergence);
}

BOOST_AUTO_TEST_CASE(faults_are_named) {
  const auto image = stationary_copies<1>(power_law_spectrum(4, 2));
  const auto message = [&](const std::vector<scales<double, 1>>& path) {
    return message_of([&] { exact_distance(image, path, ddim{}); });
  };
  BOOST_TEST(message({{0.5}}) == "number of points of a path: got 1, want at least 2");
  BOOST_TEST(message({{0.5}, {0.4}}) ==
             "signal power of point 1 of a path: got 0.4, want at least 0.5 and at most 1");
  BOOST_TEST(message({{1}, {1}}) ==
             "signal power of point 0 of a path: got 1, want at least 0 and below 1");
  BOOST_TEST(message_of([&] { exact_distance(image, {{0.1}, {0.5}}, dpm_solver{4}); }) ==
             "order of DPM-Solver++: got 4, want 1, 2 or 3");
}

BOOST_AUTO_TEST_SUITE_END()
