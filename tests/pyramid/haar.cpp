// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/model/network.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/pyramid/any_pyramid.hpp>
#include <lift/sample/generate.hpp>
#include <lift/sample/heun.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/train/loss_and_gradients.hpp>
#include <lift/train/objective.hpp>

#include "message_of.hpp"
#include "tensors.hpp"
#include "train/check_gradients.hpp"

BOOST_AUTO_TEST_SUITE(haar_tests)

using namespace lift;
using namespace lift::test;

namespace {

static_assert(pyramid<haar, tensor_d, 1> && pyramid<haar, tensor_d, 3> &&
              pyramid<any_pyramid, tensor_d, 3>);
static_assert(pyramid<haar, variable<xtensor_backend, double>> &&
              pyramid<haar, dual_of<tensor_d>>);

/// Whole numbers, so that all sums are exact.
tensor_d whole_numbers(const shape& s) {
  std::vector<double> x(s.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * i * 7 % 19) - 9;
  return {s, x};
}

double inner(const tensor_d& x, const tensor_d& y) {
  const auto a = x.to_host(), b = y.to_host();
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// x̂₀ of every pixel from it and its neighbours, at a rate that depends on the timestep.
tensor_d denoised_pixels(const tensor_d& x, double t) {
  return axpby(0.9 - t / 2000, x, 0.1, refine(coarsen(x)));
}

template <std::size_t N>
struct denoises_pixels {
  template <class Tensor>
  scales<Tensor, N> operator()(const scales<Tensor, N>& x, const scales<timesteps, N>& t) const {
    return haar{}.split<N>(denoised_pixels(haar{}.join(x), t.fine()[0]));
  }
};

const cosine_schedule schedule;

}  // namespace

BOOST_AUTO_TEST_CASE(a_square_of_pixels) {
  const auto parts = haar{}.split<2>(tensor_d({1, 1, 2, 2}, {1, 2, 4, 9}));
  BOOST_TEST((parts.coarse().to_host() == std::vector<double>{8}));
  BOOST_TEST((parts.fine().to_host() == std::vector<double>{-3, -5, 2}));
}

BOOST_AUTO_TEST_CASE(scales_are_orthonormal_parts_of_the_image) {
  const shape s{2, 3, 16, 8};
  const tensor_d image = whole_numbers(s), other = normal_noise<tensor_d>(s, {.seed = 3}, 0);
  const auto check = [&]<std::size_t N>(const scales<shape, N>& want) {
    const auto parts = haar{}.split<N>(image), others = haar{}.split<N>(other);
    double product = 0;
    for (std::size_t scale = 0; scale < N; ++scale) {
      BOOST_TEST(haar{}.split<N>(s)[scale] == want[scale]);
      BOOST_TEST(parts[scale].shape() == want[scale]);
      product += inner(parts[scale], others[scale]);
    }
    BOOST_TEST(product == inner(image, other), boost::test_tools::tolerance(1e-12));
    BOOST_TEST((haar{}.join(parts).to_host() == image.to_host()));
    BOOST_TEST(haar{}.join(want) == s);
    // The coarsest are the means times the side of their squares.
    const tensor_d means = copies{}.split<N>(image).coarse();
    BOOST_TEST((parts.coarse().to_host() == scaled(means, double(1 << (N - 1))).to_host()));
  };
  check(scales{s});
  check(scales{shape{2, 9, 8, 4}, shape{2, 3, 8, 4}});
  check(scales{shape{2, 9, 8, 4}, shape{2, 9, 4, 2}, shape{2, 3, 4, 2}});
  BOOST_TEST(message_of([] { haar{}.split<3>(shape{1, 3, 6, 8}); }) ==
             "haar: shape of the image: got (1, 3, 3, 4), want (B, C, H, W) with even H and W");
}

BOOST_AUTO_TEST_CASE(a_pyramid_is_chosen_by_name) {
  BOOST_TEST(make_pyramid("copies").scales_are_images());
  BOOST_TEST(!make_pyramid("haar").scales_are_images());
  const tensor_d image = whole_numbers({1, 1, 8, 8});
  BOOST_TEST((make_pyramid("haar").split<2>(image).fine().to_host() ==
              haar{}.split<2>(image).fine().to_host()));
  BOOST_TEST(message_of([] { make_pyramid("laplacian"); }) ==
             "unknown pyramid: got \"laplacian\", want one of copies, haar");
}

// At equal noise levels diffusion of the parts is that of the image: what is sampled along the diagonal from
// the parts of a noise is what the same denoiser makes of the noise as one scale, clipped or not.
BOOST_AUTO_TEST_CASE(along_the_diagonal_it_samples_the_image) {
  const shape s{2, 1, 16, 16};
  const tensor_d noise = normal_noise<tensor_d>(s, {.seed = 8}, 0);
  const auto check = [&]<class Solver, std::size_t N>(const Solver& solver, const scales<shape, N>&,
                                                      clipping clip) {
    const auto times = diagonal{}(error_heatmap<N>{}, schedule, 7);
    const auto alone = diagonal{}(error_heatmap<1>{}, schedule, 7);
    const auto parts = sample(denoises_pixels<N>{}, schedule, times, haar{}.split<N>(noise),
                              sampling_options<Solver, haar>{.solver = solver, .clip = clip});
    const auto want = sample(
        [](const scales<tensor_d, 1>& x, const scales<timesteps, 1>& t) {
          return scales{denoised_pixels(x.fine(), t.fine()[0])};
        },
        schedule, alone, scales{noise}, sampling_options<Solver>{.solver = solver, .clip = clip});
    const tensor_d off = axpby(1, haar{}.join(parts), -1, want.fine());
    BOOST_TEST(std::sqrt(inner(off, off)) < 1e-12 * std::sqrt(inner(want.fine(), want.fine())));
    double largest = 0;
    for (const double x : want.fine().to_host()) largest = std::max(largest, std::abs(x));
    BOOST_TEST((largest <= 1 + 1e-12) == (clip != clipping::none));
  };
  for (const clipping clip : {clipping::none, clipping::fixed, clipping::dynamic}) {
    check(ddim{}, haar{}.split<2>(s), clip);
    check(heun{}, haar{}.split<3>(s), clip);
  }
}

// The network sees the image that the parts make, so it has a network of one scale's first and last layers.
BOOST_AUTO_TEST_CASE(networks_take_parts_and_give_parts) {
  const auto check = [&]<class Architecture>(const Architecture& architecture) {
    constexpr std::size_t n = Architecture::scale_count;
    const network<Architecture, tensor_d> net(architecture, 5);
    BOOST_TEST(net.weights["init_conv.weight"].shape() == (shape{8, 3, 3, 3}));
    const tensor_d image = normal_noise<tensor_d>({1, 3, 8, 8}, {.seed = 1}, 0);
    const auto parts = haar{}.split<n>(image);
    const auto t = make_scales<n>([](std::size_t s) { return timesteps{300.0 + 100 * double(s)}; });
    const auto y = net(parts, t);
    for (std::size_t s = 0; s < n; ++s) BOOST_TEST(y[s].shape() == parts[s].shape());

    const objective goal{schedule, independent_regime{}, predicts_noise{}, haar{}};
    const auto batch = goal.batch<n>(image, 5, 0);
    const auto ones = make_scales<n>([](std::size_t) { return 1.0; });
    const auto total = [&](const parameters<tensor_d>& at) {
      double sum = 0;
      for (const tensor_d& loss : loss_and_gradients(architecture, at, batch, ones).loss)
        sum += loss.to_host()[0];
      return sum;
    };
    check_gradients(net.weights, loss_and_gradients(architecture, net.weights, batch, ones).gradients,
                    total, 1e-5, 1e-6);
  };
  const unet_config config{.hidden_dims = {8, 16}, .pyramid = "haar"};
  check(lift_unet{config});
  check(multiscale_unet<3>{config});
  const network<lift_unet, tensor_d> net(lift_unet{config}, 5);
  const scales small{tensor_d({1, 9, 3, 4}), tensor_d({1, 3, 3, 4})};
  BOOST_TEST(message_of([&] { net(small, scales{timesteps{0}, timesteps{0}}); }) ==
             "image size for these hidden dims: got 8x6, want a height that is a multiple of 4");
  BOOST_TEST(message_of([] {
               declared_parameters(lift_unet{{.hidden_dims = {8}, .pyramid = "lapped"}});
             }) == "unknown pyramid: got \"lapped\", want one of copies, haar");
}

BOOST_AUTO_TEST_SUITE_END()
