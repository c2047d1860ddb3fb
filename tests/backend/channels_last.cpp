// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <lift/backend/cuda/channels_last.hpp>

#include "backend/recording_backend.hpp"
#include "hashed.hpp"

BOOST_AUTO_TEST_SUITE(channels_last_tests)

using namespace lift;
using namespace lift::test;

namespace {

/// The definition of a convolution and of its adjoints, channels last.
struct plain_channels_last {
  convolution_geometry g;

  /// f(places in the image, weight and result) for every product of the convolution.
  template <class F>
  void products(const F& f) const {
    for (std::size_t b = 0; b < g.batch; ++b)
      for (std::size_t oy = 0; oy < g.out_height; ++oy)
        for (std::size_t ox = 0; ox < g.out_width; ++ox)
          for (std::size_t o = 0; o < g.out_channels; ++o)
            for (std::size_t ky = 0; ky < g.kernel.height; ++ky)
              for (std::size_t kx = 0; kx < g.kernel.width; ++kx) {
                const std::size_t y = oy * g.stride.height + ky - g.padding.height;
                const std::size_t x = ox * g.stride.width + kx - g.padding.width;
                if (y >= g.height || x >= g.width) continue;
                for (std::size_t c = 0; c < g.channels; ++c)
                  f(((b * g.height + y) * g.width + x) * g.channels + c,
                    ((o * g.kernel.height + ky) * g.kernel.width + kx) * g.channels + c,
                    ((b * g.out_height + oy) * g.out_width + ox) * g.out_channels + o);
              }
  }
  static void round(const std::vector<float>& sums, bfloat16* to) {
    for (std::size_t i = 0; i < sums.size(); ++i) to[i] = bfloat16(sums[i]);
  }

  void forward(const bfloat16* image, const bfloat16* weight, bfloat16* result) const {
    std::vector<float> sums(g.batch * g.result_size());
    products([&](std::size_t x, std::size_t w, std::size_t y) {
      sums[y] += float(image[x]) * float(weight[w]);
    });
    round(sums, result);
  }
  void backward_image(const bfloat16* result, const bfloat16* weight, bfloat16* image) const {
    std::vector<float> sums(g.batch * g.image_size());
    products([&](std::size_t x, std::size_t w, std::size_t y) {
      sums[x] += float(result[y]) * float(weight[w]);
    });
    round(sums, image);
  }
  void backward_weight(const bfloat16* image, const bfloat16* result, bfloat16* weight) const {
    std::vector<float> sums(g.out_channels * g.patch());
    products([&](std::size_t x, std::size_t w, std::size_t y) {
      sums[w] += float(image[x]) * float(result[y]);
    });
    round(sums, weight);
  }
};

/// The recording backend's system with convolutions by way of channels last.
struct transposing_system : recording_system {
  template <class T, class Use>
  static bool with_convolution(const convolution_geometry& g, const Use& use) {
    using transposed = channels_last_convolution<transposing_system, plain_channels_last>;
    if (!transposed::suits(g)) return false;
    const plain_channels_last inner{g};
    use(transposed(g, inner));
    return true;
  }
};

using transposing = thrust_backend<transposing_system>;
using by_patches = thrust_backend<recording_system>;

/// Small whole numbers, most of them 0, so that no sum has more digits than bfloat16.
std::vector<float> whole_numbers(std::size_t n, const char* label) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double u = hashed_uniform(label_hash(label), i);
    values[i] = std::abs(u) > 0.8 ? (u > 0 ? 1.0f : -1.0f) : 0.0f;
  }
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(convolutions_of_whole_numbers_are_exact) {
  for (const convolution_geometry& g : {
           convolution_geometry{2, 16, 6, 5, 32, 6, 5, 3, 1, 1},   // 3×3
           convolution_geometry{3, 32, 8, 6, 16, 4, 3, 4, 2, 1},   // halving
           convolution_geometry{1, 48, 3, 3, 16, 3, 3, 1, 1, 0},   // pointwise
           convolution_geometry{2, 16, 5, 9, 32, 5, 5, {1, 7}, {1, 2}, {0, 3}}})
    BOOST_TEST_CONTEXT(g.channels << " channels, kernel " << g.kernel) {
      const auto image = whole_numbers(g.batch * g.image_size(), "image");
      const auto result = whole_numbers(g.batch * g.result_size(), "result");
      const auto weight = whole_numbers(g.out_channels * g.patch(), "weight");
      const auto bias = whole_numbers(g.out_channels, "bias");
      const auto image_bias = whole_numbers(g.channels, "image bias");
      const auto vectors = whole_numbers(g.batch * g.out_channels, "vectors");
      const convolution_epilogue<float> epilogue{bias.data(), vectors.data(), result.data()};
      const auto same = [](std::size_t size, const auto& f) {
        std::vector<float> got(size, NAN), want(size, NAN);
        f(transposing{}, got.data());
        f(by_patches{}, want.data());
        BOOST_CHECK(got == want);
        BOOST_CHECK_GT(10 * std::count_if(want.begin(), want.end(), [](float x) { return x != 0; }),
                       static_cast<std::ptrdiff_t>(size));
      };
      same(result.size(), [&](auto on, float* to) {
        on.convolve(g, image.data(), weight.data(), epilogue, to);
      });
      same(result.size(), [&](auto on, float* to) {
        auto rectified = epilogue;
        rectified.rectify = true;
        on.convolve(g, image.data(), weight.data(), rectified, to);
      });
      same(result.size(), [&](auto on, float* to) {
        on.convolve(g, image.data(), weight.data(), {}, to);
      });
      same(image.size(), [&](auto on, float* to) {
        on.convolve_transpose(g, result.data(), weight.data(), image_bias.data(), to);
      });
      same(weight.size(), [&](auto on, float* to) {
        on.convolve_weight(g, image.data(), result.data(), to);
      });
    }
}

BOOST_AUTO_TEST_CASE(few_channels_are_left_to_others) {
  using transposed = channels_last_convolution<transposing_system, plain_channels_last>;
  BOOST_CHECK(transposed::suits({1, 64, 4, 4, 16, 4, 4, 3, 1, 1}));
  BOOST_CHECK(!transposed::suits({1, 6, 4, 4, 16, 4, 4, 3, 1, 1}));
  BOOST_CHECK(!transposed::suits({1, 64, 4, 4, 3, 4, 4, 3, 1, 1}));
}

BOOST_AUTO_TEST_SUITE_END()
