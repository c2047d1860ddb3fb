// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <lift/pyramid/copies.hpp>
#include <lift/sample/any_solver.hpp>
#include <lift/sample/churned_heun.hpp>
#include <lift/sample/dpm_solver.hpp>
#include <lift/sample/dpm_solver_2s.hpp>
#include <lift/sample/generate.hpp>
#include <lift/sample/heun.hpp>
#include <lift/sample/localisation_euler.hpp>
#include <lift/sample/sde_dpm_solver.hpp>
#include <lift/sample/suited_solver.hpp>
#include <lift/sample/uni_pc.hpp>
#include <lift/schedule/cosine.hpp>

#include "closed_form.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(solvers_tests)

using namespace lift;
using namespace lift::test;

namespace {

using dpm = dpm_solver;
static_assert(solver<heun, tensor_d, 1> && solver<heun, tensor_d, 3> && !stepper<heun, tensor_d>);
static_assert(starts_solver<dpm, tensor_d, 3> && !solver<dpm, tensor_d> && !stepper<dpm, tensor_d>);
static_assert(solver<dpm_solver_2s, tensor_d, 3> && !renoising_solver<dpm_solver_2s, tensor_d, 3>);
static_assert(solver<churned_heun, tensor_d, 3> && renoising_solver<churned_heun, tensor_d, 3>);
static_assert(stepper<ddim, tensor_d> && solver<each_scale<ddim>, tensor_d>);

const cosine_schedule schedule;

template <std::size_t N>
scales<tensor_d, N> unit_noise() {
  const scales<shape, N> shapes = copies{}.split<N>(shape{1, 3, 8, 8});
  return make_scales<N>([&](std::size_t s) {
    return initial_noise<tensor_d>(shapes[s], static_cast<std::uint32_t>(s));
  });
}

/// Variance of the pixels of each scale.
constexpr double variance[] = {0.25, 0.2, 0.15};

/// E[x₀ | x] of independent Gaussian pixels; with `leak`, each scale also sees its neighbours.
template <std::size_t N>
struct gaussian_pixels {
  double leak = 0;
  std::vector<scales<double, N>>* asked = nullptr;  ///< the timesteps of each evaluation

  scales<tensor_d, N> operator()(const scales<tensor_d, N>& x,
                                 const scales<timesteps, N>& t) const {
    if (asked) asked->push_back(make_scales<N>([&](std::size_t s) { return t[s].at(0); }));
    return make_scales<N>([&](std::size_t s) {
      const double a = alpha_bar_at(schedule, t[s].at(0));
      tensor_d y = scaled(x[s], std::sqrt(a) * variance[s] / (a * variance[s] + 1 - a));
      const auto add = [&](std::size_t neighbour, const tensor_d& seen) {
        const double theirs = alpha_bar_at(schedule, t[neighbour].at(0));
        y = axpby(1, y, leak * (1 - a) * std::sqrt(theirs), seen);
      };
      if (leak != 0 && s > 0) add(s - 1, coarsen(x[s - 1]));
      if (leak != 0 && s + 1 < N) add(s + 1, refine(x[s + 1]));
      return y;
    });
  }
};

/// Where the ODE takes a pixel of independent ones: √(σ² + variance) is what x/√ᾱ is a multiple of.
double exact_growth(std::size_t scale, double alpha_bar, double next) {
  const auto power = [&](double a) { return a * variance[scale] + 1 - a; };
  return std::sqrt(power(next) / power(alpha_bar));
}

/// The share of the way in λ that a scale has gone: each has a clock of its own.
double clock_of(std::size_t scale, double u) {
  const double bent[] = {0, 0.3, -0.4};
  return u + bent[scale] * u * (1 - u);
}
double start_of(std::size_t scale) { return std::array{-5.0, -4.0, -4.5}[scale]; }

/// N steps from a noisy λ to timestep 0, on every scale evenly in what its clock shows.
template <std::size_t N>
timestep_path<N> path_of(std::size_t steps) {
  const double end = log_snr(schedule, 0);
  timestep_path<N> path;
  for (std::size_t i = 0; i < steps; ++i) {
    const double u = static_cast<double>(i) / static_cast<double>(steps);
    path.push_back(make_scales<N>([&](std::size_t s) {
      const double way = end - start_of(s);
      return timestep_from_log_snr(schedule, start_of(s) + way * clock_of(s, u));
    }));
  }
  return path;
}

/// A deterministic run without clipping that ends at timestep 0.
template <std::size_t N, class Solver>
scales<tensor_d, N> run(const gaussian_pixels<N>& denoise, const timestep_path<N>& path,
                        const Solver& solver, landing land = landing::timestep_zero) {
  return sample(denoise, schedule, path, unit_noise<N>(),
                sampling_options<Solver>{.solver = solver, .clip = clipping::none, .landing = land});
}

template <std::size_t N>
double distance(const scales<tensor_d, N>& a, const scales<tensor_d, N>& b) {
  double largest = 0;
  for (std::size_t s = 0; s < N; ++s) largest = std::max(largest, relative_l2(a[s], b[s]));
  return largest;
}

/// log₂ of what doubling the steps divides the error of a scale by, which is to be about `order`.
template <std::size_t N, class Solver>
void check_order(const std::string& name, const gaussian_pixels<N>& denoise, const Solver& solver,
                 const scales<tensor_d, N>& exact, double order) {
  scales<std::vector<double>, N> errors;
  for (const std::size_t steps : {32u, 64u, 128u}) {
    const scales<tensor_d, N> got = run(denoise, path_of<N>(steps), solver);
    for (std::size_t s = 0; s < N; ++s) errors[s].push_back(relative_l2(got[s], exact[s]));
  }
  for (std::size_t s = 0; s < N; ++s)
    BOOST_TEST_CONTEXT(name << ", scale " << s << " of " << N) {
      for (std::size_t i = 1; i < errors[s].size(); ++i) {
        const double observed = std::log2(errors[s][i - 1] / errors[s][i]);
        BOOST_TEST(std::abs(observed - order) < 0.15,
                   "order " << observed << ", error " << errors[s][i]);
      }
      BOOST_TEST(errors[s].back() < (order > 1 ? 1e-3 : 0.03));
    }
}

template <std::size_t N>
void check_orders(const gaussian_pixels<N>& denoise, const scales<tensor_d, N>& exact) {
  check_order(text("ddim, leak ", denoise.leak), denoise, ddim{}, exact, 1);
  check_order(text("heun, leak ", denoise.leak), denoise, heun{}, exact, 2);
  check_order(text("dpm, leak ", denoise.leak), denoise, dpm{}, exact, 2);
  for (const double middle : {0.5, 0.8})
    check_order(text("dpm of one step, ", middle, ", leak ", denoise.leak), denoise,
                dpm_solver_2s{middle}, exact, 2);
}

template <std::size_t N>
void check_orders_of_scales() {
  const scales<tensor_d, N> noise = unit_noise<N>();
  const timestep_path<N> first = path_of<N>(1);
  check_orders(gaussian_pixels<N>{}, make_scales<N>([&](std::size_t s) {
                 const double a = alpha_bar_at(schedule, first[0][s]);
                 return scaled(noise[s], exact_growth(s, a, schedule.alpha_bar(0)));
               }));
  if constexpr (N > 1) {
    // Coupled scales: fine runs of DDIM, of whose error the first order is taken away.
    const gaussian_pixels<N> coupled{.leak = 0.1};
    const auto once = run(coupled, path_of<N>(2000), ddim{});
    const auto twice = run(coupled, path_of<N>(4000), ddim{});
    check_orders(coupled, make_scales<N>([&](std::size_t s) {
                   return axpby(2, twice[s], -1, once[s]);
                 }));
  }
}

/// Calls check(name, solver) for every solver, all of them deterministic.
void for_each_solver(const auto& check) {
  check("ddim", ddim{});
  check("heun", heun{});
  check("dpm", dpm{});
  check("dpm of order 3", dpm{3});
  check("dpm of one step", dpm_solver_2s{});
  check("UniPC", uni_pc{});
  check("UniPC of order 3", uni_pc{3, uni_pc_variant::bh1});
  check("UniPC of order 3, exact", uni_pc{3, uni_pc_variant::exact});
}

using trail = std::vector<std::vector<double>>;

/// The samples of one scale after each step.
template <std::size_t N, class Solver>
trail trail_of(std::size_t scale, const gaussian_pixels<N>& denoise, const timestep_path<N>& path,
               const scales<tensor_d, N>& noise, const Solver& solver) {
  trail result;
  sample(denoise, schedule, path, noise,
         sampling_options<Solver>{.solver = solver, .clip = clipping::none},
         [&](const sampling_step<tensor_d, N>& step) {
           result.push_back(step.x[scale].to_host());
         });
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(orders_of_one_scale) { check_orders_of_scales<1>(); }
BOOST_AUTO_TEST_CASE(orders_of_two_scales) { check_orders_of_scales<2>(); }
BOOST_AUTO_TEST_CASE(orders_of_three_scales) { check_orders_of_scales<3>(); }

/// Heun's method looks at both ends of all steps but that to clean images, the others once a step.
BOOST_AUTO_TEST_CASE(numbers_of_evaluations) {
  const timestep_path<> path = path_of<2>(6);
  const auto asked = [&](const auto& solver, landing land) {
    timestep_path<> result;
    run(gaussian_pixels<2>{.asked = &result}, path, solver, land);
    return result;
  };
  for (const landing land : {landing::clean, landing::timestep_zero}) {
    BOOST_TEST((asked(ddim{}, land) == path));
    BOOST_TEST((asked(dpm{}, land) == path));
  }
  timestep_path<> both_ends{path[0]};
  for (std::size_t i = 1; i < path.size(); ++i)
    for (int twice = 0; twice < 2; ++twice) both_ends.push_back(path[i]);
  BOOST_TEST(both_ends.size() == 11u);
  BOOST_TEST((asked(heun{}, landing::clean) == both_ends));
  BOOST_TEST((asked(churned_heun{.churn = 0}, landing::clean) == both_ends));
  // With noise put back the step begins above the path, but not above its beginning.
  const auto churned = asked(churned_heun{.least = 0, .most = 1e9}, landing::clean);
  BOOST_REQUIRE_EQUAL(churned.size(), both_ends.size());
  for (std::size_t i = 0; i < churned.size(); ++i)
    for (std::size_t s = 0; s < 2; ++s) {
      const bool begins = i > 0 && i % 2 == 0;
      BOOST_TEST((begins ? churned[i][s] > both_ends[i][s] : churned[i][s] == both_ends[i][s]));
      BOOST_TEST(churned[i][s] <= both_ends[0][s] + 1e-9);
    }
  both_ends.push_back({0, 0});
  BOOST_TEST((asked(heun{}, landing::timestep_zero) == both_ends));
  // DPM-Solver++ of one step looks at all steps' middles, in λ, but the last's where that is clean.
  for (const landing land : {landing::clean, landing::timestep_zero}) {
    const auto twice = asked(dpm_solver_2s{}, land);
    BOOST_REQUIRE_EQUAL(twice.size(), land == landing::clean ? 11u : 12u);
    for (std::size_t i = 0; i < twice.size(); ++i)
      for (std::size_t s = 0; s < 2; ++s) {
        const double here = path[i / 2][s], next = i / 2 + 1 < path.size() ? path[i / 2 + 1][s] : 0;
        if (i % 2 == 0)
          BOOST_TEST(twice[i][s] == here);
        else
          BOOST_TEST(std::abs(log_snr_at(schedule, twice[i][s]) -
                              (log_snr_at(schedule, here) + log_snr_at(schedule, next)) / 2) < 1e-9);
      }
  }
}

/// The x̂₀ that are 2 + 3l of the scale's l = ½·λ, whatever the samples.
struct linear_in_level {
  template <std::size_t N>
  scales<tensor_d, N> operator()(const scales<tensor_d, N>& x, const scales<timesteps, N>& t) const {
    return make_scales<N>([&](std::size_t s) {
      const double level = log_snr_at(schedule, t[s].at(0)) / 2;
      return tensor_d(x[s].shape(), std::vector<double>(x[s].size(), 2 + 3 * level));
    });
  }
};

/// What solves for all weights has the step of a polynomial right, x/σ − x₀/σ₀ = ∫ eˡ·x̂₀ dl, also in the first
/// steps, whose corrector is of first order and whose predictor of second.
BOOST_AUTO_TEST_CASE(exact_weights_are_exact_for_polynomials) {
  const timestep_path<> path = path_of<2>(7);
  const scales<tensor_d> noise = unit_noise<2>();
  for (const std::size_t order : {2u, 3u})
    for (const auto variant : {uni_pc_variant::exact, uni_pc_variant::bh2})
      sample(linear_in_level{}, schedule, path, noise,
             sampling_options<uni_pc>{.solver = uni_pc{order, variant}, .clip = clipping::none},
             [&](const sampling_step<tensor_d>& step) {
               if (step.index == 0 || step.index + 1 == step.count) return;
               for (std::size_t s = 0; s < 2; ++s) {
                 const double from = log_snr_at(schedule, path[0][s]) / 2;
                 const double to = log_snr_at(schedule, path[step.index + 1][s]) / 2;
                 const auto sigma = [](double l) { return 1 / std::sqrt(1 + std::exp(2 * l)); };
                 const auto integral = [](double l) { return std::exp(l) * (2 + 3 * l - 3); };
                 std::vector<double> x = noise[s].to_host();
                 for (double& pixel : x)
                   pixel = sigma(to) * (pixel / sigma(from) + integral(to) - integral(from));
                 const double off = relative_l2(step.x[s].to_host(), x);
                 BOOST_TEST((off < 1e-10) == (variant == uni_pc_variant::exact), step.index << ": " << off);
               }
             });
}

/// The usual solver is of another order from 9 steps on.
BOOST_AUTO_TEST_CASE(the_suited_solver_is_uni_pc) {
  for (const std::size_t steps : {1u, 2u, 8u, 9u, 20u}) {
    const auto path = path_of<3>(steps);
    const auto got = run(gaussian_pixels<3>{}, path, suited_solver{});
    const auto want = run(gaussian_pixels<3>{}, path,
                          steps < 9 ? uni_pc{2} : uni_pc{3, uni_pc_variant::exact});
    BOOST_TEST(distance(got, want) == 0.0, steps << " steps");
  }
}

/// Multistep solvers lower their order before an end in noise, and not before a clean one: there the samples on
/// the way are those of a longer path.
BOOST_AUTO_TEST_CASE(orders_fall_before_noise_alone) {
  const timestep_path<> longer = path_of<2>(9), path(longer.begin(), longer.begin() + 6);
  const auto on_the_way = [&]<class Solver>(const timestep_path<>& along, const Solver& solver, landing land) {
    std::vector<scales<tensor_d>> samples;
    sample(gaussian_pixels<2>{}, schedule, along, unit_noise<2>(),
           sampling_options<Solver>{.solver = solver, .clip = clipping::none, .landing = land},
           [&](const sampling_step<tensor_d>& step) { samples.push_back(step.x); });
    return samples;
  };
  const auto check = [&](const auto& solver, std::size_t order) {
    for (const landing land : {landing::clean, landing::timestep_zero}) {
      const auto got = on_the_way(path, solver, land), want = on_the_way(longer, solver, land);
      for (std::size_t i = 0; i + 1 < path.size(); ++i) {
        const bool lowered = land == landing::timestep_zero && path.size() - i < order;
        BOOST_TEST((distance(got[i], want[i]) > 0) == lowered, "step " << i << ", order " << order);
      }
    }
  };
  for (const std::size_t order : {2u, 3u}) {
    check(dpm_solver{order}, order);
    check(uni_pc{order}, order);
  }
}

/// Three steps of one pixel of each scale, each scale on λ of its own, from the paper's algorithm 2:
/// λ = log(α/σ), r_i = h_{i−1}/h_i, D_i = (1 + 1/2r_i)·x̂_{i−1} − 1/2r_i·x̂_{i−2} and
/// x_i = σ_i/σ_{i−1}·x_{i−1} − α_i·(e^{−h_i} − 1)·D_i; in the first and the last step D_i is x̂_{i−1} alone.
BOOST_AUTO_TEST_CASE(dpm_solver_is_the_formula_written_out) {
  const timestep_path<> path{{900, 850}, {600.5, 620}, {250, 300}};
  const scales<tensor_d> start = unit_noise<2>();
  for (const landing land : {landing::timestep_zero, landing::clean}) {
    const auto got = run(gaussian_pixels<2>{}, path, dpm{}, land);
    for (std::size_t s = 0; s < 2; ++s) {
      std::vector<double> a;
      for (const auto& t : path) a.push_back(alpha_bar_at(schedule, t[s]));
      a.push_back(schedule.alpha_bar(0));
      const auto alpha = [&](std::size_t i) { return std::sqrt(a[i]); };
      const auto sigma = [&](std::size_t i) { return std::sqrt(1 - a[i]); };
      const auto lambda = [&](std::size_t i) { return std::log(alpha(i) / sigma(i)); };
      const auto denoised = [&](double x, std::size_t i) {
        return std::sqrt(a[i]) * variance[s] / (a[i] * variance[s] + 1 - a[i]) * x;
      };
      std::vector<double> x = start[s].to_host();
      for (double& pixel : x) {
        const double x0 = pixel, d0 = denoised(x0, 0);
        const double h1 = lambda(1) - lambda(0);
        const double x1 = sigma(1) / sigma(0) * x0 - alpha(1) * (std::exp(-h1) - 1) * d0;
        const double d1 = denoised(x1, 1), h2 = lambda(2) - lambda(1), r2 = h1 / h2;
        const double x2 = sigma(2) / sigma(1) * x1 -
                          alpha(2) * (std::exp(-h2) - 1) *
                              ((1 + 1 / (2 * r2)) * d1 - 1 / (2 * r2) * d0);
        const double d2 = denoised(x2, 2), h3 = lambda(3) - lambda(2);
        const double x3 = sigma(3) / sigma(2) * x2 - alpha(3) * (std::exp(-h3) - 1) * d2;
        pixel = land == landing::clean ? d2 : x3;
      }
      BOOST_TEST(relative_l2(got[s].to_host(), x) < 1e-13);
    }
  }
}

/// Karras et al. 2022, algorithm 1: d = (x̄ − D(x̄; σ))/σ, x̄' = x̄ + (σ' − σ)·(d + d')/2, and the
/// last step to σ = 0 without d'.
BOOST_AUTO_TEST_CASE(heun_is_the_formula_written_out) {
  const timestep_path<> path{{900, 850}, {600.5, 620}, {250, 300}};
  const scales<tensor_d> start = unit_noise<2>();
  const auto got = run(gaussian_pixels<2>{}, path, heun{}, landing::clean);
  for (std::size_t s = 0; s < 2; ++s) {
    std::vector<double> sigma;
    for (const auto& t : path) {
      const double a = alpha_bar_at(schedule, t[s]);
      sigma.push_back(std::sqrt((1 - a) / a));
    }
    const auto slope = [&](double x, double at) {
      return (x - variance[s] / (variance[s] + at * at) * x) / at;
    };
    std::vector<double> x = start[s].to_host();
    for (double& pixel : x) {
      double y = pixel / std::sqrt(alpha_bar_at(schedule, path[0][s]));
      for (std::size_t i = 0; i + 1 < sigma.size(); ++i) {
        const double h = sigma[i + 1] - sigma[i], d = slope(y, sigma[i]);
        y += h * (d + slope(y + h * d, sigma[i + 1])) / 2;
      }
      pixel = y - sigma.back() * slope(y, sigma.back());
    }
    BOOST_TEST(relative_l2(got[s].to_host(), x) < 1e-13);
  }
}

/// Karras et al. 2022, algorithm 2: γ = min(S_churn/N, √2 − 1) where σ is from S_tmin to S_tmax,
/// σ̂ = σ + γσ, x̄̂ = x̄ + √(σ̂² − σ²)·S_noise·ε, and then as above.
BOOST_AUTO_TEST_CASE(churned_heun_is_the_formula_written_out) {
  const timestep_path<> path{{950, 940}, {700.5, 620}, {450, 400}, {150, 160}};
  const scales<tensor_d> start = unit_noise<2>();
  const churned_heun solver{.churn = 0.8, .least = 0.3, .most = 5, .scale = 1.01};
  const auto got = run(gaussian_pixels<2>{}, path, solver, landing::clean);
  for (std::size_t s = 0; s < 2; ++s) {
    std::vector<double> sigma;
    for (const auto& t : path) {
      const double a = alpha_bar_at(schedule, t[s]);
      sigma.push_back(std::sqrt((1 - a) / a));
    }
    sigma.push_back(0);
    const auto slope = [&](double x, double at) {
      return (x - variance[s] / (variance[s] + at * at) * x) / at;
    };
    std::vector<std::vector<double>> noise;
    for (std::uint32_t i = 0; i < 4; ++i)
      noise.push_back(normal_noise<tensor_d>(start[s].shape(),
                                             {42, purpose::step_noise, std::uint32_t(s), i}, 0)
                          .to_host());
    std::vector<double> x = start[s].to_host();
    std::size_t churned = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      double y = x[k] / std::sqrt(alpha_bar_at(schedule, path[0][s]));
      for (std::size_t i = 0; i < 4; ++i) {
        double from = sigma[i];
        if (from >= 0.3 && from <= 5 && i > 0) {
          from *= 1.2;
          y += std::sqrt(from * from - sigma[i] * sigma[i]) * 1.01 * noise[i][k];
          ++churned;
        }
        const double h = sigma[i + 1] - from, d = slope(y, from);
        y += i == 3 ? h * d : h * (d + slope(y + h * d, sigma[i + 1])) / 2;
      }
      x[k] = y;
    }
    BOOST_TEST(churned == 2 * x.size());
    BOOST_TEST(relative_l2(got[s].to_host(), x) < 1e-10);
  }
  // Without churn it is Heun's method.
  const auto none = run(gaussian_pixels<2>{}, path, churned_heun{.churn = 0});
  const auto plain = run(gaussian_pixels<2>{}, path, heun{});
  for (std::size_t s = 0; s < 2; ++s) BOOST_TEST((none[s].to_host() == plain[s].to_host()));
}

/// Lu et al. 2022, algorithm 1: s = λ_{i−1} + r·h, u = σ_s/σ_{i−1}·x − α_s·(e^{−rh} − 1)·x̂₀,
/// D = (1 − 1/2r)·x̂₀ + 1/2r·x̂₀(u, s) and x' = σ_i/σ_{i−1}·x − α_i·(e^{−h} − 1)·D.
BOOST_AUTO_TEST_CASE(dpm_solver_of_one_step_is_the_formula_written_out) {
  const timestep_path<> path{{900, 850}, {600.5, 620}, {250, 300}};
  const scales<tensor_d> start = unit_noise<2>();
  for (const double r : {0.5, 0.3, 1.0}) {
    const auto got = run(gaussian_pixels<2>{}, path, dpm_solver_2s{r});
    for (std::size_t s = 0; s < 2; ++s) {
      std::vector<double> level;
      for (const auto& t : path) level.push_back(log_snr_at(schedule, t[s]) / 2);
      level.push_back(log_snr(schedule, 0) / 2);
      const auto alpha = [](double l) { return 1 / std::sqrt(1 + std::exp(-2 * l)); };
      const auto sigma = [](double l) { return 1 / std::sqrt(1 + std::exp(2 * l)); };
      const auto denoised = [&](double x, double l) {
        return alpha(l) * variance[s] / (std::pow(alpha(l), 2) * variance[s] + std::pow(sigma(l), 2)) * x;
      };
      std::vector<double> x = start[s].to_host();
      for (double& pixel : x)
        for (std::size_t i = 1; i < level.size(); ++i) {
          const double h = level[i] - level[i - 1], there = level[i - 1] + r * h;
          const double d0 = denoised(pixel, level[i - 1]);
          const double u = sigma(there) / sigma(level[i - 1]) * pixel -
                           alpha(there) * (std::exp(-r * h) - 1) * d0;
          const double d = (1 - 1 / (2 * r)) * d0 + 1 / (2 * r) * denoised(u, there);
          pixel = sigma(level[i]) / sigma(level[i - 1]) * pixel -
                  alpha(level[i]) * (std::exp(-h) - 1) * d;
        }
      BOOST_TEST(relative_l2(got[s].to_host(), x) < 1e-10);
    }
  }
  BOOST_TEST(message_of([&] { run(gaussian_pixels<2>{}, path, dpm_solver_2s{0}); }) ==
             "middle of a step of DPM-Solver++(2S): got 0, want above 0, and at most 1");
  BOOST_TEST(message_of([&] { run(gaussian_pixels<2>{}, path, churned_heun{.churn = -1}); }) ==
             "churn of Heun's method: got -1, want a number from 0");
}

/// A scale whose timestep repeats rests, and then goes on as if it had not: nothing depends on it
/// here.
BOOST_AUTO_TEST_CASE(a_repeated_timestep_rests) {
  const scales<tensor_d, 3> noise = unit_noise<3>();
  const timestep_path<3> path{{900, 950, 800},   {800, 950, 700},   {700, 700, 600},
                              {600, 700, 500.5}, {400, 400, 400.5}, {200, 400, 300},
                              {100, 150, 0},     {20, 60, 0}};
  for_each_solver([&](const char* name, const auto& solver) {
    const gaussian_pixels<3> denoise;
    const auto middle = trail_of(1, denoise, path, noise, solver);
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST((middle[0] == noise[1].to_host()));
      BOOST_TEST((middle[2] == middle[1]));
      BOOST_TEST((middle[4] == middle[3]));
      // The steps of the middle scale alone, at the timesteps where it moves on.
      timestep_path<3> moves;
      for (const double t : {950.0, 700.0, 400.0, 150.0, 60.0}) moves.push_back({t, t, t});
      const auto alone = trail_of(1, denoise, moves, noise, solver);
      const std::pair<std::size_t, std::size_t> same[] = {{1, 0}, {3, 1}, {5, 2}, {6, 3}, {7, 4}};
      for (const auto& [step, of_alone] : same)
        BOOST_TEST(relative_l2(middle[step], alone[of_alone]) < 1e-13);
    }
  });
  // At timestep 0, where this run lands, the last steps do nothing.
  for_each_solver([&](const char* name, const auto& solver) {
    std::vector<std::vector<double>> coarse;
    auto options = sampling_options<std::decay_t<decltype(solver)>>::reference();
    options.solver = solver;
    sample(gaussian_pixels<3>{.leak = 0.1}, schedule, path, noise, options,
           [&](const sampling_step<tensor_d, 3>& step) {
             coarse.push_back(step.x.coarse().to_host());
           });
    BOOST_TEST((coarse[5] == coarse[6] && coarse[6] == coarse[7]), name);
    BOOST_TEST((coarse[5] != coarse[4]), name);
  });
}

/// Held images come back as they were shown last; no evaluation sees others.
BOOST_AUTO_TEST_CASE(held_scales) {
  const scales<tensor_d, 3> noise = unit_noise<3>();
  const shape middle_shape = noise[1].shape();
  const tensor_d still = full<tensor_d>(noise[2].shape(), 0.25);
  const fresh_noise<tensor_d> fresh{middle_shape};
  const scales<held_images<tensor_d>, 3> held{nullptr, fresh, fixed_images<tensor_d>{still}};
  const timestep_path<3> path{{900, 500, 0}, {600, 400, 0}, {300, 400, 0}, {100, 50, 0}};
  for_each_solver([&](const char* name, const auto& solver) {
    std::size_t steps = 0;
    const auto check = [&](const scales<tensor_d, 3>& x, std::size_t step) {
      BOOST_TEST((x[1].to_host() == fresh(step).to_host()), name);
      BOOST_TEST((x[2].to_host() == still.to_host()), name);
    };
    const auto denoise = [&](const scales<tensor_d, 3>& x, const scales<timesteps, 3>& t) {
      BOOST_TEST((x[2].to_host() == still.to_host()), name);
      return gaussian_pixels<3>{.leak = 0.1}(x, t);
    };
    const auto got = sample(
        denoise, schedule, path, noise,
        sampling_options<std::decay_t<decltype(solver)>>{.solver = solver},
        [&](const sampling_step<tensor_d, 3>& step) {
          BOOST_TEST(step.index == steps++);
          check(step.x, step.index);
        },
        held);
    BOOST_TEST(steps == path.size());
    check(got, path.size() - 1);
    BOOST_TEST((got[0].to_host() != noise[0].to_host()));
  });
}

/// A fractional timestep is a whole one of a finer schedule, and the denoiser is told it as it is.
BOOST_AUTO_TEST_CASE(fractional_timesteps) {
  const timestep_path<> path{{950.5, 900.25}, {700.125, 512.75}, {300.5, 99.5}, {0.5, 0.25}};
  std::vector<double> levels{schedule.alpha_bar(0)};
  for (const auto& t : path)
    for (const double at : t) levels.push_back(alpha_bar_at(schedule, at));
  std::sort(levels.rbegin(), levels.rend());
  const tabulated_schedule finer(levels);
  const auto whole = [&](double at) {
    const double level = alpha_bar_at(schedule, at);
    return static_cast<double>(std::find(levels.begin(), levels.end(), level) - levels.begin());
  };
  const auto told = [&](const scales<timesteps>& t) {
    // The timesteps of the cosine schedule that these are.
    return make_scales<2>([&](std::size_t s) {
      for (const auto& at : path)
        if (whole(at[s]) == t[s].at(0)) return timesteps{at[s]};
      return timesteps{0};
    });
  };
  timestep_path<> whole_path;
  for (const auto& t : path) whole_path.push_back({whole(t.fine()), whole(t.coarse())});
  for_each_solver([&](const char* name, const auto& solver) {
    if (name == std::string("dpm of one step")) return;  // which asks between
    const sampling_options<std::decay_t<decltype(solver)>> options{.solver = solver};
    timestep_path<> asked;
    const gaussian_pixels<2> denoise{.leak = 0.1, .asked = &asked};
    const auto got = sample(denoise, schedule, path, unit_noise<2>(), options);
    BOOST_TEST((asked.front() == path.front()), name);
    BOOST_TEST((asked.back() == path.back()), name);
    const auto on_finer = [&](const scales<tensor_d>& x, const scales<timesteps>& t) {
      return denoise(x, told(t));
    };
    const auto want = sample(on_finer, finer, whole_path, unit_noise<2>(), options);
    BOOST_TEST(distance(got, want) < 1e-14, name);
  });
}

/// A stepper moves each scale alone, whoever wraps it; noise is each scale's and step's own.
BOOST_AUTO_TEST_CASE(each_scale_of_a_stepper_is_the_stepper) {
  const auto denoise = closed_form_denoiser<tensor_d>(schedule);
  const timestep_path<> path{{999, 980}, {700, 980}, {300, 500}, {100, 0}};
  const auto runs = [&](const auto& plain, const auto& wrapped, landing land) {
    const auto made = [&]<class Solver>(const Solver& solver) {
      return sample(denoise, schedule, path, unit_noise<2>(),
                    sampling_options<Solver>{.solver = solver, .landing = land, .seed = 3});
    };
    const auto want = made(plain), got = made(wrapped);
    for (std::size_t s = 0; s < 2; ++s) BOOST_TEST((got[s].to_host() == want[s].to_host()));
  };
  for (const landing land : {landing::clean, landing::timestep_zero}) {
    for (const double eta : {0.0, 0.5, 1.0})
      runs(ddim{eta}, each_scale<ddim>(ddim{eta}), land);
  }
}

/// A solver chosen at run time is the one it was made from, and begins anew in each run.
BOOST_AUTO_TEST_CASE(any_solver_is_the_solver) {
  const auto denoise = closed_form_denoiser<tensor_d>(schedule);
  const timestep_path<> path{{999, 980}, {700, 980}, {300, 500}, {100, 0}};
  const auto check = [&]<class Solver>(const Solver& own) {
    const auto made = [&]<class Given>(const Given& solver) {
      return sample(denoise, schedule, path, unit_noise<2>(),
                    sampling_options<Given>{.solver = solver, .seed = 3});
    };
    const auto want = made(own);
    const any_solver<tensor_d> chosen = own;
    for (int run = 0; run < 2; ++run) {
      const auto got = made(chosen);
      for (std::size_t s = 0; s < 2; ++s) BOOST_TEST((got[s].to_host() == want[s].to_host()));
    }
  };
  check(ddim{0.5});
  check(heun{});
  check(churned_heun{});
  check(dpm{});
  check(dpm_solver_2s{});
  check(uni_pc{});
  check(sde_dpm_solver{});
  check(localisation_euler{});
}

/// From ᾱ = 0 and to ᾱ = 1 the solvers of second order take DDIM's step.
BOOST_AUTO_TEST_CASE(ends_of_a_whole_schedule) {
  const tabulated_schedule whole({1, 0.9, 0.5, 0.1, 0});
  const auto denoise = [](const scales<tensor_d, 1>& x, const scales<timesteps, 1>&) {
    return scales{scaled(x.fine(), 0.4)};
  };
  const auto made = [&]<class Solver>(const timestep_path<1>& path, const Solver& solver,
                                      landing land) {
    return sample(denoise, whole, path, unit_noise<1>(),
                  sampling_options<Solver>{.solver = solver, .clip = clipping::none, .landing = land});
  };
  for (const landing land : {landing::clean, landing::timestep_zero})
    for (const timestep_path<1>& path : {timestep_path<1>{{4}}, {{2}}, {{4}, {0}}, {{2}, {0}}}) {
      const auto want = made(path, ddim{}, land);
      BOOST_TEST(distance(made(path, heun{}, land), want) < 1e-15);
      BOOST_TEST(distance(made(path, dpm{}, land), want) < 1e-15);
      BOOST_TEST(distance(made(path, dpm{3}, land), want) < 1e-15);
      BOOST_TEST(distance(made(path, dpm_solver_2s{}, land), want) < 1e-15);
    }
  // On the way between, they are finite.
  for (const landing land : {landing::clean, landing::timestep_zero})
    for_each_solver([&](const char* name, const auto& solver) {
      const auto x = made({{4}, {3}, {2}, {1}, {0}}, solver, land);
      BOOST_TEST(std::isfinite(squared_norm(x.fine())), name);
    });
}

BOOST_AUTO_TEST_SUITE_END()
