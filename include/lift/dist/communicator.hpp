// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

namespace lift {

/// A communicator joins the ranks 0 … size() − 1 of a job, threads, processes or devices. All ranks
/// call sum with tensors of the same shapes in the same order, none of them empty and no two with
/// the same elements: it adds each up over all ranks, in place, in an order that is the same on
/// every rank, so that all are left with the same bits.
///
/// Where a backend records work (recorded_work), sum is called while it does and not for each
/// repetition: it is then to ask that backend for work that it can record, and waits for nothing.
template <class C, class Tensor>
concept communicator = requires(const C& c, C& joined, std::span<Tensor* const> tensors) {
  { c.rank() } -> std::convertible_to<std::size_t>;
  { c.size() } -> std::convertible_to<std::size_t>;
  joined.sum(tensors);
};

/// True of a communicator; of anything else it does not compile, and says what is wanted.
template <class C, class Tensor>
constexpr bool is_communicator() {
  constexpr bool holds = communicator<C, Tensor>;
  static_assert(holds,
                "a communicator is to have const members rank() and size() -> std::size_t, and a "
                "member sum(std::span<Tensor* const>)");
  return holds;
}

}  // namespace lift
