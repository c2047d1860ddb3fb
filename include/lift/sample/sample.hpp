// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <lift/core/stoppable.hpp>
#include <lift/model/denoiser.hpp>
#include <lift/path/path.hpp>
#include <lift/sample/held_images.hpp>
#include <lift/sample/sampling_options.hpp>
#include <lift/sample/solver.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/tensor/noise.hpp>

namespace lift {

/// Throws lift::error unless there is a step, all timesteps are in the schedule, and none is above
/// that of its scale in the step before.
template <std::size_t N, noise_schedule Schedule>
void require_falling(const Schedule& schedule, const std::vector<scales<double, N>>& path) {
  require(!path.empty(), "number of sampling steps", 0, "at least 1");
  const auto last = static_cast<double>(schedule.num_timesteps() - 1);
  for (std::size_t i = 0; i < path.size(); ++i)
    for (std::size_t scale = 0; scale < N; ++scale) {
      const double t = path[i][scale], most = i == 0 ? last : path[i - 1][scale];
      require(t >= 0 && t <= most, text("timestep of sampling step ", i), t,
              text("at most ", most, ", and no less than 0"));
    }
}

/// The signal powers ᾱ of a path's evaluations and of where it lands.
template <std::size_t N, noise_schedule Schedule>
std::vector<scales<double, N>> alpha_bars_along(const Schedule& schedule,
                                                const std::vector<scales<double, N>>& path,
                                                landing where) {
  std::vector<scales<double, N>> result =
      mapped_path(path, [&](double t) { return alpha_bar_at(schedule, t); });
  const double end = where == landing::clean ? 1 : schedule.alpha_bar(0);
  result.push_back(make_scales<N>([&](std::size_t) { return end; }));
  return result;
}

namespace detail {

/// One run of `sample`.
template <class Tensor, std::size_t N, class Denoiser, class Pyramid>
class sampling_run {
 public:
  template <class Schedule, class Options>
  sampling_run(const Denoiser& denoise, const Schedule& schedule,
               const std::vector<scales<double, N>>& path, const scales<Tensor, N>& noise,
               const Options& options, const scales<held_images<Tensor>, N>& held)
      : denoise_(denoise), path_(path), held_(held), pyramid_(options.pyramid), clip_(options.clip),
        seed_(options.seed), first_sample_(options.first_sample) {
    validate(schedule);
    require_falling(schedule, path);
    alpha_bars_ = alpha_bars_along(schedule, path, options.landing);
    if (options.landing == landing::timestep_zero)
      path_.push_back(make_scales<N>([](std::size_t) { return 0.0; }));
    timestep_of_ = [&schedule](double alpha_bar) {
      return timestep_from_log_snr(schedule, log_snr_from_alpha_bar(alpha_bar));
    };
    now_.x = noise;
    now_.first = alpha_bars_.front();
    now_.last = alpha_bars_.back();
    now_.count = count_ = path.size();
  }

  template <class Solver, class OnStep>
  scales<Tensor, N> follow(Solver solve, OnStep& on_step) {
    norms_ = zeros<Tensor>({path_.size() * N});
    for (index_ = 0; index_ < count_; ++index_) {
      stoppable::check();
      for (std::size_t s = 0; s < N; ++s)
        if (held_[s]) now_.x[s] = held_[s](index_);
      now_.alpha_bar = alpha_bars_[index_];
      now_.next = alpha_bars_[index_ + 1];
      now_.left = count_ - 1 - index_;
      now_.moves = make_scales<N>(
          [&](std::size_t s) { return !held_[s] && now_.next[s] != now_.alpha_bar[s]; });
      now_.noise = [this](std::size_t s) {
        const random_stream stream{seed_, purpose::step_noise, static_cast<std::uint32_t>(s),
                                   static_cast<std::uint32_t>(index_)};
        return normal_noise<Tensor>(now_.x[s].shape(), stream, first_sample_);
      };
      now_.evaluate_next = nullptr;
      if (index_ + 1 < path_.size())
        now_.evaluate_next = [this](scales<Tensor, N> x) {
          for (std::size_t s = 0; s < N; ++s)
            if (held_[s] && index_ + 1 < count_) x[s] = held_[s](index_ + 1);
          return evaluate(x, path_[index_ + 1], index_ + 1);
        };
      now_.evaluate = [this](const scales<Tensor, N>& x, const scales<double, N>& alpha_bar) {
        return evaluate(x, timesteps_of(alpha_bar), index_);
      };
      if constexpr (renoising_solver<Solver, Tensor, N>) solve.renoise(now_);
      now_.denoised = now_.evaluate(now_.x, now_.alpha_bar);
      now_.x = solve(now_);
      on_step(sampling_step<Tensor, N>{index_, count_, now_.x, now_.denoised});
    }
    require_finite();
    return now_.x;
  }

 private:
  /// The timesteps of powers ᾱ in this step: the path's where it begins.
  scales<double, N> timesteps_of(const scales<double, N>& alpha_bar) const {
    return make_scales<N>([&](std::size_t s) {
      return alpha_bar[s] == alpha_bars_[index_][s] ? path_[index_][s] : timestep_of_(alpha_bar[s]);
    });
  }

  /// x̂₀ of samples at timesteps; adds its squared norm to those of a point of the path.
  scales<Tensor, N> evaluate(const scales<Tensor, N>& x, const scales<double, N>& at,
                             std::size_t point) {
    scales<Tensor, N> y =
        denoise_(x, make_scales<N>([&](std::size_t s) { return timesteps{at[s]}; }));
    for (std::size_t s = 0; s < N; ++s) {
      require(y[s].shape() == x[s].shape(), "shape of the denoiser's output", y[s].shape(),
              x[s].shape());
      Tensor norm(shape{1});
      Tensor::backend_type::reduce(sum{}, 1, 1, y[s].size(), norm.mutable_data(), kernel::square{},
                                   each(y[s]));
      Tensor::backend_type::map(1, norms_.mutable_data() + point * N + s, kernel::add{}, each(norm),
                                operand<typename Tensor::value_type>{
                                    norms_.data() + point * N + s, 1, 1});
    }
    return clipped(y, clip_, pyramid_);
  }

  /// Waits for the backend, for the first time on the way; throws lift::error if an x̂₀ was not
  /// finite, naming the first such timestep.
  void require_finite() const {
    const auto norms = norms_.to_host();
    for (std::size_t i = 0; i < norms.size(); ++i)
      require(std::isfinite(norms[i]),
              text("squared norm of the denoised ", scale_name(i % N, N), " images at timestep ",
                   path_[i / N][i % N]),
              norms[i], "a finite number");
  }

  const Denoiser& denoise_;
  std::vector<scales<double, N>> path_;        // with the landing, where that is a timestep
  std::vector<scales<double, N>> alpha_bars_;  // with the landing
  scales<held_images<Tensor>, N> held_;
  std::function<double(double alpha_bar)> timestep_of_;
  Pyramid pyramid_;
  clipping clip_;
  std::uint64_t seed_, first_sample_;
  std::size_t count_, index_ = 0;  // of steps
  solver_step<Tensor, N> now_;
  Tensor norms_;  // squared, summed over the evaluations at each point of the path and scale
};

}  // namespace detail

/// Samples N scales along a path from the given unit noise, (B, C, H, W), (B, C, H/2, W/2), …,
/// whatever the path's first timesteps, and calls on_step(sampling_step) after each step. A scale
/// that is held is not sampled: the denoiser is shown its held images, which are returned as they
/// were last. A scale whose ᾱ does not change in a step, as where a timestep repeats, rests. Throws
/// lift::error as validate(schedule) does, for an empty path, one that rises or leaves the schedule,
/// and for outputs of the denoiser that do not fit or are not finite.
template <class Tensor, std::size_t N, class Denoiser, class Schedule, class Solver = ddim,
          class OnStep = ignore_step, class Pyramid = copies>
  requires(is_denoiser<Denoiser, Tensor, N>() && is_solver<Solver, Tensor, N>() &&
           is_noise_schedule<Schedule>() && is_pyramid<Pyramid, Tensor, N>())
scales<Tensor, N> sample(const Denoiser& denoise, const Schedule& schedule,
                         const timestep_path<N>& path, const scales<Tensor, N>& noise,
                         const sampling_options<Solver, Pyramid>& options = {},
                         OnStep on_step = {}, const scales<held_images<Tensor>, N>& held = {}) {
  return detail::sampling_run<Tensor, N, Denoiser, Pyramid>(denoise, schedule, path, noise, options,
                                                            held)
      .follow(detail::joint_solver<Tensor, N>(options.solver), on_step);
}

/// Super-resolution: fine images for the given clean coarse ones, which the denoiser sees at
/// timestep 0. Otherwise as sample.
template <class Tensor, class Denoiser, class Schedule, class Solver = ddim,
          class OnStep = ignore_step>
Tensor super_resolve(const Denoiser& denoise, const Schedule& schedule,
                     const std::vector<double>& fine_path, const Tensor& noise,
                     const Tensor& coarse, const sampling_options<Solver>& options = {},
                     OnStep on_step = {}) {
  timestep_path<> path;
  for (const double t : fine_path) path.push_back({t, 0});
  return sample(denoise, schedule, path, scales<Tensor>{noise, coarse}, options,
                std::move(on_step),
                scales<held_images<Tensor>>{nullptr, fixed_images<Tensor>{coarse}})
      .fine();
}

}  // namespace lift
