// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include <lift/ad/apply.hpp>
#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/op/conv2d.hpp>
#include <lift/op/linear.hpp>

BOOST_AUTO_TEST_SUITE(blas_threads_tests)

using namespace lift;
using tensor_d = tensor<plain_xtensor_backend, double>;

namespace {

bool computes() {
  const auto product = apply(op::linear{}, full<tensor_d>({16, 32}, 1), full<tensor_d>({8, 32}, 2),
                             zeros<tensor_d>({8}));
  const auto image = apply(op::conv2d(1, 1), full<tensor_d>({6, 4, 8, 8}, 1),
                           full<tensor_d>({4, 4, 3, 3}, 1), zeros<tensor_d>({4}));
  return product.to_host()[0] == 64 && image.to_host()[9] == 36;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_host_program_keeps_its_number_of_blas_threads) {
  if (!openblas_set_num_threads || !openblas_get_num_threads) return;
  const int before = openblas_get_num_threads();
  for (const int threads : {1, 2}) {
    openblas_set_num_threads(threads);
    const int set = openblas_get_num_threads();  // it may have fewer
    BOOST_TEST(computes());
    BOOST_TEST(openblas_get_num_threads() == set);
    std::vector<std::jthread> several;
    std::atomic<int> right = 0;
    for (int i = 0; i < 4; ++i) several.emplace_back([&] { right += computes(); });
    several.clear();
    BOOST_TEST(right == 4);
    BOOST_TEST(openblas_get_num_threads() == set);
  }
  openblas_set_num_threads(before);
}

BOOST_AUTO_TEST_SUITE_END()
