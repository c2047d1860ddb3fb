// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <lift/op/average_pool2d.hpp>
#include <lift/op/max_pool2d.hpp>
#include <lift/op/relu.hpp>

#include "backends.hpp"
#include "message_of.hpp"
#include "op/check_op.hpp"

BOOST_AUTO_TEST_SUITE(pooling_tests)

using namespace lift;
using namespace lift::test;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// 1, 2, … row by row.
template <class Tensor>
Tensor counted(const shape& s) {
  std::vector<double> values(s.size());
  std::iota(values.begin(), values.end(), 1.0);
  return Tensor(s, values);
}

/// The value, which is the same with and without what derivatives need.
template <class Tensor, class Op>
std::vector<double> value_of(const Op& op, const Tensor& x) {
  const std::vector<double> value = op.forward(x).value.to_host(), alone = apply(op, x).to_host();
  BOOST_REQUIRE_EQUAL(alone.size(), value.size());
  for (std::size_t i = 0; i < value.size(); ++i)
    BOOST_REQUIRE(alone[i] == value[i] || (std::isnan(alone[i]) && std::isnan(value[i])));
  return value;
}

/// Every window of an image with its padding around it, as torch.nn defines it: mean and maximum.
struct defined {
  std::vector<double> mean, mean_of_pixels, most;
};
defined definition(const op::pooling_windows& w, const shape& s, const std::vector<double>& x) {
  const auto whole = [](std::size_t n) { return static_cast<long>(n); };
  const auto count = [&](long length, long kernel, long stride, long padding) {
    long n = 0;
    for (long first = -padding;; first += stride, ++n) {
      const bool fits = first + kernel <= length + padding;
      const bool begun = first < length && first + kernel - stride < length + padding;
      if (!(fits || (w.ceiling && begun))) return n;
    }
  };
  const long height = whole(s[2]), width = whole(s[3]);
  const long down = count(height, whole(w.kernel.height), whole(w.stride.height), whole(w.padding.height));
  const long across = count(width, whole(w.kernel.width), whole(w.stride.width), whole(w.padding.width));
  defined result;
  for (std::size_t image = 0; image < s[0] * s[1]; ++image)
    for (long i = 0; i < down; ++i)
      for (long j = 0; j < across; ++j) {
        double total = 0, all = 0, inside = 0, most = -infinity;
        const long top = i * whole(w.stride.height) - whole(w.padding.height);
        const long left = j * whole(w.stride.width) - whole(w.padding.width);
        for (long p = top; p < top + whole(w.kernel.height); ++p)
          for (long q = left; q < left + whole(w.kernel.width); ++q) {
            all += p < height + whole(w.padding.height) && q < width + whole(w.padding.width);
            if (p < 0 || q < 0 || p >= height || q >= width) continue;
            const double pixel = x[image * s[2] * s[3] + std::size_t(p * width + q)];
            total += pixel;
            inside += 1;
            most = std::max(most, pixel);
          }
        result.mean.push_back(total / all);
        result.mean_of_pixels.push_back(total / inside);
        result.most.push_back(most);
      }
  return result;
}

}  // namespace

// By hand, of the image 1 2 3 4 / 5 6 7 8 / 9 10 11 12 / 13 14 15 16.
BOOST_AUTO_TEST_CASE_TEMPLATE(small_cases_by_hand, Tensor, backend_tensors<double>) {
  using list = std::vector<double>;
  const Tensor x = counted<Tensor>({1, 1, 4, 4});
  const op::pooling_windows three{.kernel = 3, .stride = 2, .padding = 1};
  BOOST_CHECK((value_of(op::average_pool2d(three), x) == list{14 / 9.0, 30 / 9.0, 57 / 9.0, 11}));
  BOOST_CHECK((value_of(op::average_pool2d(three, false), x) == list{3.5, 5, 9.5, 11}));
  BOOST_CHECK((value_of(op::max_pool2d(three), x) == list{6, 8, 14, 16}));
  op::pooling_windows more = three;
  more.ceiling = true;  // a third window along each side, of which one pixel lies in the image
  BOOST_CHECK((value_of(op::average_pool2d(more), x) ==
               list{14 / 9.0, 30 / 9.0, 2, 57 / 9.0, 11, 6, 27 / 6.0, 45 / 6.0, 4}));
  BOOST_CHECK((value_of(op::average_pool2d(more, false), x) ==
               list{3.5, 5, 6, 9.5, 11, 12, 13.5, 15, 16}));
  BOOST_CHECK((value_of(op::max_pool2d(more), x) == list{6, 8, 8, 14, 16, 16, 14, 16, 16}));
  const op::pooling_windows flat{.kernel = {1, 3}};
  BOOST_CHECK((value_of(op::max_pool2d(flat), x) == list{3, 7, 11, 15}));
  // A window that would begin in the padding behind is left out.
  const op::pooling_windows two{.kernel = 2, .padding = 1, .ceiling = true};
  BOOST_CHECK_EQUAL(op::max_pool2d(two).output_shape({1, 1, 3, 4}), (shape{1, 1, 2, 3}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(values_are_their_definition, Tensor, backend_tensors<double>) {
  std::size_t cases = 0;
  for (const extent2d image : {extent2d(1, 1), extent2d(5, 8), extent2d(9, 4), extent2d(3, 37)})
    for (const extent2d kernel : {extent2d(1), extent2d(3, 2), extent2d(2, 4), extent2d(5)})
      for (const extent2d stride : {extent2d(1), extent2d(2), extent2d(3, 4)})
        for (const bool padded : {false, true})
          for (const bool ceiling : {false, true}) {
            const op::pooling_windows w{
                .kernel = kernel,
                .stride = stride,
                .padding = padded ? extent2d(kernel.height / 2, kernel.width / 2) : extent2d(0),
                .ceiling = ceiling};
            const shape s{2, 3, image.height, image.width};
            const Tensor x = random_tensor<Tensor>(s, 1);
            const defined want = definition(w, s, x.to_host());
            if (want.most.empty()) {
              BOOST_CHECK_THROW(op::max_pool2d(w).output_shape(s), error);
              continue;
            }
            ++cases;
            BOOST_TEST_CONTEXT("kernel " << kernel << " stride " << stride << " of " << s << " padded "
                                         << padded << " ceiling " << ceiling) {
              const auto mean = value_of(op::average_pool2d(w), x);
              const auto of_pixels = value_of(op::average_pool2d(w, false), x);
              BOOST_REQUIRE_EQUAL(mean.size(), want.mean.size());
              for (std::size_t i = 0; i < mean.size(); ++i) {
                BOOST_CHECK_SMALL(mean[i] - want.mean[i], 1e-15);
                BOOST_CHECK_SMALL(of_pixels[i] - want.mean_of_pixels[i], 1e-15);
              }
              BOOST_CHECK(value_of(op::max_pool2d(w), x) == want.most);
            }
          }
  BOOST_CHECK_GT(cases, 100u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(equal_pixels_are_chosen_in_their_order, Tensor,
                              backend_tensors<double>) {
  using list = std::vector<double>;
  const op::max_pool2d pool({.kernel = 2, .stride = 1});
  const Tensor x({1, 1, 2, 3}, list{5, 5, 5, 5, 5, 7});
  const auto y = pool.forward(x);
  BOOST_CHECK((y.value.to_host() == list{5, 7}));
  const Tensor two({2, 1, 2, 3}, list{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60});
  BOOST_CHECK((pool.jvp(y.saved, {two}).to_host() == list{1, 6, 10, 60}));
  const auto g = pool.vjp(y.saved, Tensor({1, 1, 1, 2}, list{3, 4}), {true});
  BOOST_CHECK((g[0].to_host() == list{3, 0, 0, 0, 0, 4}));
}

// Windows are pooled in groups where a row has many: what is no number, and equal pixels, among them.
BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_chosen_in_wide_images, Tensor, backend_tensors<double>) {
  const long height = 4, width = 601;
  const shape s{1, 1, 4, 601};
  std::vector<double> pixels(s.size());
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = i % 23 == 5 ? not_a_number : static_cast<double>(i * 7 % 5);
  const Tensor x(s, pixels);
  for (const long stride : {1, 2, 3})
    for (const long size : {2, 3}) {
      const auto n = [](long number) { return static_cast<std::size_t>(number); };
      const op::max_pool2d pool({.kernel = n(size), .stride = n(stride), .padding = 1});
      const auto y = pool.forward(x);
      const auto value = value_of(pool, x);
      const auto chosen = pool.jvp(y.saved, {counted<Tensor>(s)}).to_host();
      const long across = static_cast<long>(y.value.shape()[3]);
      for (std::size_t k = 0; k < value.size(); ++k) {
        const long top = long(k) / across * stride - 1, left = long(k) % across * stride - 1;
        long best = -1;
        for (long p = std::max(0L, top); p < std::min(height, top + size); ++p)
          for (long q = std::max(0L, left); q < std::min(width, left + size); ++q) {
            const double pixel = pixels[n(p * width + q)];
            if (best < 0 || pixel > pixels[n(best)] || std::isnan(pixel)) best = p * width + q;
          }
        BOOST_REQUIRE_EQUAL(chosen[k], static_cast<double>(best + 1));
        BOOST_REQUIRE_EQUAL(std::isnan(value[k]), std::isnan(pixels[n(best)]));
        BOOST_REQUIRE(std::isnan(value[k]) || value[k] == pixels[n(best)]);
      }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(padding_is_never_the_greatest, Tensor, backend_tensors<double>) {
  using list = std::vector<double>;
  const op::max_pool2d pool({.kernel = 3, .stride = 2, .padding = 1});
  const Tensor x({1, 1, 2, 2}, list{-infinity, -3, -4, not_a_number});
  BOOST_CHECK(std::isnan(value_of(pool, x)[0]));
  BOOST_CHECK((value_of(pool, Tensor({1, 1, 1, 2}, list{-8, -9})) == list{-8}));
  BOOST_CHECK((value_of(pool, Tensor({1, 1, 1, 1}, list{-infinity})) == list{-infinity}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(relu_at_its_corner, Tensor, backend_tensors<double>) {
  using list = std::vector<double>;
  const op::relu relu;
  const shape s{9};  // longer than vectors
  const Tensor x(s, list{-2, -0.0, 0, 1e-300, 3, infinity, -infinity, -1, 2});
  const auto y = relu.forward(x);
  BOOST_CHECK((y.value.to_host() == list{0, 0, 0, 1e-300, 3, infinity, 0, 0, 2}));
  const list slope{0, 0, 0, 1, 1, 1, 0, 0, 1};
  BOOST_CHECK(relu.jvp(y.saved, {full<Tensor>(s, 1)}).to_host() == slope);
  BOOST_CHECK(relu.vjp(y.saved, full<Tensor>(s, 1), {true})[0].to_host() == slope);
  for (const double bad : value_of(relu, full<Tensor>(s, not_a_number))) BOOST_CHECK(std::isnan(bad));
}

BOOST_AUTO_TEST_CASE(windows_that_fit_no_image_are_refused) {
  const auto refusal = [](const op::pooling_windows& w, const shape& s) {
    return message_of([&] { op::max_pool2d(w).output_shape(s); });
  };
  BOOST_CHECK_EQUAL(refusal({.kernel = 3}, {2, 3, 4}),
                    "max_pool2d: shape of the image: got (2, 3, 4), want (B, C, H, W)");
  BOOST_CHECK_EQUAL(refusal({.kernel = {3, 5}}, {1, 1, 4, 4}),
                    "max_pool2d: pixels along the width: got 4, want enough for a kernel of 5");
  BOOST_CHECK_EQUAL(refusal({.kernel = 3, .padding = {2, 1}}, {1, 1, 4, 4}),
                    "max_pool2d: padding along the height: got 2, want at most half the kernel, 1");
  BOOST_CHECK_EQUAL(refusal({.kernel = {3, 0}}, {1, 1, 4, 4}),
                    "max_pool2d: kernel along the width: got 0, want at least 1");
  BOOST_CHECK_EQUAL(refusal({.kernel = 3, .stride = {0, 1}}, {1, 1, 4, 4}),
                    "max_pool2d: stride along the height: got 0, want at least 1");
  BOOST_CHECK_EQUAL(refusal({.kernel = 4097}, {1, 1, 5000, 5000}),
                    "max_pool2d: pixels of the kernel: got 16785409, want at most 2^24");
}

BOOST_AUTO_TEST_SUITE_END()
