// SPDX-License-Identifier: MIT
// Where the build has cuDNN, convolutions of common sizes go to it in every precision.
#include <boost/test/unit_test.hpp>

#include "backends.hpp"

BOOST_AUTO_TEST_CASE(common_convolutions_are_found) {
#ifdef LIFT_WITH_CUDNN
  using namespace lift;
  const auto check = []<class T>(T, cudnnMathType_t math) {
    const convolution_geometry same{.batch = 8, .channels = 64, .height = 32, .width = 32,
                                    .out_channels = 128, .out_height = 32, .out_width = 32,
                                    .kernel = 3, .stride = 1, .padding = 1};
    const convolution_geometry halving{.batch = 8, .channels = 64, .height = 32, .width = 32,
                                       .out_channels = 64, .out_height = 16, .out_width = 16,
                                       .kernel = 4, .stride = 2, .padding = 1};
    const convolution_geometry wide{.batch = 8, .channels = 64, .height = 32, .width = 64,
                                    .out_channels = 64, .out_height = 32, .out_width = 64,
                                    .kernel = {1, 7}, .stride = 1, .padding = {0, 3}};
    BOOST_TEST(detail::cudnn_convolution<T>::of(same, math) != nullptr);
    BOOST_TEST(detail::cudnn_convolution<T>::of(wide, math) != nullptr);
    BOOST_TEST(detail::cudnn_convolution<T>::of(halving, math) != nullptr);
  };
  check(float(), CUDNN_FMA_MATH);
  check(float(), CUDNN_DEFAULT_MATH);
  check(double(), CUDNN_DEFAULT_MATH);
  check(bfloat16(), CUDNN_TENSOR_OP_MATH);
#else
  BOOST_TEST_MESSAGE("built without cuDNN");
#endif
}
