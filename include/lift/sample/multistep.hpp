// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <lift/core/scales.hpp>
#include <lift/sample/solver.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// Where a multistep solver of an order is in one scale: its last levels l = ½·log(ᾱ/(1−ᾱ)), which
/// papers call λ, with the x̂₀ found there, newest first; none of them at ᾱ = 0.
template <class Tensor>
class denoised_history {
 public:
  static constexpr std::size_t most = 3;

  void add(double level, const Tensor& denoised) {
    if (!std::isfinite(level)) return;
    std::shift_right(levels_.begin(), levels_.end(), 1);
    std::shift_right(denoised_.begin(), denoised_.end(), 1);
    levels_[0] = level;
    denoised_[0] = denoised;
    size_ = std::min(size_ + 1, most);
  }

  std::size_t size() const { return size_; }
  double level(std::size_t i) const { return levels_[i]; }
  const Tensor& denoised(std::size_t i) const { return denoised_[i]; }

 private:
  std::array<double, most> levels_{};
  std::array<Tensor, most> denoised_;
  std::size_t size_ = 0;
};

inline double half_log_snr(double alpha_bar) { return 0.5 * log_snr_from_alpha_bar(alpha_bar); }

/// The highest order that a step of a scale may have for what is left of its path: the last steps of one that
/// ends in noise lose an order each, to be of first order at the end. A step to a clean image is its x̂₀,
/// whatever the order, and has none lowered before it.
template <class Tensor, std::size_t N>
std::size_t highest_order(const solver_step<Tensor, N>& step, std::size_t scale) {
  return step.last[scale] < 1 ? step.left + 1 : denoised_history<Tensor>::most;
}

namespace detail {

/// a·x + Σᵢ weights[i]·D_i.
template <class Tensor>
Tensor with_history(double a, const Tensor& x, const denoised_history<Tensor>& history,
                    const std::array<double, denoised_history<Tensor>::most>& weights) {
  Tensor sum = axpby(a, x, weights[0], history.denoised(0));
  for (std::size_t i = 1; i < history.size(); ++i)
    if (weights[i] != 0) sum = axpby(1, sum, weights[i], history.denoised(i));
  return sum;
}

}  // namespace detail

}  // namespace lift
