// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lift/core/config.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

/// The same run of elements of N tensors of equal size.
template <class T, std::size_t N>
struct tensor_piece {
  T* data[N];
  std::size_t size;
};

namespace kernel {
/// f(team, piece, i) for piece i.
template <class T, std::size_t N, class F>
struct multi_tensor {
  const tensor_piece<T, N>* pieces;
  F f;
  template <class Team>
  LIFT_HD void operator()(const Team& team, std::size_t i) const {
    const tensor_piece<T, N> piece = pieces[i];
    f(team, piece, i);
  }
};
}  // namespace kernel

/// Many tensors in one loop (a "multi-tensor" kernel): N lists of them, of equal sizes at equal
/// places, cut into pieces that stay in cache, each for one team.
template <class Tensor, std::size_t N>
class multi_tensor {
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;

 public:
  /// Appends N tensors, whose elements a loop may write.
  void add(std::array<Tensor, N> tensors) {
    const std::size_t size = tensors[0].size();
    for (const Tensor& each : tensors)
      require(each.size() == size, "elements of tensors in one loop", each.size(), size);
    for (std::size_t first = 0; first < size; first += piece) {
      tensor_piece<T, N> next{{}, std::min(piece, size - first)};
      for (std::size_t k = 0; k < N; ++k) next.data[k] = tensors[k].mutable_data() + first;
      pieces_.push_back(next);
    }
  }

  /// Number of pieces so far: those of tensors added one after the other follow each other.
  std::size_t size() const { return pieces_.size(); }

  /// f(team, piece, i) for every piece.
  template <class F>
  void for_each(const F& f) const {
    typename Backend::template buffer<tensor_piece<T, N>> table(pieces_.size());
    Backend::copy_in(table.data(), std::span<const tensor_piece<T, N>>(pieces_));
    Backend::for_each_team(pieces_.size(), kernel::multi_tensor<T, N, F>{table.data(), f}, piece);
  }

 private:
  static constexpr std::size_t piece = 16384;  // elements

  std::vector<tensor_piece<T, N>> pieces_;
};

}  // namespace lift
