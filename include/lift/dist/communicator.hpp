// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lift {

/// A communicator joins the ranks 0 … size() − 1 of a job, threads, processes or devices, which
/// call the same members in the same order:
///
/// - sum(tensors): tensors of the same shapes on all ranks, none of them empty and no two with the
///   same elements; adds each up over all ranks, in place, in an order that is the same on every
///   rank, so that all are left with the same bits.
/// - broadcast(bytes): gives all ranks the bytes of rank 0.
/// - gather(bytes): on rank 0 the bytes of every rank, elsewhere nothing.
/// - barrier(): returns when all ranks are there.
/// - abort(message): any rank, at any time: ends the job on all of them, with one message.
///
/// Where a backend records work (recorded_work), sum is called while it does and not for each
/// repetition: it is then to ask that backend for work that it can record, and waits for nothing.
template <class C, class Tensor>
concept communicator = requires(const C& c, C& joined, std::span<Tensor* const> tensors,
                                std::string& bytes, std::string_view own) {
  { c.rank() } -> std::convertible_to<std::size_t>;
  { c.size() } -> std::convertible_to<std::size_t>;
  joined.sum(tensors);
  joined.broadcast(bytes);
  { joined.gather(own) } -> std::convertible_to<std::vector<std::string>>;
  joined.barrier();
  joined.abort(bytes);
};

/// True of a communicator; of anything else it does not compile, and says what is wanted.
template <class C, class Tensor>
constexpr bool is_communicator() {
  constexpr bool holds = communicator<C, Tensor>;
  static_assert(holds,
                "a communicator is to have const members rank() and size() -> std::size_t, and "
                "members sum(std::span<Tensor* const>), broadcast(std::string&), "
                "gather(std::string_view) -> std::vector<std::string>, barrier(), "
                "abort(std::string)");
  return holds;
}

}  // namespace lift
