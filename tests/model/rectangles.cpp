// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <utility>
#include <vector>

#include <lift/model/network.hpp>
#include <lift/tensor/noise.hpp>

#include "message_of.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(rectangles_tests)

using namespace lift;
using namespace lift::test;

namespace {

/// Images or kernels (…, H, W) with rows and columns exchanged.
tensor_d flipped(const tensor_d& x) {
  shape s = x.shape();
  if (s.rank() < 4) return x;
  const std::size_t height = s[2], width = s[3];
  std::swap(s[2], s[3]);
  const auto from = x.to_host();
  std::vector<double> to(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::size_t image = i / (height * width), row = i / width % height, column = i % width;
    to[(image * width + column) * height + row] = from[i];
  }
  return tensor_d(s, to);
}

/// How far a network is from one with flipped kernels that sees flipped images and is flipped.
template <class Architecture>
double difference_when_flipped(const Architecture& architecture, const shape& image) {
  constexpr std::size_t n = Architecture::scale_count;
  const network<Architecture, tensor_d> net(architecture, 3);
  std::vector<typename parameters<tensor_d>::entry> entries;
  for (const auto& entry : net.weights.entries())
    entries.push_back({entry.name, flipped(entry.value)});
  const network<Architecture, tensor_d> flipped_net(architecture, parameters<tensor_d>(entries));
  const auto t = make_scales<n>(
      [](std::size_t scale) { return timesteps{100.0 + 300 * static_cast<double>(scale)}; });
  const auto x = make_scales<n>([&](std::size_t scale) {
    return normal_noise<tensor_d>({image[0], image[1], image[2] >> scale, image[3] >> scale},
                                  {.scale = std::uint32_t(scale)}, 0);
  });
  const auto y = net(x, t);
  const auto z = flipped_net(make_scales<n>([&](std::size_t scale) { return flipped(x[scale]); }), t);
  double worst = 0;
  for (std::size_t scale = 0; scale < n; ++scale) {
    BOOST_CHECK_EQUAL(y[scale].shape(), x[scale].shape());
    worst = std::max(worst, relative_l2(flipped(z[scale]), y[scale]));
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_and_columns_are_alike) {
  const unet_config attentive{.hidden_dims = {8, 16}, .blocks = 1, .attention_levels = {{1}}};
  BOOST_CHECK_LT(difference_when_flipped(baseline_unet{attentive}, {2, 3, 12, 20}), 1e-12);
  BOOST_CHECK_LT(difference_when_flipped(lift_unet{attentive}, {1, 3, 24, 8}), 1e-12);
  BOOST_CHECK_LT(difference_when_flipped(multiscale_unet<3>{attentive}, {1, 3, 8, 28}), 1e-12);
}

BOOST_AUTO_TEST_CASE(a_side_that_cannot_be_halved_is_named) {
  const unet_config config{.hidden_dims = {8, 16}};
  const auto refusal = [&](const image_size& size) {
    return message_of([&] { config.require_size(size); });
  };
  const std::string what = "image size for these hidden dims: got ";
  BOOST_CHECK_EQUAL(refusal({20, 12}), "nothing thrown");
  BOOST_CHECK_EQUAL(refusal({22, 12}), what + "22x12, want a width that is a multiple of 4");
  BOOST_CHECK_EQUAL(refusal({20, 0}), what + "20x0, want a height that is a multiple of 4");
  BOOST_CHECK_EQUAL(refusal({21, 14}), what + "21x14, want sides that are multiples of 4");
  BOOST_CHECK_EQUAL(refusal(18), what + "18, want a multiple of 4");
}

BOOST_AUTO_TEST_SUITE_END()
