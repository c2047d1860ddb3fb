// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include <Eigen/Cholesky>

#include <lift/analysis/jacobian_products.hpp>
#include <lift/interop/as_eigen.hpp>
#include <lift/model/gaussian_field.hpp>
#include <lift/model/gaussian_mixture.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/pyramid/haar.hpp>
#include <lift/sample/generate.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/schedule/tabulated_schedule.hpp>
#include <lift/tensor/noise.hpp>

#include "analysis/exact_jacobian.hpp"
#include "message_of.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(gaussian_mixture_tests)

using namespace lift;
using namespace lift::test;

namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// From clean to pure noise.
const tabulated_schedule levels({0.9999, 0.8, 0.3, 0.01, 0});
const std::vector<double> weights{1, 2, 4, 1};

template <class Tensor = tensor_d>
Tensor four_images(std::size_t n = 4, std::size_t channels = 2) {
  return scaled(normal_noise<Tensor>({4, channels, n, n}, {.seed = 5}, 0), 0.2);
}

using float_and_double = std::tuple<tensor_f, tensor_d>;

/// The coarse scale, and what is left when it is interpolated.
struct interpolated {
  template <std::size_t N, value X>
  scales<X, N> split(const X& image) const {
    scales<X, N> parts = copies{}.split<N>(image);
    for (std::size_t s = 0; s + 1 < N; ++s)
      parts[s] = apply(op::weighted_sum{{1}, {-1}}, parts[s], refine(parts[s + 1]));
    return parts;
  }
  template <value X, std::size_t N>
  X join(const scales<X, N>& parts) const { return parts.fine(); }
};

/// A row for each image.
MatrixXd as_matrix(const tensor_d& x) { return as_eigen(x); }

/// What is known of one image given its noisy scales, by densities of all of them at once.
template <std::size_t N>
struct bayes {
  VectorXd responsibilities;
  VectorXd mean;        // of the image
  MatrixXd covariance;  // likewise

  bayes(const scales<MatrixXd, N>& views, const MatrixXd& means, double variance, const scales<VectorXd, N>& x,
        const scales<double, N>& alpha_bars) {
    Eigen::Index seen = 0;
    for (const MatrixXd& view : views) seen += view.rows();
    MatrixXd signal(seen, means.cols());
    VectorXd noise(seen), noisy(seen);
    seen = 0;
    for (std::size_t s = 0; s < N; ++s) {
      const Eigen::Index rows = views[s].rows();
      signal.middleRows(seen, rows) = std::sqrt(alpha_bars[s]) * views[s];
      noise.segment(seen, rows).setConstant(1 - alpha_bars[s]);
      noisy.segment(seen, rows) = x[s];
      seen += rows;
    }
    const MatrixXd evidence = MatrixXd(noise.asDiagonal()) + variance * signal * signal.transpose();
    const Eigen::LLT<MatrixXd> inverse(evidence);
    VectorXd log_density(means.rows());
    MatrixXd of_each(means.cols(), means.rows());
    for (Eigen::Index k = 0; k < means.rows(); ++k) {
      const VectorXd off = noisy - signal * means.row(k).transpose();
      const VectorXd solved = inverse.solve(off);
      log_density(k) = std::log(weights[static_cast<std::size_t>(k)]) - 0.5 * off.dot(solved);
      of_each.col(k) = means.row(k).transpose() + variance * signal.transpose() * solved;
    }
    responsibilities = (log_density.array() - log_density.maxCoeff()).exp();
    responsibilities /= responsibilities.sum();
    mean = of_each * responsibilities;
    covariance = variance * MatrixXd::Identity(means.cols(), means.cols()) -
                 variance * variance * signal.transpose() * inverse.solve(signal);
    of_each.colwise() -= mean;
    covariance += of_each * responsibilities.asDiagonal() * of_each.transpose();
  }
};

/// The denoiser, its responsibilities and its Jacobian, one timestep for all images and one for each.
template <std::size_t N, class Pyramid>
void check_against_bayes(const Pyramid& pyramid, double variance) {
  const tensor_d means = four_images();
  const gaussian_mixture denoise(levels, means, variance, weights, pyramid);
  static_assert(has_exact_jacobian<decltype(denoise), tensor_d, N>());
  const std::size_t pixels = 2 * 4 * 4;
  const auto of_units = pyramid.template split<N>(unit_tangents<tensor_d>({1, 2, 4, 4}, 0, pixels));
  const auto views = make_scales<N>([&](std::size_t s) -> MatrixXd { return as_eigen(of_units[s]).transpose(); });
  // Five noisy images of each level, scales apart.
  const tensor_d noise = normal_noise<tensor_d>({5, 2, 4, 4}, {.seed = 1}, 0);
  const auto t = make_scales<N>([&](std::size_t s) {
    timesteps each;
    for (std::size_t i = 0; i < 5; ++i) each.push_back(double((i + 3 * s) % 5));
    return each;
  });
  const auto x = pyramid.template split<N>(noise);
  const auto together = denoise(x, t);
  const MatrixXd shares = as_matrix(denoise.responsibilities(x, t));
  double least = 1;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    const auto one = make_scales<N>([&](std::size_t s) { return x[s].rows(i, i + 1); });
    const auto at = make_scales<N>([&](std::size_t s) { return timesteps{t[s][i]}; });
    const auto a = make_scales<N>([&](std::size_t s) { return alpha_bars(levels, at[s])[0]; });
    const bayes<N> want(views, as_matrix(means), variance,
                        make_scales<N>([&](std::size_t s) -> VectorXd { return as_matrix(one[s]).row(0); }), a);
    BOOST_CHECK_LT((shares.row(row).transpose() - want.responsibilities).norm(), 1e-10);
    least = std::min(least, want.responsibilities.maxCoeff());
    const auto alone = denoise(one, at);
    const auto columns = jacobian_products(denoise, one, at, make_scales<N>([&](std::size_t s) {
                                             return unit_tangents<tensor_d>(one[s].shape(), 0, one[s].size());
                                           }));
    for (std::size_t s = 0; s < N; ++s) {
      BOOST_TEST(together[s].shape() == x[s].shape());
      const VectorXd clean = views[s] * want.mean;
      BOOST_CHECK_LT((as_matrix(alone[s]).row(0).transpose() - clean).norm(), 1e-10 * clean.norm());
      BOOST_CHECK_LT(relative_l2(together[s].rows(i, i + 1), alone[s]), 1e-12);
      for (std::size_t input = 0; input < N; ++input) {
        const MatrixXd covariance = views[s] * want.covariance * views[input].transpose();
        const double pull = std::sqrt(a[input]) / (1 - a[input]);
        const MatrixXd transposed = as_matrix(columns[s][input]);
        BOOST_CHECK_LT((transposed.transpose() - pull * covariance).norm(), 1e-9 * pull * covariance.norm() + 1e-12);
      }
    }
  }
  BOOST_CHECK_LT(least, 0.9);  // some image is of more than one component
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_the_posterior_mean) {
  for (const double variance : {0.0, 0.3}) {
    check_against_bayes<1>(copies{}, variance);
    check_against_bayes<2>(copies{}, variance);
    check_against_bayes<3>(copies{}, variance);
    check_against_bayes<2>(haar{}, variance);
    check_against_bayes<3>(haar{}, variance);
  }
}

BOOST_AUTO_TEST_CASE(one_component_is_a_white_field) {
  const gaussian_mixture mixture(levels, full<tensor_d>({1, 3, 8, 8}, 0.3), 0.2);
  const gaussian_field field(levels, power_law_spectrum(8, 0, 0.2), 0.3);
  const auto x = copies{}.split<3>(normal_noise<tensor_d>({2, 3, 8, 8}, {.seed = 1}, 0));
  const scales t{timesteps{2.5}, timesteps{4}, timesteps{0}};
  const auto got = mixture(x, t), want = field(x, t);
  for (std::size_t s = 0; s < 3; ++s) BOOST_CHECK_LT(relative_l2(got[s], want[s]), 1e-11);
}

// Nothing overflows, and a scale that tells nothing does no harm beside one that tells all.
BOOST_AUTO_TEST_CASE_TEMPLATE(extreme_noise_levels, Tensor, float_and_double) {
  const tabulated_schedule extreme({1 - 1e-12, 1e-12, 0});
  const Tensor means = four_images<Tensor>(16, 3);
  const auto noisy = copies{}.split<2>(normal_noise<Tensor>({4, 3, 16, 16}, {.seed = 1}, 0));
  const auto clean = copies{}.split<2>(means);
  std::vector<double> priors, units;
  for (std::size_t i = 0; i < 16; ++i) {
    priors.push_back(weights[i % 4] / 8);
    units.push_back(i % 5 == 0 ? 1 : 0);
  }
  const std::vector<double> expected = [&] {
    const auto host = means.to_host();
    std::vector<double> sum(3 * 16 * 16);
    for (std::size_t i = 0; i < host.size(); ++i)
      sum[i % sum.size()] += weights[i / sum.size()] / 8 * static_cast<double>(host[i]);
    return sum;
  }();
  for (const double variance : {0.0, 0.1}) {
    const gaussian_mixture denoise(extreme, means, variance, weights);
    for (const double t : {1.0, 2.0}) {
      const scales at{timesteps{t}, timesteps{t}};
      BOOST_CHECK_LT(relative_l2(denoise.responsibilities(noisy, at).to_host(), priors), 1e-4);
      for (std::size_t i = 0; i < 4; ++i)
        BOOST_CHECK_LT(relative_l2(denoise(noisy, at).fine().rows(i, i + 1).to_host(), expected), 1e-4);
    }
    const scales at{timesteps{0}, timesteps{0}};
    BOOST_CHECK_LT(relative_l2(denoise.responsibilities(clean, at).to_host(), units), 1e-12);
    BOOST_CHECK_LT(relative_l2(denoise(clean, at).fine(), means), 1e-6);
    // Of a coarse image that is known the fine one is the mean that has it.
    const scales<Tensor> mixed{noisy.fine(), clean.coarse()};
    const scales apart{timesteps{2}, timesteps{0}};
    BOOST_CHECK_LT(relative_l2(denoise.responsibilities(mixed, apart).to_host(), units), 1e-12);
    BOOST_CHECK_LT(relative_l2(denoise(mixed, apart).fine(), means), 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(a_data_set_makes_its_own_images_again) {
  const tensor_f images = scaled(normal_noise<tensor_f>({100, 3, 16, 16}, {.seed = 7}, 0), 0.2);
  const cosine_schedule schedule;
  const gaussian_mixture denoise(schedule, images);
  const auto made = generate<tensor_f>(denoise, schedule, diagonal{}({}, schedule, 20), shape{8, 3, 16, 16});
  for (std::size_t i = 0; i < 8; ++i) {
    double nearest = 1;
    for (std::size_t k = 0; k < 100; ++k)
      nearest = std::min(nearest, relative_l2(made.fine().rows(i, i + 1), images.rows(k, k + 1)));
    BOOST_CHECK_LT(nearest, 1e-4);
  }
}

BOOST_AUTO_TEST_CASE(what_it_cannot_take_is_refused) {
  const tensor_d means = four_images();
  const auto made = [&](double variance, const std::vector<double>& some) {
    return message_of([&] { gaussian_mixture(levels, means, variance, some); });
  };
  BOOST_TEST(made(-1, {}) == "variance of a Gaussian mixture: got -1, want a finite number from 0");
  BOOST_TEST(made(0, {1, 2}) == "weights of a Gaussian mixture: got 2, want one for each of 4 means");
  BOOST_TEST(made(0, {1, 2, 0, 1}) == "weight of a Gaussian mixture: got 0, want a positive number");
  BOOST_TEST(message_of([&] { gaussian_mixture(levels, means.reshaped({4, 32})); }) ==
             "means of a Gaussian mixture: got (4, 32), want (K, C, H, W)");

  const gaussian_mixture denoise(tabulated_schedule({1, 0.5}), means);
  const auto x = copies{}.split<2>(means);
  const auto called = [&](const scales<tensor_d>& with, const timesteps& t) {
    return message_of([&] { denoise(with, scales{timesteps{1}, t}); });
  };
  BOOST_TEST(called(x, {0}) == "Gaussian mixture: ᾱ: got 1, want below 1");
  BOOST_TEST(called(x, {1, 1}) == "Gaussian mixture: number of timesteps: got 2, want 1 or 4");
  BOOST_TEST(called({x.coarse(), x.coarse()}, {1}) ==
             "Gaussian mixture: image: got (4, 2, 2, 2), want (4, 2, 4, 4)");
  BOOST_TEST(called({x.fine(), x.fine()}, {1}) ==
             "shape of the coarse scale: got (4, 2, 4, 4), want (4, 2, 2, 2)");
  BOOST_TEST(message_of([&] {
               gaussian_mixture(levels, means, 0, {}, interpolated())(
                   interpolated{}.split<2>(means), scales{timesteps{1}, timesteps{1}});
             }) == "pyramid: scale 0: got one that mixes Haar's bands, want copies, orthonormal parts or the like");
}

BOOST_AUTO_TEST_SUITE_END()
