// SPDX-License-Identifier: MIT
// Denoisers, a schedule and a path policy of one's own, each in every place that takes one: all of it is
// to compile. What it computes is tested where those places are.

#include "paper_backend.hpp"

#include <lift/analysis/error_heatmap.hpp>
#include <lift/model/repeated_denoiser.hpp>
#include <lift/path/any_path_policy.hpp>
#include <lift/sample/generate.hpp>
#include <lift/train/trainer.hpp>

using lift::timesteps;

struct own_schedule {
  std::size_t num_timesteps() const { return 9; }
  double alpha_bar(std::size_t t) const { return 1 - 0.1 * static_cast<double>(t); }
};

struct own_policy {
  lift::timestep_path operator()(const lift::error_heatmap&, const own_schedule&,
                                 std::size_t steps) const {
    return lift::timestep_path(steps);
  }
};
static_assert(lift::path_policy<own_policy, own_schedule> && !lift::path_policy<own_policy>);
static_assert(lift::path_policy<lift::any_path_policy, own_schedule>);

struct own_images {
  image_tensor fine, coarse;
};

struct own_architecture {
  static constexpr const char* name = "own";
  std::vector<std::size_t> hidden_dims{8};
  template <class Scope, class F, class C, class T>
  auto operator()(const Scope&, const F& fine, const C& coarse, const T&, const T&) const {
    return lift::scales{fine, coarse};
  }
};

const own_schedule schedule;
const lift::timestep_path path = lift::make_path_policy("diagonal")({}, schedule, 4);

template <class Denoiser>
void use(const Denoiser& denoise, const image_tensor& x) {
  const auto coarse = lift::coarsen(x);
  lift::generate<image_tensor>(denoise, schedule, path, {1, 3, 8, 8});
  lift::generate<image_tensor>(denoise, schedule, {{8, 8}, {4, 4}}, {1, 3, 8, 8});
  lift::sample_fine(denoise, schedule, path, x, lift::fixed_coarse<image_tensor>{coarse});
  lift::super_resolve(denoise, schedule, {5, 4}, x, coarse);
  const lift::repeated_denoiser<Denoiser, image_tensor> again(denoise);
  lift::sample_scales(again, schedule, path, lift::scales{x, coarse});
}

template <class Denoiser>
void differentiate(const Denoiser& denoise, const image_tensor& x) {
  lift::compute_error_heatmap(denoise, schedule, x, lift::timestep_axis(schedule, 4));
}

void everything(const image_tensor& x) {
  const auto generic = [](const auto& fine, const auto& coarse, const timesteps&, const auto&) {
    return lift::scales{lift::scaled(fine, 0.5), lift::scaled(coarse, 1)};
  };
  static_assert(lift::has_exact_jacobian<decltype(generic), image_tensor>());
  use(generic, x);
  differentiate(generic, x);
  differentiate(lift::repeated_denoiser<decltype(generic), image_tensor>(generic), x);

  const auto tensors_alone = [](const auto& fine, const auto& coarse, const auto&, const auto&) {
    return lift::scales{image_tensor(fine.shape(), fine.to_host()), coarse};
  };
  use(tensors_alone, x);
  differentiate(lift::central_differences{tensors_alone}, x);

  const auto says_what_it_returns = [](const auto& fine, const auto& coarse, const auto&,
                                       const auto&) -> lift::scales<image_tensor> {
    return {image_tensor(fine.shape(), fine.to_host()), coarse};
  };
  using says = decltype(says_what_it_returns);
  static_assert(!lift::has_exact_jacobian<says, image_tensor>());
  static_assert(!lift::has_exact_jacobian<lift::estimator<says, own_schedule>, image_tensor>());
  use(says_what_it_returns, x);
  differentiate(says_what_it_returns, x);

  const auto plain = [](const image_tensor& fine, const image_tensor& coarse, const timesteps&,
                        const timesteps&) { return own_images{fine, coarse}; };
  use(plain, x);
  differentiate(plain, x);

  const auto single_scale = [](const auto& one, const auto&) { return lift::scaled(one, 0.5); };
  lift::generate<image_tensor>(single_scale, schedule, {8, 4}, {1, 3, 8, 8});
  lift::generate<image_tensor>(single_scale, schedule, {8}, {1, 3, 8, 8});

  const lift::training_state<image_tensor> state;
  const lift::tensor_images images{x};
  const lift::trainer training(own_architecture{}, state, images, lift::objective{schedule},
                         lift::constant_rate{});
}
