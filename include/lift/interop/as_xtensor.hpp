// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xnoalias.hpp>
#endif

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

/// A tensor of the CPU backend as an xtensor expression, without a copy; it sees the elements as
/// long as the tensor, or a handle to the same elements, lives.
template <class T>
auto as_xtensor(const tensor<xtensor_backend, T>& x) {
  return xt::adapt(x.data(), x.size(), xt::no_ownership(),
                   std::vector<std::size_t>(x.shape().begin(), x.shape().end()));
}
/// The same, to write to: every handle to the same elements sees what is written.
template <class T>
auto as_xtensor(tensor<xtensor_backend, T>& x) {
  return xt::adapt(x.mutable_data(), x.size(), xt::no_ownership(),
                   std::vector<std::size_t>(x.shape().begin(), x.shape().end()));
}

/// A temporary tensor's elements would be gone.
template <class T>
void as_xtensor(tensor<xtensor_backend, T>&& x) = delete;

/// A new tensor of an xtensor expression's elements, evaluated straight into it.
template <class T = float, class Expression>
tensor<xtensor_backend, T> from_xtensor(const Expression& expression) {
  const auto& extents = expression.shape();
  const std::vector<std::size_t> dims(extents.begin(), extents.end());
  tensor<xtensor_backend, T> result{shape(std::span<const std::size_t>(dims))};
  auto view = as_xtensor(result);
  xt::noalias(view) = expression;
  return result;
}

}  // namespace lift
