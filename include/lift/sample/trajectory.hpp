// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lift/backend/noise.hpp>
#include <lift/model/denoiser.hpp>
#include <lift/model/prediction.hpp>
#include <lift/sample/sampling_options.hpp>
#include <lift/schedule/schedule.hpp>

namespace lift {

/// a·x + b·y kept within [−1, 1].
template <class Number>
struct clipped_axpby_functor {
  Number a, b;
  template <class T>
  LIFT_HD T operator()(T x, T y) const {
    using std::fmax, std::fmin;
    return fmin(fmax(T(a) * x + T(b) * y, T(-1)), T(1));
  }
};

/// Throws lift::error unless there is a timestep, all are below the schedule's number of them, and
/// none is above the one before it.
template <noise_schedule Schedule>
void require_falling(const Schedule& schedule, const std::vector<std::size_t>& path) {
  require(!path.empty(), "number of sampling steps", 0, "at least 1");
  std::size_t previous = schedule.num_timesteps() - 1;
  for (std::size_t i = 0; i < path.size(); ++i) {
    require(path[i] <= previous, text("timestep of sampling step ", i), path[i],
            text("at most ", previous));
    previous = path[i];
  }
}

/// The sample of one scale on its way along a list of timesteps, noisy to clean; the step after the
/// last timestep is the landing.
template <class Prediction, class Stepper, class Tensor>
class trajectory {
  static_assert(is_prediction<Prediction>() && is_stepper<Stepper, Tensor>());

 public:
  /// Begins at `start`. Throws lift::error as validate(schedule) and require_falling do, or where
  /// the prediction gives no x̂₀.
  template <noise_schedule Schedule>
  trajectory(const Schedule& schedule, std::vector<std::size_t> path, Tensor start,
             const sampling_options<Stepper>& options, std::uint32_t scale)
      : path_(std::move(path)),
        x_(std::move(start)),
        stepper_(options.stepper),
        clip_(options.clip),
        noise_{options.seed, purpose::step_noise, scale, 0},
        first_sample_(options.first_sample) {
    validate(schedule);
    require_falling(schedule, path_);
    for (const std::size_t t : path_) {
      alpha_bars_.push_back(schedule.alpha_bar(t));
      require(std::isfinite(Prediction::clean(alpha_bars_.back()).a),
              text("alpha_bar at timestep ", t, " for a network that predicts ", Prediction::name),
              alpha_bars_.back(), "more than 0");
    }
    alpha_bars_.push_back(options.landing == landing::clean ? 1 : schedule.alpha_bar(0));
    norms_ = Tensor(shape{path_.size()});
  }

  const Tensor& x() const { return x_; }
  /// The sample after the last step. Waits for the backend, for the first time on the way; throws
  /// lift::error if an output of the network was not finite, naming the first such timestep.
  const Tensor& result() const {
    const auto norms = norms_.to_host();
    for (std::size_t i = 0; i < step_; ++i)
      require(std::isfinite(norms[i]),
              text("squared norm of the network's output at timestep ", path_[i]), norms[i],
              "a finite number");
    return x_;
  }
  /// The x̂₀ of the last step; empty before the first.
  const Tensor& denoised() const { return denoised_; }
  /// The timestep the next evaluation is at.
  lift::timesteps timestep() const { return {static_cast<double>(path_[step_])}; }

  /// Takes one step with the network's output y for (x(), timestep()). A step whose ᾱ' equals ᾱ,
  /// as where a timestep repeats, leaves x as it is and adds no noise, whatever the stepper.
  /// Throws lift::error if y has another shape than x.
  void advance(const Tensor& y) {
    using T = typename Tensor::value_type;
    require(y.shape() == x_.shape(), "shape of the network's output", y.shape(), x_.shape());
    Tensor::backend_type::reduce(sum{}, 1, 1, y.size(), norms_.mutable_data() + step_,
                                 square_functor{}, each(y));
    const double alpha_bar = alpha_bars_[step_], next = alpha_bars_[step_ + 1];
    const combination weights = Prediction::clean(alpha_bar);
    const auto a = static_cast<T>(weights.a), b = static_cast<T>(weights.b);
    const clipped_axpby_functor<T> clipped{a, b};
    denoised_ = clip_ ? mapped<Tensor>(x_.shape(), clipped, each(x_), each(y)) : axpby(a, x_, b, y);
    noise_.step = static_cast<std::uint32_t>(step_++);
    if (next != alpha_bar)
      x_ = stepper_(x_, denoised_, alpha_bar, next,
                    [&] { return normal_noise<Tensor>(x_.shape(), noise_, first_sample_); });
  }

 private:
  std::vector<std::size_t> path_;
  std::vector<double> alpha_bars_;  // one more than the timesteps of the path
  Tensor x_, denoised_;
  Tensor norms_;  // squared, of the network's output at each timestep
  Stepper stepper_;
  bool clip_;
  random_stream noise_;
  std::uint64_t first_sample_;
  std::size_t step_ = 0;
};

}  // namespace lift
