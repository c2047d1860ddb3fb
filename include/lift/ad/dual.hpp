// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/backend.hpp>
#include <lift/tensor/maps.hpp>

namespace lift {

/// A value with K directional derivatives that share its primal pass (forward mode).
///
/// The tangents of a primal (B, …) are stacked along the batch, K slowest: (K·B, …). A value that
/// does not depend on the directions is a plain tensor; both can meet in `apply`.
template <backend Backend, class T>
struct dual {
  tensor<Backend, T> primal;
  tensor<Backend, T> tangent;

  const lift::shape& shape() const { return primal.shape(); }
};

/// a·x.
template <class Backend, class T>
dual<Backend, T> scaled(const dual<Backend, T>& x, double a) {
  return {scaled(x.primal, a), scaled(x.tangent, a)};
}

template <class Tensor>
using dual_of = dual<typename Tensor::backend_type, typename Tensor::value_type>;

}  // namespace lift
