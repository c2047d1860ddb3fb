// SPDX-License-Identifier: MIT
// Run where no device is to be seen.
#include <boost/test/unit_test.hpp>

#include <string>

#include <lift/backend/cuda/cuda_backend.hpp>
#include <lift/tensor/maps.hpp>

#include "message_of.hpp"

BOOST_AUTO_TEST_CASE(a_missing_device_is_one_clear_line) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    const std::string message =
        lift::test::message_of([] { lift::zeros<lift::tensor<lift::cuda_backend, float>>({3}); });
    BOOST_TEST(message.starts_with("no CUDA device can be used: "), message);
    BOOST_TEST(message.find('\n') == message.npos);
  }
}
