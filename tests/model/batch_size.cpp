// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include <lift/core/thread_pool.hpp>
#include <lift/model/network.hpp>
#include <lift/tensor/noise.hpp>

#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(batch_size_tests)

using namespace lift;
using namespace lift::test;

namespace {

constexpr std::size_t images = 32;

/// The outputs for 32 images, both scales in one row, evaluated so many at a time.
template <class Tensor>
std::vector<float> outputs(std::size_t batch_size) {
  const network<lift_unet, Tensor> net(lift_unet{{{32, 128}}}, 3);
  std::vector<float> fine, coarse;
  for (std::size_t first = 0; first < images; first += batch_size) {
    const std::size_t count = std::min(batch_size, images - first);
    timesteps t_fine, t_coarse;
    for (std::size_t i = first; i < first + count; ++i) {
      t_fine.push_back(30.0 * static_cast<double>(i));
      t_coarse.push_back(900 - 20.0 * static_cast<double>(i));
    }
    const auto y = net(scales{normal_noise<Tensor>({count, 3, 16, 16}, {.scale = 0}, first),
                              normal_noise<Tensor>({count, 3, 8, 8}, {.scale = 1}, first)},
                       scales{t_fine, t_coarse});
    for (const auto& [all, part] : {std::pair{&fine, y.fine()}, std::pair{&coarse, y.coarse()}}) {
      const auto host = part.to_host();
      all->insert(all->end(), host.begin(), host.end());
    }
  }
  fine.insert(fine.end(), coarse.begin(), coarse.end());
  return fine;
}

}  // namespace

// Batches change the shapes of matrix products, and so the order of their sums.
BOOST_AUTO_TEST_CASE_TEMPLATE(batch_sizes_agree_but_for_rounding, Tensor, float_tensors) {
  const auto whole = outputs<Tensor>(images);
  for (const std::size_t batch_size : {1u, 7u})
    BOOST_TEST(relative_l2(outputs<Tensor>(batch_size), whole) < fast_or_plain<Tensor>(1e-4, 1e-5),
               "batches of " << batch_size);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(threads_give_equal_bytes, Tensor, float_tensors) {
  default_thread_pool().resize(1);
  const auto one = outputs<Tensor>(images);
  default_thread_pool().resize(2);
  BOOST_TEST((outputs<Tensor>(images) == one));
  default_thread_pool().resize(0);
}

BOOST_AUTO_TEST_SUITE_END()
