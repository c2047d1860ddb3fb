// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include <lift/op/group_norm_silu.hpp>

#include "backends.hpp"
#include "op/check_op.hpp"
#include "relative_l2.hpp"

BOOST_AUTO_TEST_SUITE(group_norm_tests)

using namespace lift;
using namespace lift::test;

namespace {

// Groups larger and smaller than vectors and blocks, and of odd sizes.
const std::vector<shape> image_shapes = {{3, 64, 64, 64}, {2, 512, 4, 4}, {1, 24, 5, 7},
                                         {2, 16, 33, 1}, {3, 40, 1, 1}};

/// y = SiLU(γ·(x − mean)/√(var + 10⁻⁵) + β) by plain loops.
std::vector<double> definition(const shape& s, const std::vector<double>& x,
                               const std::vector<double>& gamma, const std::vector<double>& beta) {
  const std::size_t channels = s[1] / 8, pixels = s[2] * s[3], n = channels * pixels;
  std::vector<double> y(x.size());
  for (std::size_t first = 0; first < x.size(); first += n) {
    double mean = 0, variance = 0;
    for (std::size_t i = first; i < first + n; ++i) mean += x[i] / double(n);
    for (std::size_t i = first; i < first + n; ++i)
      variance += (x[i] - mean) * (x[i] - mean) / double(n);
    for (std::size_t i = first; i < first + n; ++i) {
      const std::size_t c = i / pixels % s[1];
      const double z = gamma[c] * (x[i] - mean) / std::sqrt(variance + 1e-5) + beta[c];
      y[i] = z / (1 + std::exp(-z));
    }
  }
  return y;
}

/// The forward map and both derivatives, with two stacked tangents.
template <class Tensor>
std::vector<std::vector<typename Tensor::value_type>> results(const shape& images) {
  const op::group_norm_silu norm;
  const shape channels{images[1]};
  const auto y = norm.forward(random_tensor<Tensor>(images, 1), random_tensor<Tensor>(channels, 2),
                              random_tensor<Tensor>(channels, 3));
  const Tensor d = random_tensor<Tensor>({2 * images[0], images[1], images[2], images[3]}, 4);
  const auto g = norm.vjp(y.saved, random_tensor<Tensor>(images, 5), {true, true, true});
  return {y.value.to_host(), norm.jvp(y.saved, {d, {}, {}}).to_host(), g[0].to_host(),
          g[1].to_host(), g[2].to_host()};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_value_is_its_definition, Tensor, backend_tensors<double>) {
  for (const shape& s : image_shapes)
    BOOST_TEST_CONTEXT(s) {
      const auto want = definition(s, random_tensor<Tensor>(s, 1).to_host(),
                                   random_tensor<Tensor>(shape{s[1]}, 2).to_host(),
                                   random_tensor<Tensor>(shape{s[1]}, 3).to_host());
      BOOST_CHECK_LT(relative_l2(results<Tensor>(s)[0], want), 1e-13);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(is_that_of_double_but_for_rounding, Tensor, rounded_tensors) {
  constexpr double tolerance = sizeof(typename Tensor::value_type) == 2 ? 0x1p-7 : 1e-5;
  for (const shape& s : image_shapes)
    BOOST_TEST_CONTEXT(s) {
      const auto got = results<Tensor>(s);
      const auto want = results<tensor<typename Tensor::backend_type, double>>(s);
      for (std::size_t i = 0; i < got.size(); ++i)
        BOOST_CHECK_LT(relative_l2(std::vector<double>(got[i].begin(), got[i].end()), want[i]),
                       tolerance);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(no_images_are_normalised_to_none, Tensor, backend_tensors<float>) {
  const op::group_norm_silu norm;
  const shape none{0, 16, 4, 4};
  const auto ones = full<Tensor>({16}, 1);
  for (const auto layout : {memory_layout::channels_first, memory_layout::channels_last}) {
    const Tensor x(none, layout);
    const auto y = norm.forward(x, ones, ones);
    BOOST_CHECK_EQUAL(y.value.shape(), none);
    BOOST_CHECK_EQUAL(norm.jvp(y.saved, {x, {}, {}}).shape(), none);
    BOOST_CHECK_EQUAL(norm.jvp(y.saved, {Tensor(), ones, Tensor()}).shape(), none);
    const auto g = norm.vjp(y.saved, x, {true, true, true});
    BOOST_CHECK_EQUAL(g[0].shape(), none);
    BOOST_TEST(g[1].to_host() == std::vector<float>(16, 0.0f));
  }
}

BOOST_AUTO_TEST_SUITE_END()
