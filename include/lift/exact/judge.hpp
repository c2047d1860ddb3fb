// SPDX-License-Identifier: MIT
#pragma once

// Every way from noise to image that the library knows, on Gaussian images of two scales, where the
// distance of what comes out is known exactly.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <lift/core/thread_pool.hpp>
#include <lift/exact/exact_distance.hpp>
#include <lift/exact/exact_surfaces.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/path/dp.hpp>
#include <lift/path/greedy.hpp>
#include <lift/path/log_snr_spacing.hpp>
#include <lift/path/n_step.hpp>
#include <lift/path/optimise_path.hpp>
#include <lift/path/step_costs.hpp>
#include <lift/sample/sampling_options.hpp>
#include <lift/schedule/tabulated_schedule.hpp>

namespace lift {

/// A solver for both scales, and for one alone.
struct judged_solver {
  exact_sampler<2>::solver joint;
  exact_sampler<1>::solver alone;

  template <class Solver>
  explicit judged_solver(const Solver& solver) : joint(solver), alone(solver) {}
};

struct judge_options {
  sampling_start start = sampling_start::unit_noise;
  lift::landing landing = lift::landing::timestep_zero;
  /// The levels at which paths in log-SNR begin; the schedule's lowest if that is finite and none is given.
  double first = std::numeric_limits<double>::quiet_NaN();
  std::size_t lattice = 33;       ///< points along an axis of a dynamic programme
  search_options search = {200, 1e-5, false};
};

/// A path, and what comes of it.
struct judged_path {
  std::string name;
  std::size_t clocks;         ///< courses that its scales have, or 1 where there is one scale alone
  bool control;               ///< has the spacing of the path before it, on the diagonal
  std::size_t steps;
  gaussian_distance off;
  std::vector<std::vector<double>> log_snrs;  ///< of every node the scales' λ, finest first
};

/// Judges paths of two scales and their controls: the diagonal, and one scale alone.
class path_judge {
 public:
  /// `copies` is whether the coarse scale is the 2×2 mean of the fine one, or else both are orthonormal
  /// parts (stationary_haar). Throws lift::error as these do, and as validate(schedule).
  path_judge(const power_spectrum& spectrum, bool copies, const tabulated_schedule& schedule,
             const judge_options& options = {})
      : schedule_(schedule),
        options_(options),
        both_(copies ? stationary_copies<2>(spectrum) : stationary_haar<2>(spectrum)),
        one_(stationary_copies<1>(spectrum)),
        on_log_snrs_(both_.image(), log_snr_axis(schedule)),
        on_timesteps_(both_.image(), finite(timestep_axis(schedule))) {
    const std::size_t noisiest = schedule.num_timesteps() - 1;
    first_ = !std::isnan(options.first)                    ? options.first
             : std::isfinite(log_snr(schedule, noisiest)) ? log_snr(schedule, noisiest)
                                                            : log_snr_diagonal::first_of(50);
    last_ = log_snr(schedule, 0);
    const exact_surfaces<2> lattice(
        both_.image(), log_snr_axis(schedule, options.lattice, std::exp(first_), std::exp(last_)));
    losses_ = lattice.losses();
    slopes_ = lattice.loss_slopes();
  }

  /// Every path in so many steps. A path of two clocks is followed by its control.
  std::vector<judged_path> operator()(std::size_t steps, const judged_solver& solver) const {
    std::vector<judged_path> all;
    const auto uniform_t =
        diagonal::reference()(error_heatmap<>{}, schedule_, std::min(steps, schedule_.num_timesteps()));
    const auto uniform = stretched_log_snrs(steps, first_, last_, 0);
    const auto policy = log_snr_diagonal{}.levels(steps, first_, last_);
    const levels<2> on_diagonal = levels_of(uniform_t);
    all.push_back(judged("diagonal, uniform t", 1, on_diagonal, solver));
    all.push_back(judged("one scale, uniform t", 1, fine_of(on_diagonal), solver));
    all.push_back(judged("diagonal, uniform log-SNR", 1, same_on_both(uniform), solver));
    all.push_back(judged("diagonal, log-snr policy", 1, same_on_both(policy), solver));
    const levels<2> best_diagonal = optimised_diagonal(steps, solver);
    all.push_back(judged("diagonal, optimised", 1, best_diagonal, solver));
    const levels<1> best_alone = descend(fine_of(best_diagonal), solver);
    all.push_back(judged("one scale, optimised", 1, best_alone, solver));
    judge_heatmap_policies(all, steps, solver);
    judge_programmes(all, steps, solver);
    judge_two_clocks(all, "two clocks, optimised", optimised(best_diagonal, best_alone, solver), solver);
    return all;
  }

 private:
  template <std::size_t N>
  using levels = std::vector<scales<double, N>>;  // λ

  static levels<2> same_on_both(const std::vector<double>& line) {
    levels<2> path;
    for (const double level : line) path.push_back({level, level});
    return path;
  }
  static levels<1> fine_of(const levels<2>& path) {
    levels<1> fine;
    for (const auto& point : path) fine.push_back({point.fine()});
    return fine;
  }
  /// Without the levels at which ᾱ is 0.
  static heatmap_axis finite(heatmap_axis axis) {
    while (axis.gamma.front() == 0) {
      axis.gamma.erase(axis.gamma.begin());
      axis.timesteps.erase(axis.timesteps.begin());
    }
    return axis;
  }

  /// A path of timesteps ends at timestep 0, where the step after the last lands.
  levels<2> levels_of(const timestep_path<>& path) const {
    levels<2> result = mapped_path(path, [&](double t) { return log_snr_at(schedule_, t); });
    if (result.back().fine() < last_ || result.back().coarse() < last_)
      result.push_back({last_, last_});
    return result;
  }

  template <std::size_t N>
  levels<N> alpha_bars_of(const levels<N>& path) const {
    levels<N> result = mapped_path(path, [](double level) { return alpha_bar_from_log_snr(level); });
    if (options_.landing == landing::clean)
      result.back() = make_scales<N>([](std::size_t) { return 1.0; });
    return result;
  }
  template <std::size_t N>
  auto samples(const levels<N>& path, const judged_solver& solver) const {
    if constexpr (N == 1)
      return one_.follow(alpha_bars_of(path), solver.alone, options_.start);
    else
      return both_.follow(alpha_bars_of(path), solver.joint, options_.start);
  }

  template <std::size_t N>
  judged_path judged(std::string name, std::size_t clocks, const levels<N>& path,
                     const judged_solver& solver) const {
    judged_path result{std::move(name), clocks, false, path.size() - 1, {}, {}};
    if constexpr (N == 1)
      result.off = one_.distance(samples(path, solver));
    else
      result.off = both_.distance(samples(path, solver));
    for (const auto& point : path) result.log_snrs.emplace_back(point.begin(), point.end());
    return result;
  }
  void judge_two_clocks(std::vector<judged_path>& all, const std::string& name, const levels<2>& path,
                        const judged_solver& solver) const {
    all.push_back(judged(name, 2, path, solver));
    levels<2> spacing = path;
    for (auto& point : spacing) point.coarse() = point.fine();
    all.push_back(judged(name + ": its spacing on the diagonal", 1, spacing, solver));
    all.back().control = true;
  }

  /// The paths that look at the exact heatmaps, as the reference's: on 15 SNRs, or, n-step, on 30 timesteps.
  void judge_heatmap_policies(std::vector<judged_path>& all, std::size_t steps,
                              const judged_solver& solver) const {
    for (const estimate of : {estimate::noise, estimate::clean}) {
      const char* const title = of == estimate::noise ? ", noise heatmap" : ", denoised heatmap";
      const auto judge = [&](const char* name, const auto& policy, const error_heatmap<>& heatmap) {
        judge_two_clocks(all, std::string(name) + title, levels_of(policy(heatmap, schedule_, steps)),
                         solver);
      };
      const error_heatmap<> heatmap = on_log_snrs_.heatmap(of);
      judge("greedy", greedy::reference(), heatmap);
      judge("DP-64", dp_64::reference(), heatmap);
      judge("DP-total", dp_total::reference(), heatmap);
      const error_heatmap<> on_timesteps = on_timesteps_.heatmap(of);
      if (steps <= 2 * (on_timesteps.size() - 1))
        judge("n-step total", n_step_total::reference(), on_timesteps);
    }
  }

  /// Dynamic programming of the path KL over the lattice, and of its limit for short steps.
  void judge_programmes(std::vector<judged_path>& all, std::size_t steps,
                        const judged_solver& solver) const {
    const auto judge = [&](const char* name, const auto& cost) {
      const auto found = find_cheapest_path<2>(cost, std::min(steps, 2 * (losses_.size() - 1)));
      judge_two_clocks(all, name, mapped_path(found.cells, [&](std::size_t i) {
                         return std::log(losses_.gamma[i]);
                       }),
                       solver);
    };
    judge("path KL", path_kl_cost<2>(losses_));
    judge("path KL, quadratic", quadratic_cost<2>(losses_.gamma, slopes_));
  }

  template <std::size_t N>
  double wasserstein(const levels<N>& path, const judged_solver& solver) const {
    if constexpr (N == 1)
      return one_.wasserstein(samples(path, solver));
    else
      return both_.wasserstein(samples(path, solver));
  }
  template <std::size_t N>
  levels<N> descend(const levels<N>& from, const judged_solver& solver, bool one_clock = false) const {
    search_options search = options_.search;
    search.one_clock = one_clock;
    return optimise_path<N>(
               from, [&](const levels<N>& path) { return wasserstein(path, solver); }, search,
               [](std::size_t count, const auto& task) { default_thread_pool().run(count, task); })
        .log_snrs;
  }
  /// From levels that are evenly spaced or stretched, whichever are nearer.
  levels<2> optimised_diagonal(std::size_t steps, const judged_solver& solver) const {
    const auto spaced = [&](double stretch) {
      return same_on_both(stretched_log_snrs(steps, first_, last_, stretch));
    };
    const levels<2> even = spaced(0), stretched = spaced(log_snr_diagonal::stretch_of(steps));
    return descend(wasserstein(even, solver) < wasserstein(stretched, solver) ? even : stretched,
                   solver, true);
  }
  /// From the diagonal, from a coarse scale that leads, and from one that follows only with the last step.
  levels<2> optimised(const levels<2>& diagonal, const levels<1>& alone,
                      const judged_solver& solver) const {
    const std::size_t steps = diagonal.size() - 1;
    levels<2> leading = diagonal, following = diagonal;
    for (std::size_t k = 0; k <= steps; ++k) {
      const double fine = alone[k].fine(), length = last_ - first_;
      const auto part = static_cast<double>(k) / static_cast<double>(steps);
      leading[k] = {fine, std::min(fine + std::min(1.0, 8 * part), last_ - 1e-3 * length * (1 - part))};
      following[k] = {fine, k == steps ? last_ : first_ + 0.05 * (fine - first_)};
    }
    leading.back().coarse() = last_;
    levels<2> best;
    double least = std::numeric_limits<double>::infinity();
    for (const levels<2>& from : {diagonal, leading, following}) {
      const levels<2> found = descend(from, solver);
      const double distance = wasserstein(found, solver);
      if (distance < least) least = distance, best = found;
    }
    return best;
  }

  tabulated_schedule schedule_;
  judge_options options_;
  exact_sampler<2> both_;
  exact_sampler<1> one_;
  exact_surfaces<2> on_log_snrs_, on_timesteps_;
  error_heatmap<2> losses_;  // on the lattice
  jacobian_blocks<grid<2>, 2> slopes_;
  double first_ = 0, last_ = 0;
};

}  // namespace lift
