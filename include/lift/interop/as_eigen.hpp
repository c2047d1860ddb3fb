// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

/// A tensor of the CPU backend as an Eigen matrix with a row for each entry of its first axis, an
/// image for example, without a copy; it sees the elements as long as the tensor, or a handle to the
/// same elements, lives. Throws lift::error for a tensor without axes.
template <class T>
auto as_eigen(const tensor<xtensor_backend, T>& x) {
  require(x.shape().rank() > 0, "axes of a tensor seen as a matrix", x.shape().rank(), "at least 1");
  using matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const matrix>(x.data(), static_cast<Eigen::Index>(x.shape()[0]),
                                  static_cast<Eigen::Index>(x.shape().product(1, x.shape().rank())));
}

/// A temporary tensor's elements would be gone.
template <class T>
void as_eigen(tensor<xtensor_backend, T>&& x) = delete;

}  // namespace lift
