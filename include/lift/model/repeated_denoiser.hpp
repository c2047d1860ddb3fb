// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/backend/repeated_work.hpp>
#include <lift/model/denoiser.hpp>

namespace lift {

/// A denoiser, or a single-scale one, whose evaluation on tensors is work that the backend repeats as
/// long as images and timesteps come in the same number and size: on a device a network costs the
/// host one call, not a thousand. It gives what the denoiser gives, which must take timesteps as
/// tensors too, as networks do. Where the backend records nothing, and on duals, it only calls the
/// denoiser. One thread at a time may call it.
template <class Denoiser, class Tensor>
class repeated_denoiser {
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;
  static constexpr bool records = repeated_work<Backend>::records;

 public:
  explicit repeated_denoiser(Denoiser denoise) : denoise_(std::move(denoise)) {}

  scales<Tensor> operator()(const Tensor& x_fine, const Tensor& x_coarse, const timesteps& t_fine,
                            const timesteps& t_coarse) const
    requires denoiser<Denoiser, Tensor>
  {
    if constexpr (!records) {
      auto y = denoise_(x_fine, x_coarse, t_fine, t_coarse);
      return {std::move(y.fine), std::move(y.coarse)};
    } else {
      static_assert(std::is_invocable_v<const Denoiser&, const Tensor&, const Tensor&,
                                        const Tensor&, const Tensor&>,
                    "a repeated denoiser is to take timesteps as tensors too, as networks do");
      const evaluation& e = evaluate({&x_fine, &x_coarse}, {&t_fine, &t_coarse}, [&](auto& on) {
        auto y = denoise_(on.x[0], on.x[1], on.t[0], on.t[1]);
        on.y = {std::move(y.fine), std::move(y.coarse)};
      });
      return {e.y[0].clone(), e.y[1].clone()};
    }
  }

  Tensor operator()(const Tensor& x, const timesteps& t) const
    requires single_scale_denoiser<Denoiser, Tensor>
  {
    if constexpr (!records) {
      return denoise_(x, t);
    } else {
      static_assert(std::is_invocable_v<const Denoiser&, const Tensor&, const Tensor&>,
                    "a repeated denoiser is to take timesteps as tensors too, as networks do");
      return evaluate({&x}, {&t}, [&](auto& on) { on.y = {denoise_(on.x[0], on.t[0])}; })
          .y[0].clone();
    }
  }

  /// A template, so that a call on tensors does not ask whether the denoiser takes duals.
  template <std::same_as<dual_of<Tensor>> Dual>
    requires requires(const Denoiser& d, const Dual& x, const timesteps& t) {
      { d(x, x, t, t).fine } -> std::convertible_to<Dual>;
      { d(x, x, t, t).coarse } -> std::convertible_to<Dual>;
    }
  auto operator()(const Dual& x_fine, const Dual& x_coarse, const timesteps& t_fine,
                  const timesteps& t_coarse) const {
    return denoise_(x_fine, x_coarse, t_fine, t_coarse);
  }

 private:
  /// Tensors that stay where they are, and the work between them.
  struct evaluation {
    std::vector<Tensor> x, t, y;
    repeated_work<Backend> work;
  };

  template <class Call>
  const evaluation& evaluate(const std::vector<const Tensor*>& x,
                             const std::vector<const timesteps*>& t, const Call& call) const {
    bool same = last_.has_value();
    for (std::size_t i = 0; same && i < x.size(); ++i)
      same = last_->t.size() == t.size() && last_->x[i].shape() == x[i]->shape() &&
             last_->t[i].size() == t[i]->size();
    if (!same) {
      last_.emplace();
      for (const Tensor* each : x) last_->x.emplace_back(each->shape());
      for (const timesteps* each : t) last_->t.emplace_back(shape{each->size()});
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      last_->x[i].assign(*x[i]);
      const std::vector<T> times(t[i]->begin(), t[i]->end());
      Backend::copy_in(last_->t[i].mutable_data(), std::span<const T>(times));
    }
    last_->work.run([&] { call(*last_); });
    return *last_;
  }

  Denoiser denoise_;
  mutable std::optional<evaluation> last_;
};

}  // namespace lift
