// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/metric/denoising_error.hpp>
#include <lift/model/model.hpp>
#include <lift/op/pointwise.hpp>
#include <lift/op/weighted_sum.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/sample/generate.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/schedule/tabulated_schedule.hpp>
#include <lift/train/loss_and_gradients.hpp>
#include <lift/train/objective.hpp>

#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(copies_tests)

using namespace lift;
using namespace lift::test;

namespace {

/// Each scale is what the next, of a quarter its side, leaves out of an image; the coarsest is an
/// image. Neither the pixels of its scales nor their shapes are those of copies.
struct differences {
  template <std::size_t N, value X>
  scales<X, N> split(const X& image) const {
    scales<X, N> parts{image};
    for (std::size_t s = 1; s < N; ++s) {
      parts[s] = coarsen(coarsen(parts[s - 1]));
      parts[s - 1] = apply(op::weighted_sum{{1}, {-1}}, parts[s - 1], refine(refine(parts[s])));
    }
    return parts;
  }
  template <value X, std::size_t N>
  X join(const scales<X, N>& parts) const {
    X image = parts.coarse();
    for (std::size_t s = N - 1; s-- > 0;)
      image = apply(op::weighted_sum{{1}, {1}}, parts[s], refine(refine(image)));
    return image;
  }
};

struct does_not_join {
  template <std::size_t N, value X>
  scales<X, N> split(const X& image) const { return copies{}.split<N>(image); }
};
struct splits_in_two : copies {
  template <std::size_t, value X>
  scales<X, 2> split(const X& image) const { return copies{}.split<2>(image); }
};
struct splits_no_shapes : copies {
  template <std::size_t N, class B, class T>
  scales<tensor<B, T>, N> split(const tensor<B, T>& x) const { return copies{}.split<N>(x); }
};

static_assert(pyramid<copies, tensor_d, 1> && pyramid<copies, tensor_f> &&
              pyramid<copies, shape, 3>);
static_assert(pyramid<differences, tensor_d, 1> && pyramid<differences, tensor_d, 3>);
static_assert(!pyramid<does_not_join, tensor_d>);
static_assert(pyramid<splits_in_two, tensor_d> && !pyramid<splits_in_two, tensor_d, 3>);
static_assert(!pyramid<splits_no_shapes, tensor_d>);

/// Whole numbers −9 … 9, so that means of 2×2 and interpolation are exact.
tensor_d whole_numbers(const shape& s) {
  std::vector<double> x(s.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * i * 7 % 19) - 9;
  return {s, x};
}

/// The means of 2ˢ×2ˢ pixels.
std::vector<double> block_means(const tensor_d& image, std::size_t s) {
  const std::vector<double> x = image.to_host();
  const std::size_t height = image.shape()[2], width = image.shape()[3];
  std::vector<double> means(x.size() >> (2 * s));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t row = i / width, plane = row / height;
    means[(plane * (height >> s) + (row % height >> s)) * (width >> s) + (i % width >> s)] +=
        x[i] / static_cast<double>(std::size_t{1} << (2 * s));
  }
  return means;
}

template <std::size_t N>
void check_copies() {
  const shape s{2, 3, 16, 8};
  const tensor_d image = whole_numbers(s);
  const auto images = copies{}.split<N>(image);
  const auto shapes = copies{}.split<N>(s);
  for (std::size_t scale = 0; scale < N; ++scale) {
    BOOST_TEST(shapes[scale] == (shape{2, 3, std::size_t{16} >> scale, std::size_t{8} >> scale}));
    BOOST_TEST(images[scale].shape() == shapes[scale]);
    BOOST_TEST((images[scale].to_host() == block_means(image, scale)));
  }
  BOOST_TEST((copies{}.join(images).to_host() == image.to_host()));
  BOOST_TEST(copies{}.join(shapes) == s);
  // Of any scales it is the finest that is the image.
  BOOST_TEST((copies{}.join(make_scales<N>([&](std::size_t i) {
                return full<tensor_d>(shapes[i], static_cast<double>(5 + i));
              })).to_host() == std::vector<double>(s.size(), 5)));
}

/// The sum of the squares of an image's pixels.
double squares(const tensor_d& x) {
  double sum = 0;
  for (const double value : x.to_host()) sum += value * value;
  return sum;
}

struct square : op::pointwise<square> {
  static constexpr const char* name = "square";
  template <class T>
  LIFT_HD static T f(const T& x) { return x * x; }
  template <class T>
  LIFT_HD static T df(const T& x) { return x + x; }
};

/// Its ε̂ of every scale is what it is shown of it.
struct echo {
  template <std::size_t N>
  scales<tensor_d, N> operator()(const scales<tensor_d, N>& x, const scales<timesteps, N>&) const {
    return x;
  }
};

const cosine_schedule schedule;
const tensor_d clean = whole_numbers({2, 1, 32, 32});

}  // namespace

BOOST_AUTO_TEST_CASE(copies_are_means_and_the_finest_is_the_image) {
  check_copies<1>();
  check_copies<2>();
  check_copies<3>();
  BOOST_CHECK_EXCEPTION((copies{}.split<3>(shape{1, 3, 6, 8})), error, [](const error& e) {
    return std::string(e.what()) ==
           "downsample: shape of the image: got (1, 3, 3, 4), want (B, C, H, W) with even H and W";
  });
}

BOOST_AUTO_TEST_CASE(differences_make_the_image_again) {
  const auto check = [&]<std::size_t N>(const scales<tensor_d, N>& parts) {
    const auto shapes = differences{}.split<N>(clean.shape());
    for (std::size_t s = 0; s < N; ++s) {
      BOOST_TEST(shapes[s] == (shape{2, 1, std::size_t{32} >> (2 * s), std::size_t{32} >> (2 * s)}));
      BOOST_TEST(parts[s].shape() == shapes[s]);
    }
    BOOST_TEST((differences{}.join(parts).to_host() == clean.to_host()));
    BOOST_TEST(differences{}.join(shapes) == clean.shape());
    BOOST_TEST((parts.fine().to_host() == clean.to_host()) == (N == 1));
  };
  check(differences{}.split<1>(clean));
  check(differences{}.split<2>(clean));
  check(differences{}.split<3>(clean));
}

BOOST_AUTO_TEST_CASE(training_batches_follow_the_pyramid) {
  const auto check = [&]<std::size_t N>(const scales<tensor_d, N>& parts) {
    const objective goal{schedule, independent_regime{}, predicts_velocity{}, differences{}};
    const auto made = goal.batch<N>(clean, 5, 100);
    const auto t = draw_timesteps<tensor_d, N>(
        goal.regime, {.seed = 5, .use = purpose::training_timestep}, 100, 2, 1000);
    for (std::size_t s = 0; s < N; ++s) {
      const random_stream stream{.seed = 5, .use = purpose::training_noise,
                                 .scale = static_cast<std::uint32_t>(s)};
      const auto noise = normal_noise<tensor_d>(parts[s].shape(), stream, 100);
      const auto want = noise_images(goal.prediction, parts[s], noise, t[s], schedule);
      BOOST_TEST((made[s].input.to_host() == want.input.to_host()));
      BOOST_TEST((made[s].target.to_host() == want.target.to_host()));
      BOOST_TEST((made[s].t.to_host() == want.t.to_host()));
    }
    // Of copies the batch is another, but for N = 1.
    const auto other = objective{schedule, independent_regime{}, predicts_velocity{}}
                           .batch<N>(clean, 5, 100);
    BOOST_TEST((other.fine().input.to_host() == made.fine().input.to_host()) == (N == 1));
  };
  check(differences{}.split<1>(clean));
  check(differences{}.split<2>(clean));
  check(differences{}.split<3>(clean));
}

// x̂₀ = x² of every scale: ∂x̂₀/∂x is diagonal, and ‖J‖² = 4Σx² whatever the probes. Without noise
// x is the clean image.
BOOST_AUTO_TEST_CASE(a_heatmap_follows_the_pyramid) {
  const tabulated_schedule noiseless({1, 0.5});
  const heatmap_axis axis{{1, 2}, {0, 0}};
  const error_heatmap_options options{.jacobian_of = estimate::clean,
                                      .coordinate = {no_factor{}},
                                      .weight = jacobian_weight::none};
  const auto check = [&]<std::size_t N, class Pyramid>(const scales<tensor_d, N>& parts,
                                                       const Pyramid& own) {
    const auto denoise = []<class X>(const scales<X, N>& x, const scales<timesteps, N>&) {
      return make_scales<N>([&](std::size_t s) { return apply(square{}, x[s]); });
    };
    const auto heatmap =
        compute_error_heatmap<N>(denoise, noiseless, clean, axis, options, {}, {}, own);
    for (std::size_t output = 0; output < N; ++output)
      for (std::size_t input = 0; input < N; ++input) {
        const double want = output == input ? 4 * squares(parts[output]) / 2 : 0;  // of 2 images
        for (const double point : heatmap.error[output][input].values()) BOOST_TEST(point == want);
      }
  };
  check(differences{}.split<1>(clean), differences{});
  check(differences{}.split<2>(clean), differences{});
  check(differences{}.split<3>(clean), differences{});
  check(copies{}.split<3>(clean), copies{});
}

// A clean scale is shown as it is and has no noise: its error is the mean square of its pixels.
BOOST_AUTO_TEST_CASE(denoising_errors_follow_the_pyramid) {
  const auto check = [&]<std::size_t N, class Pyramid>(const scales<tensor_d, N>& parts,
                                                       const Pyramid& own) {
    for (const std::size_t batch_size : {1u, 2u}) {
      const auto errors = measure_denoising_errors<N>(model{echo{}, predicts_noise{}, schedule},
                                                      schedule, clean, {.batch_size = batch_size},
                                                      own);
      for (std::size_t s = 0; s < N; ++s)
        BOOST_TEST(errors.one_clean[s].of[s].mean ==
                   squares(parts[s]) / static_cast<double>(parts[s].size()));
    }
  };
  check(differences{}.split<1>(clean), differences{});
  check(differences{}.split<2>(clean), differences{});
  check(differences{}.split<3>(clean), differences{});
  check(copies{}.split<3>(clean), copies{});
}

BOOST_AUTO_TEST_CASE(generated_scales_follow_the_pyramid) {
  const auto check = [&]<std::size_t N>(const scales<shape, N>& shapes) {
    const auto denoise = [](const scales<tensor_d, N>& x, const scales<timesteps, N>&) {
      return make_scales<N>([&](std::size_t s) { return scaled(x[s], 0.5); });
    };
    const timestep_path<N> path{make_scales<N>([](std::size_t) { return 900.0; }),
                                make_scales<N>([](std::size_t s) { return 400.0 - double(s); })};
    const sampling_options<ddim, differences> options{.seed = 9, .first_sample = 4};
    const auto made = generate<tensor_d>(denoise, schedule, path, {2, 1, 32, 32}, options);
    const auto noise = make_scales<N>([&](std::size_t s) {
      return initial_noise<tensor_d>(shapes[s], static_cast<std::uint32_t>(s), options);
    });
    const auto want = sample(denoise, schedule, path, noise, options);
    for (std::size_t s = 0; s < N; ++s) {
      BOOST_TEST(made[s].shape() == shapes[s]);
      BOOST_TEST((made[s].to_host() == want[s].to_host()));
    }
    BOOST_TEST(differences{}.join(made).shape() == (shape{2, 1, 32, 32}));
  };
  check(scales{shape{2, 1, 32, 32}});
  check(scales{shape{2, 1, 32, 32}, shape{2, 1, 8, 8}});
  check(scales{shape{2, 1, 32, 32}, shape{2, 1, 8, 8}, shape{2, 1, 2, 2}});
}

BOOST_AUTO_TEST_SUITE_END()
