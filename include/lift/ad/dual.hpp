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

/// x with another shape of as many elements.
template <class Backend, class T>
tensor<Backend, T> reshaped(const tensor<Backend, T>& x, const shape& s) {
  return x.reshaped(s);
}
template <class Backend, class T>
dual<Backend, T> reshaped(const dual<Backend, T>& x, const shape& s) {
  shape stack = s;
  stack[0] *= x.tangent.size() / x.primal.size();
  return {x.primal.reshaped(s), x.tangent.reshaped(stack)};
}

/// x stored as another type; its tangents likewise.
template <class To, class Backend, class T>
tensor<Backend, To> stored_as(const tensor<Backend, T>& x,
                              memory_layout layout = memory_layout::channels_first) {
  return x.template stored_as<To>(layout);
}
template <class To, class Backend, class T>
dual<Backend, To> stored_as(const dual<Backend, T>& x,
                            memory_layout layout = memory_layout::channels_first) {
  return {stored_as<To>(x.primal, layout), stored_as<To>(x.tangent, layout)};
}

template <class Tensor>
using dual_of = dual<typename Tensor::backend_type, typename Tensor::value_type>;

}  // namespace lift
