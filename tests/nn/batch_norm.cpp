// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/nn/batch_norm.hpp>

#include "message_of.hpp"
#include "op/check_op.hpp"
#include "relative_l2.hpp"

BOOST_AUTO_TEST_SUITE(batch_norm_tests)

using namespace lift;
using namespace lift::test;
using tensor_d = tensor<xtensor_backend, double>;
using tensor_f = tensor<xtensor_backend, float>;
using list = std::vector<double>;

namespace {

template <class Tensor>
nn::batch_norm_parameters<Tensor> random_norm(std::size_t channels) {
  const shape s{channels};
  const auto squared = mapped<Tensor>(s, kernel::square{}, each(random_tensor<Tensor>(s, 4)));
  return {random_tensor<Tensor>(s, 1), random_tensor<Tensor>(s, 2), random_tensor<Tensor>(s, 3),
          squared, 1e-3};
}

/// γ·(y − μ)/√(σ² + ε) + β of each channel of (B, C, pixels).
template <class Tensor>
list normalised(const Tensor& y, const nn::batch_norm_parameters<Tensor>& norm) {
  const auto gamma = norm.gamma.to_host(), beta = norm.beta.to_host(), mean = norm.mean.to_host(),
             variance = norm.variance.to_host(), values = y.to_host();
  list result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i / y.shape().product(2, 4) % y.shape()[1];
    result.push_back(gamma[c] * (values[i] - mean[c]) / std::sqrt(variance[c] + norm.epsilon) + beta[c]);
  }
  return result;
}

template <class Tensor>
double folding_error() {
  const Tensor x = random_tensor<Tensor>({2, 3, 6, 7}, 10), weight = random_tensor<Tensor>({5, 3, 3, 3}, 11),
               bias = random_tensor<Tensor>(shape{5}, 12);
  const auto norm = random_norm<Tensor>(5);
  const op::conv2d convolution(1, 1);
  const auto folded = nn::fold_batch_norm(weight, bias, norm);
  const auto got = convolution.product(x, folded.weight, folded.bias).to_host();
  return relative_l2(list(got.begin(), got.end()),
                     normalised(convolution.product(x, weight, bias), norm));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_small_one_by_hand) {
  // s = 3/√(1.5 + 0.75) = 2 and 1/√(15.25 + 0.75) = 1/4.
  const nn::batch_norm_parameters<tensor_d> norm{tensor_d(shape{2}, list{3, 1}), tensor_d(shape{2}, list{10, -1}),
                                                 tensor_d(shape{2}, list{1, 2}),
                                                 tensor_d(shape{2}, list{1.5, 15.25}), 0.75};
  const tensor_d weight({2, 1, 1, 2}, list{1, 2, 4, -8});
  const auto folded = nn::fold_batch_norm(weight, tensor_d(shape{2}, list{5, 6}), norm);
  BOOST_CHECK((folded.weight.to_host() == list{2, 4, 1, -2}));
  BOOST_CHECK(folded.weight.shape() == weight.shape());
  BOOST_CHECK((folded.bias.to_host() == list{2 * (5 - 1) + 10, 0.25 * (6 - 2) - 1}));
  BOOST_CHECK((nn::fold_batch_norm(weight, {}, norm).bias.to_host() == list{8, -1.5}));
  auto plain = norm;
  plain.gamma = plain.beta = {};
  const auto without = nn::fold_batch_norm(weight, {}, plain);
  BOOST_CHECK_SMALL(without.weight.to_host()[0] - 1 / 1.5, 1e-15);
  BOOST_CHECK((without.bias.to_host()[1] == -0.5));
  const tensor_d x({1, 2, 1, 2}, list{1, 2, 6, -2});
  BOOST_CHECK((nn::batch_norm(x, norm).to_host() == list{10, 12, 0, -2}));
}

BOOST_AUTO_TEST_CASE(folding_is_a_convolution_and_then_the_norm) {
  BOOST_CHECK_LT(folding_error<tensor_d>(), 1e-15);
  BOOST_CHECK_LT(folding_error<tensor_f>(), 1e-6);
  // Rounded once: each number is the nearest to what doubles give.
  const auto norm = random_norm<tensor_f>(4);
  const tensor_f weight = random_tensor<tensor_f>({4, 2, 1, 1}, 5);
  const auto got = nn::fold_batch_norm(weight, {}, norm).weight.to_host(), before = weight.to_host();
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double s = norm.gamma.to_host()[i / 2] / std::sqrt(norm.variance.to_host()[i / 2] + 1e-3);
    BOOST_CHECK_EQUAL(got[i], static_cast<float>(s * before[i]));
  }
}

BOOST_AUTO_TEST_CASE(one_that_is_not_folded_is_differentiable) {
  const auto norm = random_norm<tensor_d>(3);
  const tensor_d x = random_tensor<tensor_d>({2, 3, 4, 5}, 6);
  BOOST_CHECK_LT(relative_l2(nn::batch_norm(x, norm).to_host(), normalised(x, norm)), 1e-15);
  BOOST_CHECK_EQUAL(nn::batch_norm(x.shape(), norm), x.shape());
  auto linear = norm;
  linear.beta = linear.mean = zeros<tensor_d>(shape{3});
  const dual<xtensor_backend, double> dx{x, x};
  BOOST_CHECK_LT(relative_l2(nn::batch_norm(dx, norm).tangent.to_host(), normalised(x, linear)), 1e-15);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const tensor_d weight = zeros<tensor_d>({3, 2, 1, 1});
  const auto refusal = [&](const auto& change) {
    auto norm = random_norm<tensor_d>(3);
    change(norm);
    return message_of([&] { nn::fold_batch_norm(weight, {}, norm); });
  };
  BOOST_CHECK_EQUAL(refusal([](auto& norm) { norm.gamma = zeros<tensor_d>(shape{2}); }),
                    "batch_norm: shape of the scale: got (2), want (3)");
  BOOST_CHECK_EQUAL(refusal([](auto& norm) { norm.mean = {}; }),
                    "batch_norm: mean and variance: got none, want (3)");
  BOOST_CHECK_EQUAL(refusal([](auto& norm) {
                      norm.variance = tensor_d(shape{3}, list{1, -2, 1});
                    }),
                    "batch_norm: variance of channel 1 + epsilon: got -1.999, want above 0");
}

BOOST_AUTO_TEST_SUITE_END()
