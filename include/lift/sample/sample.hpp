// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/path/path.hpp>
#include <lift/pyramid/scales.hpp>
#include <lift/sample/coarse_input.hpp>
#include <lift/sample/trajectory.hpp>

namespace lift {

namespace detail {
template <class Prediction, class Stepper, class Tensor, class Schedule>
constexpr bool can_sample = is_prediction<Prediction>() && is_stepper<Stepper, Tensor>() &&
                            is_noise_schedule<Schedule>();

inline std::vector<std::size_t> timesteps_of(const timestep_path& path,
                                             std::size_t timestep_pair::*scale) {
  std::vector<std::size_t> result;
  for (const timestep_pair& t : path) result.push_back(t.*scale);
  return result;
}

/// Takes `count` steps with the network's outputs evaluate(step).
template <class Trajectory, class Evaluate, class OnStep>
auto follow(Trajectory& x, std::size_t count, const Evaluate& evaluate, OnStep& on_step) {
  for (std::size_t step = 0; step < count; ++step) {
    x.advance(evaluate(step));
    on_step(sampling_step<std::decay_t<decltype(x.x())>>{step, count, x.x(), x.denoised()});
  }
  return x.result();
}
}  // namespace detail

/// Samples both scales along a path from the given unit noise, (B, C, H, W) and (B, C, H/2, W/2),
/// whatever the path's first timesteps. Calls on_step(sampling_step<scales<Tensor>>) after each
/// step. Throws lift::error as validate(schedule) does, for an empty path, one that rises or leaves
/// the schedule, and for outputs of the network that do not fit or are not finite.
template <class Prediction = predicts_noise, class Stepper = ddim, class Tensor, class Denoiser,
          class Schedule, class OnStep = ignore_step>
  requires(is_denoiser<Denoiser, Tensor>() &&
           detail::can_sample<Prediction, Stepper, Tensor, Schedule>)
scales<Tensor> sample_scales(const Denoiser& denoise, const Schedule& schedule,
                             const timestep_path& path, const scales<Tensor>& noise,
                             const sampling_options<Stepper>& options = {}, OnStep on_step = {}) {
  trajectory<Prediction, Stepper, Tensor> fine(
      schedule, detail::timesteps_of(path, &timestep_pair::fine), noise.fine, options, 0);
  trajectory<Prediction, Stepper, Tensor> coarse(
      schedule, detail::timesteps_of(path, &timestep_pair::coarse), noise.coarse, options, 1);
  for (std::size_t step = 0; step < path.size(); ++step) {
    const auto y = denoise(fine.x(), coarse.x(), fine.timestep(), coarse.timestep());
    fine.advance(y.fine);
    coarse.advance(y.coarse);
    on_step(sampling_step<scales<Tensor>>{step, path.size(), {fine.x(), coarse.x()},
                                          {fine.denoised(), coarse.denoised()}});
  }
  return {fine.result(), coarse.result()};
}

/// Samples the fine scale alone, from unit noise (B, C, H, W); the denoiser is shown coarse(step)
/// at the path's coarse timestep. Calls on_step(sampling_step<Tensor>); throws as sample_scales.
template <class Prediction = predicts_noise, class Stepper = ddim, class Tensor, class Denoiser,
          class Schedule, class Coarse, class OnStep = ignore_step>
  requires(is_denoiser<Denoiser, Tensor>() && is_coarse_input<Coarse, Tensor>() &&
           detail::can_sample<Prediction, Stepper, Tensor, Schedule>)
Tensor sample_fine(const Denoiser& denoise, const Schedule& schedule, const timestep_path& path,
                   const Tensor& noise, const Coarse& coarse,
                   const sampling_options<Stepper>& options = {}, OnStep on_step = {}) {
  require_falling(schedule, detail::timesteps_of(path, &timestep_pair::coarse));
  trajectory<Prediction, Stepper, Tensor> fine(
      schedule, detail::timesteps_of(path, &timestep_pair::fine), noise, options, 0);
  const auto evaluate = [&](std::size_t step) -> Tensor {
    const timesteps t_coarse{static_cast<double>(path[step].coarse)};
    return denoise(fine.x(), coarse(step), fine.timestep(), t_coarse).fine;
  };
  return detail::follow(fine, path.size(), evaluate, on_step);
}

/// Super-resolution: fine images for the given clean coarse ones, which the denoiser sees at
/// timestep 0. Otherwise as sample_fine.
template <class Prediction = predicts_noise, class Stepper = ddim, class Tensor, class Denoiser,
          class Schedule, class OnStep = ignore_step>
  requires(is_denoiser<Denoiser, Tensor>() &&
           detail::can_sample<Prediction, Stepper, Tensor, Schedule>)
Tensor super_resolve(const Denoiser& denoise, const Schedule& schedule,
                     const std::vector<std::size_t>& fine_path, const Tensor& noise,
                     const Tensor& coarse, const sampling_options<Stepper>& options = {},
                     OnStep on_step = {}) {
  timestep_path path;
  for (const std::size_t t : fine_path) path.push_back({t, 0});
  return sample_fine<Prediction>(denoise, schedule, path, noise, fixed_coarse<Tensor>{coarse},
                                 options, std::move(on_step));
}

/// Samples images of one scale with a single-scale denoiser, from unit noise (B, C, H, W). Calls
/// on_step(sampling_step<Tensor>); throws as sample_scales.
template <class Prediction = predicts_noise, class Stepper = ddim, class Tensor, class Denoiser,
          class Schedule, class OnStep = ignore_step>
  requires(is_single_scale_denoiser<Denoiser, Tensor>() &&
           detail::can_sample<Prediction, Stepper, Tensor, Schedule>)
Tensor sample_single(const Denoiser& denoise, const Schedule& schedule,
                     const std::vector<std::size_t>& path, const Tensor& noise,
                     const sampling_options<Stepper>& options = {}, OnStep on_step = {}) {
  trajectory<Prediction, Stepper, Tensor> x(schedule, path, noise, options, 0);
  const auto evaluate = [&](std::size_t) -> Tensor { return denoise(x.x(), x.timestep()); };
  return detail::follow(x, path.size(), evaluate, on_step);
}

}  // namespace lift
