// SPDX-License-Identifier: MIT
#pragma once

// Tensors of golden files, and distances between tensors.

#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/tensor/tensor.hpp>

#include "golden.hpp"
#include "relative_l2.hpp"

namespace lift::test {

using tensor_f = tensor<xtensor_backend, float>;
using tensor_d = tensor<xtensor_backend, double>;
using plain_f = tensor<plain_xtensor_backend, float>;

/// float32 with the fast kernels and with the plain ones, and one of two numbers for each: Winograd's
/// kernels round more.
using float_tensors = std::tuple<tensor_f, plain_f>;
template <class Tensor>
constexpr double fast_or_plain(double fast, double plain) {
  return std::is_same_v<Tensor, plain_f> ? plain : fast;
}

template <class Tensor>
Tensor golden_tensor(const golden_file& file, const std::string& name) {
  return Tensor(shape(std::span<const std::size_t>(file.shape(name))),
                file.values<typename Tensor::value_type>(name));
}

template <class B, class T>
double relative_l2(const tensor<B, T>& a, const tensor<B, T>& b) {
  require(a.shape() == b.shape(), "tensors to compare", a.shape(), b.shape());
  return relative_l2(a.to_host(), b.to_host());
}

}  // namespace lift::test
