// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <utility>

#include <lift/tensor/maps.hpp>

namespace lift::op {

/// What a primitive's forward map returns: the value, and what its derivative rules need. Plain
/// evaluation drops `saved` at once, so whatever only it refers to is freed.
template <class Tensor, class Saved>
struct evaluation {
  using tensor_type = Tensor;
  Tensor value;
  Saved saved;
};

template <class Tensor, class Saved>
evaluation(Tensor, Saved) -> evaluation<Tensor, Saved>;

/// Tangents of a primitive's inputs or their gradients, in the order of the inputs; an empty
/// tensor stands for zero.
template <class Tensor, std::size_t N>
using tangents = std::array<Tensor, N>;

/// Which inputs a gradient is wanted for.
template <std::size_t N>
using selection = std::array<bool, N>;

namespace detail {
template <class Op, std::size_t... I>
auto forward(const Op& op, const auto& x, std::index_sequence<I...>) {
  return op.forward(x[I]...);
}
template <class Op, class Tensor>
using evaluation_of = decltype(forward(std::declval<const Op&>(),
                                       std::declval<std::array<Tensor, Op::inputs>>(),
                                       std::make_index_sequence<Op::inputs>{}));
template <class Op, std::size_t... I>
shape output_shape(const Op& op, const auto& s, std::index_sequence<I...>) {
  return op.output_shape(s[I]...);
}
}  // namespace detail

/// A differentiable map of tensors with its three rules side by side:
/// forward(x...) → {y, saved}; jvp(saved, dx) → dy; vjp(saved, w, wanted) → Jᵀw for each input.
/// One that computes y faster where no derivative is wanted may have value(x...) → y, too.
///
/// Tangents may be stacked: K tangents of an input (B, …) are one tensor (K·B, …), K slowest, and
/// share the saved primal values. output_shape(shapes...) throws lift::error when they do not fit.
template <class Op, class Tensor>
concept primitive = requires(const Op& op, std::array<shape, Op::inputs> shapes,
                             const detail::evaluation_of<Op, Tensor>& primal, const Tensor& w,
                             const tangents<Tensor, Op::inputs>& dx,
                             const selection<Op::inputs>& wanted) {
  { Op::name } -> std::convertible_to<std::string_view>;
  detail::output_shape(op, shapes, std::make_index_sequence<Op::inputs>{});
  { op.jvp(primal.saved, dx) } -> std::same_as<Tensor>;
  { op.vjp(primal.saved, w, wanted) } -> std::same_as<tangents<Tensor, Op::inputs>>;
};

/// The images for a rule that is written for channels first.
template <class Tensor>
Tensor channels_first(const Tensor& x) {
  return x.in_layout(memory_layout::channels_first);
}

/// Adds a term to a sum that may still be empty.
template <class Tensor>
void accumulate(Tensor& total, const Tensor& term) {
  if (term.empty()) return;
  total = total.empty() ? term : sum_of(total, term);
}

}  // namespace lift::op
