// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/tensor/maps.hpp>
#include <lift/tensor/multi_tensor.hpp>

namespace lift {

namespace kernel {
/// The sum of the squares of a piece.
template <class T>
struct squares_of_piece {
  T* out;

  template <class Team>
  LIFT_HD void operator()(const Team& team, const tensor_piece<T, 1>& piece, std::size_t i) const {
    const T* const x = piece.data[0];
    const T squares = team.template reduce<sum, T>(piece.size, [&](std::size_t j, auto v) {
      const auto element = team.load(x + j, v);
      return element * element;
    });
    team.once([&] { out[i] = squares; });
  }
};

/// What gradients of the global norm √Σ squares are multiplied by to bring it down to `most`:
/// min(1, most/(norm + 10⁻⁶)), as PyTorch; NaN where the norm or one of the losses is not finite.
template <class T>
struct clip_coefficient {
  const T* squares;
  std::size_t count;
  const T* losses;
  std::size_t loss_count;
  T most;
  T* out;

  template <class Team>
  LIFT_HD void operator()(const Team& team, std::size_t) const {
    using std::sqrt;
    const T total = team.template reduce<sum, T>(
        count, [&](std::size_t i, auto v) { return team.load(squares + i, v); });
    team.once([&] {
      const T norm = sqrt(total), least = most / (norm + T(1e-6f));
      T nothing = norm - norm;  // 0, or NaN
      for (std::size_t i = 0; i < loss_count; ++i) nothing += losses[i] - losses[i];
      *out = (least < T(1) ? least : T(1)) + nothing;
    });
  }
};
}  // namespace kernel

/// The L2 norms of gradients, and the losses they are of: found where the tensors are, so that a
/// step goes on while nobody waits for them, and brought to the host by one copy when asked for.
template <class Tensor>
class gradient_norms {
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;

 public:
  /// Losses are tensors of one element; empty ones, as empty gradients, count as zero.
  explicit gradient_norms(const std::vector<Tensor>& gradients,
                          const std::vector<Tensor>& losses = {})
      : loss_count_(losses.size()) {
    multi_tensor<Tensor, 1> all;
    for (const Tensor& gradient : gradients) {
      if (!gradient.empty()) all.add({gradient});
      ends_.push_back(all.size());
    }
    values_ = zeros<Tensor>({all.size() + loss_count_});
    all.for_each(kernel::squares_of_piece<T>{values_.mutable_data()});
    for (std::size_t i = 0; i < loss_count_; ++i)
      if (!losses[i].empty())
        Backend::copy_rows(std::size_t{1}, std::size_t{1}, values_.mutable_data() + all.size() + i,
                           std::size_t{1}, losses[i].data(), std::size_t{1});
  }

  /// min(1, max_norm/(norm + 10⁻⁶)) for the norm of all gradients together, as PyTorch, a tensor of
  /// one element; an infinite max_norm leaves gradients alone. NaN where a gradient or a loss is
  /// not finite.
  Tensor clip_coefficient(double max_norm) const {
    Tensor coefficient(shape{1});
    const std::size_t pieces = values_.size() - loss_count_;
    Backend::for_each_team(
        1, kernel::clip_coefficient<T>{values_.data(), pieces, values_.data() + pieces, loss_count_,
                                       static_cast<T>(max_norm), coefficient.mutable_data()});
    return coefficient;
  }

  struct host_values {
    std::vector<double> norms;  ///< of each gradient, 0 for an empty one
    std::vector<double> losses;
  };

  /// Waits for them.
  host_values to_host() const {
    const std::vector<T> all = values_.to_host();
    host_values result;
    std::size_t i = 0;
    for (const std::size_t end : ends_) {
      double squares = 0;
      for (; i < end; ++i) squares += static_cast<double>(all[i]);
      result.norms.push_back(std::sqrt(squares));
    }
    for (std::size_t k = 0; k < loss_count_; ++k)
      result.losses.push_back(static_cast<double>(all[i + k]));
    return result;
  }

 private:
  std::size_t loss_count_;
  std::vector<std::size_t> ends_;  // the pieces of each gradient end here
  Tensor values_;  // the squares of each piece, then the losses
};

/// The L2 norm of each tensor, 0 for an empty one; not finite where an element is not.
template <class Tensor>
std::vector<double> norms(const std::vector<Tensor>& tensors) {
  return gradient_norms<Tensor>(tensors).to_host().norms;
}

/// The norm of all tensors together, from the norm of each.
inline double global_norm(const std::vector<double>& norms) {
  double squares = 0;
  for (const double norm : norms) squares += norm * norm;
  return std::sqrt(squares);
}

}  // namespace lift
