// SPDX-License-Identifier: MIT
// Denoisers, a schedule, a pyramid, path policies, a prediction, a loss weighting, a solver, a stepper, a regime,
// an optimiser and a communicator of one's own, each in every place that takes one: all of it is to compile. What
// it computes is tested where those places are.

#include "paper_backend.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/io/checkpoint.hpp>
#include <lift/metric/denoising_error.hpp>
#include <lift/model/model.hpp>
#include <lift/model/recorded_network.hpp>
#include <lift/nn/layers.hpp>
#include <lift/op/weighted_sum.hpp>
#include <lift/path/any_path_policy.hpp>
#include <lift/pipeline/generate.hpp>
#include <lift/pipeline/load.hpp>
#include <lift/pipeline/train.hpp>
#include <lift/sample/generate.hpp>
#include <lift/train/trainer.hpp>

using lift::scales, lift::timesteps;

struct own_schedule {
  std::size_t num_timesteps() const { return 9; }
  double alpha_bar(std::size_t t) const { return 1 - 0.1 * static_cast<double>(t); }
};

struct own_policy {
  lift::timestep_path<> operator()(const lift::error_heatmap<>&, const own_schedule&,
                                   std::size_t steps) const {
    return lift::timestep_path<>(steps);
  }
};
static_assert(lift::path_policy<own_policy, own_schedule> && !lift::path_policy<own_policy>);
static_assert(lift::path_policy<lift::any_path_policy, own_schedule>);

/// The coarsest scale alone, then the next finer one, and so on.
struct one_after_another {
  template <std::size_t N, lift::noise_schedule Schedule>
  lift::timestep_path<N> operator()(const lift::error_heatmap<N>&, const Schedule& schedule,
                                    std::size_t steps) const {
    const auto noisiest = static_cast<double>(schedule.num_timesteps() - 1);
    lift::timestep_path<N> path;
    for (std::size_t i = 0; i < steps; ++i)
      path.push_back(lift::make_scales<N>([&](std::size_t scale) {
        const double done = static_cast<double>(N * i) / static_cast<double>(steps);  // scales
        const auto coarser = static_cast<double>(N - 1 - scale);
        return noisiest * (1 - std::clamp(done - coarser, 0.0, 1.0));
      }));
    return path;
  }
};
static_assert(lift::path_policy<one_after_another>);
static_assert(lift::path_policy<one_after_another, own_schedule, 3>);

/// Each scale is what the next leaves out, the coarsest an image: the Laplacian pyramid.
struct laplacian {
  static constexpr const char* name = "laplacian";

  template <std::size_t N, lift::value X>
  scales<X, N> split(const X& image) const {
    scales<X, N> parts{image};
    for (std::size_t s = 1; s < N; ++s) {
      parts[s] = lift::coarsen(parts[s - 1]);
      parts[s - 1] = sum(1, parts[s - 1], -1, lift::refine(parts[s]));
    }
    return parts;
  }
  template <lift::value X, std::size_t N>
  X join(const scales<X, N>& parts) const {
    X image = parts.coarse();
    for (std::size_t s = N - 1; s-- > 0;) image = sum(1, parts[s], 1, lift::refine(image));
    return image;
  }

 private:
  template <lift::value X>
  static X sum(double a, const X& x, double b, const X& y) {
    return lift::apply(lift::op::weighted_sum{{a}, {b}}, x, y);
  }
};
static_assert(lift::pyramid<laplacian, image_tensor> && lift::pyramid<laplacian, image_tensor, 3>);

/// y = ε − x₀; gives both at every ᾱ.
struct predicts_difference {
  static constexpr const char* name = "difference";
  static double sum(double alpha_bar) { return std::sqrt(alpha_bar) + std::sqrt(1 - alpha_bar); }
  static lift::combination noise(double alpha_bar) {
    return {1 / sum(alpha_bar), std::sqrt(alpha_bar) / sum(alpha_bar)};
  }
  static lift::combination clean(double alpha_bar) {
    return {1 / sum(alpha_bar), -std::sqrt(1 - alpha_bar) / sum(alpha_bar)};
  }
  static lift::combination target(double) { return {-1, 1}; }
};
static_assert(lift::prediction_rule<predicts_difference>);

/// Nearly clean images, γ > 1, do not count.
struct noisy_weighting {
  static constexpr const char* name = "noisy";
  static double of_clean(double snr) { return snr > 1 ? 0 : snr; }
};
static_assert(lift::loss_weighting_rule<noisy_weighting>);

/// Moves straight from x to √ᾱ'·x̂₀ + √(1−ᾱ')·noise.
struct noises_again {
  template <class Tensor, class Noise>
  Tensor operator()(const Tensor&, const Tensor& denoised, double, double next_alpha_bar,
                    const Noise& noise) const {
    return lift::axpby(std::sqrt(next_alpha_bar), denoised, std::sqrt(1 - next_alpha_bar), noise());
  }
};
static_assert(lift::stepper<noises_again, image_tensor>);

/// DDIM with the mean of x̂₀ here and where DDIM gets to.
struct looks_ahead {
  template <class Tensor, std::size_t N>
  scales<Tensor, N> operator()(lift::solver_step<Tensor, N> step) const {
    lift::each_scale<lift::ddim, N> ddim(lift::ddim{});
    if (step.evaluate_next) {
      const scales<Tensor, N> there = step.evaluate_next(ddim(step));
      for (std::size_t s = 0; s < N; ++s)
        step.denoised[s] = lift::axpby(0.5, step.denoised[s], 0.5, there[s]);
    }
    return ddim(step);
  }
};
static_assert(lift::solver<looks_ahead, image_tensor, 3>);

/// No scale is noisier than the next finer one.
struct coarse_ahead_regime {
  static constexpr const char* name = "coarse-ahead";

  template <std::size_t N>
  LIFT_HD scales<std::size_t, N> draw(const lift::random_stream& stream, std::uint64_t sample,
                                      std::size_t num_timesteps) const {
    scales<std::size_t, N> t;
    for (std::size_t scale = 0; scale < N; ++scale)
      t[scale] = lift::uniform_timestep(stream, sample, scale,
                                        scale == 0 ? num_timesteps : t[scale - 1] + 1);
    return t;
  }
};
static_assert(lift::regime<coarse_ahead_regime> && lift::regime<coarse_ahead_regime, 3>);

/// A step of sign descent on a piece of (p, gradient).
template <class T>
struct against_the_sign {
  const T *scale, *rate;

  template <class Team>
  LIFT_HD void operator()(const Team& team, const lift::tensor_piece<T, 2>& piece,
                          std::size_t) const {
    if (!(*scale - *scale == T(0))) return;  // a loss or gradient was not finite
    T* const p = piece.data[0];
    const T* const g = piece.data[1];
    team.map(1, piece.size, p, [&](std::size_t, std::size_t i, auto x) {
      using std::abs;
      using V = decltype(x);
      const V gradient = team.load(g + i, x);
      return team.load(p + i, x) - V(*rate) * gradient / (abs(gradient) + V(T(1e-30)));
    });
  }
};

/// p ← p − η·sign(g); remembers nothing.
struct sign_descent {
  static constexpr const char* name = "signs";
  static constexpr std::array<const char*, 0> states{};

  template <class T>
  std::array<T, 1> coefficients_at(double rate, std::uint64_t) const {
    return {static_cast<T>(rate)};
  }
  template <class Tensor>
  void update(lift::parameters<Tensor>& p, std::vector<lift::parameters<Tensor>>&,
              const std::vector<Tensor>& gradients, const Tensor& scale,
              const Tensor& coefficients) const {
    using T = typename Tensor::value_type;
    lift::multi_tensor<Tensor, 2> all;
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (!gradients[i].empty()) all.add({p.entries()[i].value, gradients[i]});
    all.for_each(against_the_sign<T>{scale.data(), coefficients.data()});
  }
};
static_assert(lift::optimiser<sign_descent, image_tensor>);

/// The first of two ranks that find the same.
struct first_of_twins : lift::alone {
  std::size_t size() const { return 2; }
  template <class Tensor>
  void sum(std::span<Tensor* const> tensors) {
    for (Tensor* x : tensors) x->assign(lift::sum_of(*x, *x));
  }
};
static_assert(lift::communicator<first_of_twins, image_tensor>);

struct own_images {
  image_tensor fine, coarse;
  operator scales<image_tensor>() const { return {fine, coarse}; }
};

struct own_config {
  std::size_t width = 16, image_channels = 3;

  std::size_t size_factor() const { return 2; }
  template <class Config, class Visit>
  static void for_each_field(Config& config, const Visit& visit) {
    visit("width", config.width);
    visit("image_channels", config.image_channels);
  }
};

/// Two convolutions for each scale, and between them a shift by the timestep.
template <std::size_t N>
struct own_architecture {
  static constexpr const char* name = "own";
  static constexpr std::size_t scale_count = N;
  own_config config = {};

  template <class Scope, class X, class T>
  auto operator()(const Scope& p, const scales<X, N>& x, const scales<T, N>& t) const {
    return lift::make_scales<N>([&](std::size_t s) {
      const auto own = p / lift::scale_name(s, N);
      const auto time = lift::nn::time_embedding(own / "time", x[s], t[s], config.width);
      const auto h = lift::nn::conv2d_add(own / "in", x[s],
                                          lift::nn::linear(own / "shift", time, config.width),
                                          config.width, 3, 1);  // (B, width, H, W)
      return lift::nn::conv2d(own / "out", lift::nn::silu(h), config.image_channels, 3, 1, 1);
    });
  }
};
static_assert(lift::network_architecture<own_architecture<2>>);

const own_schedule schedule;
const lift::timestep_path<> path =
    lift::make_path_policy("diagonal")(lift::error_heatmap<>{}, schedule, 4);

template <class Denoiser>
void use(const Denoiser& denoise, const image_tensor& x) {
  const auto images = lift::copies{}.split<2>(x);
  lift::generate<image_tensor>(denoise, schedule, path, {1, 3, 8, 8});
  lift::generate<image_tensor>(denoise, schedule, lift::timestep_path<>{{8, 8}, {4.5, 4}},
                               {1, 3, 8, 8});
  lift::sample(denoise, schedule, {{8, 8}, {4, 4}}, images,
               lift::sampling_options<noises_again>{});
  lift::sample(denoise, schedule, path, images, lift::sampling_options<looks_ahead>{});
  lift::sample(denoise, schedule, path, images, {}, lift::ignore_step{},
               scales<lift::held_images<image_tensor>>{
                   nullptr, lift::fixed_images<image_tensor>{images.coarse()}});
  lift::super_resolve(denoise, schedule, {5, 4}, x, images.coarse());
}

template <class Denoiser>
void differentiate(const Denoiser& denoise, const image_tensor& x) {
  lift::compute_error_heatmap(denoise, schedule, x, lift::timestep_axis(schedule, 4));
}

/// As a denoiser, and as a network that predicts something else.
template <class Denoiser>
void use_and_differentiate(const Denoiser& denoise, const image_tensor& x) {
  const lift::model predicted{denoise, predicts_difference{}, schedule};
  static_assert(lift::has_exact_jacobian<lift::model<Denoiser, own_schedule>, image_tensor>() ==
                lift::has_exact_jacobian<Denoiser, image_tensor>());
  use(denoise, x);
  differentiate(denoise, x);
  use(predicted, x);
  differentiate(predicted, x);
  const lift::recorded_network<Denoiser, image_tensor> again(denoise);
  use(lift::model{again, lift::predicts_velocity{}, schedule}, x);
  differentiate(lift::model{again, lift::make_prediction("edm"), schedule}, x);
}

template <std::size_t N>
void of_scales(const image_tensor& x) {
  const auto of_any = []<class X>(const scales<X, N>& images, const scales<timesteps, N>&) {
    return lift::make_scales<N>([&](std::size_t s) { return lift::scaled(images[s], 0.5); });
  };
  static_assert(lift::has_exact_jacobian<decltype(of_any), image_tensor, N>());
  const auto way = one_after_another{}(lift::error_heatmap<N>{}, schedule, 4);
  lift::generate<image_tensor>(of_any, schedule, way, {1, 3, 8, 8},
                               lift::sampling_options<looks_ahead>{});
  lift::generate<image_tensor>(lift::model{of_any, predicts_difference{}, schedule}, schedule, way,
                               {1, 3, 8, 8});
  lift::compute_error_heatmap<N>(of_any, schedule, x, lift::timestep_axis(schedule, 4));

  const auto parts = lift::generate<image_tensor>(
      of_any, schedule, way, {1, 3, 8, 8},
      lift::sampling_options<lift::ddim, laplacian>{.pyramid = laplacian{}});
  const image_tensor image = laplacian{}.join(parts);
  lift::compute_error_heatmap<N>(of_any, schedule, image, lift::timestep_axis(schedule, 4), {}, {},
                                 {}, laplacian{});
  lift::measure_denoising_errors<N>(of_any, schedule, image, {}, laplacian{});

  const lift::training_state<image_tensor> state;
  const lift::tensor_images images{x};
  const lift::trainer plain(own_architecture<N>{}, state, images, lift::objective{schedule},
                            lift::constant_rate{});
  lift::objective goal{schedule, coarse_ahead_regime{}, predicts_difference{}};
  goal.weighting = noisy_weighting{};
  lift::trainer training(own_architecture<N>{}, state, images, goal, lift::constant_rate{});
  training.run(1, [](const lift::step_report<N>&) {});
  lift::trainer of_parts(
      own_architecture<N>{}, state, images,
      lift::objective{schedule, lift::independent_regime{}, lift::predicts_noise{}, laplacian{}},
      lift::constant_rate{});
  of_parts.run(1, [](const lift::step_report<N>&) {});
  const lift::training_options<sign_descent> options{.batch_size = 1};
  lift::trainer by_signs(own_architecture<N>{},
                         lift::training_state(state.weights, 1, options.optimiser), images,
                         lift::objective{schedule}, lift::constant_rate{}, options);
  by_signs.run(1, [](const lift::step_report<N>&) {});
  lift::trainer twin(own_architecture<N>{}, state, images, lift::objective{schedule},
                     lift::constant_rate{}, {.batch_size = 2}, first_of_twins{});
  twin.run(1, [](const lift::step_report<N>&) {});
}

void keep_own_network() {
  const lift::network<own_architecture<2>, image_tensor> net({{.width = 8}}, 1);
  lift::save_weights("own.safetensors", net.architecture, net.weights, lift::weight_kind::trained);
  const auto kept = lift::load<own_architecture<2>>("own.safetensors");
  lift::generate(kept, {.count = 1, .steps = 2});
  lift::train<own_architecture<2>>(lift::image_dataset("images"), {.config = {.width = 8}});
}

void everything(const image_tensor& x) {
  keep_own_network();
  const auto generic = [](const auto& images, const scales<timesteps>&) {
    return scales{lift::scaled(images.fine(), 0.5), lift::scaled(images.coarse(), 1)};
  };
  static_assert(lift::has_exact_jacobian<decltype(generic), image_tensor>());
  use_and_differentiate(generic, x);

  const auto tensors_alone = [](const auto& images, const auto&) {
    return scales{image_tensor(images.fine().shape(), images.fine().to_host()), images.coarse()};
  };
  use(tensors_alone, x);
  differentiate(lift::central_differences{tensors_alone}, x);
  differentiate(lift::model{lift::central_differences{tensors_alone}}, x);

  const auto says_what_it_returns = [](const auto& images, const auto&) -> scales<image_tensor> {
    return {image_tensor(images.fine().shape(), images.fine().to_host()), images.coarse()};
  };
  using says = decltype(says_what_it_returns);
  static_assert(!lift::has_exact_jacobian<says, image_tensor>());
  static_assert(!lift::has_exact_jacobian<lift::estimator<says, own_schedule>, image_tensor>());
  use_and_differentiate(says_what_it_returns, x);

  const auto plain = [](const scales<image_tensor>& images, const scales<timesteps>&) {
    return own_images{images.fine(), images.coarse()};
  };
  use_and_differentiate(plain, x);

  of_scales<1>(x);
  of_scales<2>(x);
  of_scales<3>(x);
}
