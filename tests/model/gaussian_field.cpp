// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <Eigen/Cholesky>

#include <lift/analysis/jacobian_products.hpp>
#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/interop/as_eigen.hpp>
#include <lift/pyramid/haar.hpp>
#include <lift/tensor/noise.hpp>

#include "analysis/exact_jacobian.hpp"
#include "exact/dense_field.hpp"
#include "oracle.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(gaussian_field_tests)

using namespace lift;
using namespace lift::test;

static_assert(differentiable_denoiser<gaussian_field<tabulated_schedule>, tensor_d>);

namespace {

/// Σ of the diagonal of x̂_s with respect to x_s, by unit tangents.
template <class Field>
scales<double> traces(const Field& field, double t_fine, double t_coarse) {
  const auto identity = [](std::size_t n) {
    std::vector<double> ones(n * n);
    for (std::size_t i = 0; i < n; ++i) ones[i * n + i] = 1;
    return ones;
  };
  const auto trace = [](const tensor_d& j, std::size_t n) {
    const auto host = j.to_host();
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += host[i * n + i];
    return sum;
  };
  const tensor_d fine = zeros<tensor_d>({1, 1, 8, 8}), coarse = zeros<tensor_d>({1, 1, 4, 4});
  using dual_d = dual_of<tensor_d>;
  const scales moved_fine{dual_d{fine, tensor_d({64, 1, 8, 8}, identity(64))},
                          dual_d{coarse, zeros<tensor_d>({64, 1, 4, 4})}};
  const scales moved_coarse{dual_d{fine, zeros<tensor_d>({16, 1, 8, 8})},
                            dual_d{coarse, tensor_d({16, 1, 4, 4}, identity(16))}};
  const scales t{timesteps{t_fine}, timesteps{t_coarse}};
  return {trace(field(moved_fine, t).fine().tangent, 64),
          trace(field(moved_coarse, t).coarse().tangent, 16)};
}

/// From clean to pure noise.
const tabulated_schedule levels({0.9999, 0.8, 0.3, 0.01, 0});

/// A spectrum that is no power law: its powers are (1 + i)/8, i a hash of the frequency and of its negative.
power_spectrum uneven_spectrum(std::size_t n) {
  power_spectrum spectrum{n, {}};
  for (std::size_t k = 0; k < n * n; ++k) {
    const std::size_t row = k / n, column = k % n;
    const std::size_t other = (n - row) % n * n + (n - column) % n;
    spectrum.power.push_back(static_cast<double>(1 + std::min(k, other) * 7 % 5) / 8);
  }
  return spectrum;
}

Eigen::VectorXd as_vector(const tensor_d& x) {
  const std::vector<double> host = x.to_host();
  return Eigen::Map<const Eigen::VectorXd>(host.data(), static_cast<Eigen::Index>(host.size()));
}

/// The denoiser and its Jacobian beside the posterior mean and covariance of one block of all pixels.
template <std::size_t N, class Pyramid>
void check_against_linear_algebra(const power_spectrum& spectrum, const gaussian_block<N>& pixels,
                                  const Pyramid& pyramid) {
  const double mean = 0.3;
  const gaussian_field denoise(levels, spectrum, mean, pyramid);
  static_assert(has_exact_jacobian<decltype(denoise), tensor_d, N>());
  const std::size_t n = spectrum.size;
  const auto x = pyramid.template split<N>(normal_noise<tensor_d>({1, 1, n, n}, {.seed = 1}, 0));
  const Eigen::VectorXd means = Eigen::VectorXd::Constant(pixels.size(), mean);
  for (std::size_t first = 0; first < 5; ++first) {
    const auto t = make_scales<N>([&](std::size_t s) { return timesteps{double((first + 3 * s) % 5)}; });
    const auto a = make_scales<N>([&](std::size_t s) { return alpha_bars(levels, t[s])[0]; });
    const auto pull = make_scales<N>([&](std::size_t s) { return std::sqrt(a[s]) / (1 - a[s]); });
    const Eigen::LLT<Eigen::MatrixXd> precision(
        pixels.precision(make_scales<N>([&](std::size_t s) { return snr_from_alpha_bar(a[s]); })));
    Eigen::VectorXd sum = pixels.covariance.llt().solve(means);
    for (std::size_t s = 0; s < N; ++s) sum += pull[s] * pixels.views[s].transpose() * as_vector(x[s]);
    const Eigen::VectorXd image = precision.solve(sum);
    const auto got = denoise(x, t);
    const auto columns = jacobian_products(denoise, x, t, make_scales<N>([&](std::size_t s) {
                                             return unit_tangents<tensor_d>(x[s].shape(), 0, x[s].size());
                                           }));
    for (std::size_t s = 0; s < N; ++s) {
      BOOST_TEST(got[s].shape() == x[s].shape());
      const Eigen::VectorXd want = pixels.views[s] * image;
      BOOST_CHECK_LT((as_vector(got[s]) - want).norm(), 1e-10 * want.norm());
      for (std::size_t input = 0; input < N; ++input) {
        const Eigen::MatrixXd covariance = pixels.views[s] * precision.solve(pixels.views[input].transpose());
        const auto transposed = as_eigen(columns[s][input]);
        BOOST_CHECK_LE((transposed.transpose() - pull[input] * covariance).norm(),
                       pull[input] * (1e-10 * covariance.norm() + 1e-12));
      }
    }
  }
}

/// Each channel is denoised as if it were alone.
template <std::size_t N, class Pyramid>
void check_channels(const Pyramid& pyramid) {
  const gaussian_field denoise(levels, uneven_spectrum(8), -0.2, pyramid);
  const auto t = make_scales<N>([](std::size_t s) { return timesteps{1 + double(s) / 2}; });
  const tensor_d image = normal_noise<tensor_d>({2, 3, 8, 8}, {.seed = 1}, 0);
  const auto together = pyramid.join(denoise(pyramid.template split<N>(image), t));
  const auto apart = pyramid.join(denoise(pyramid.template split<N>(image.reshaped({6, 1, 8, 8})), t));
  BOOST_CHECK_LT(relative_l2(together.reshaped({6, 1, 8, 8}), apart), 1e-13);
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_the_posterior_mean_of_copies) {
  const power_spectrum natural = power_law_spectrum(8, 2.5), uneven = uneven_spectrum(4);
  check_against_linear_algebra(natural, dense_copies<1>(natural).blocks[0], copies{});
  check_against_linear_algebra(natural, dense_copies<2>(natural).blocks[0], copies{});
  check_against_linear_algebra(uneven, dense_copies<2>(uneven).blocks[0], copies{});
  check_against_linear_algebra(uneven, dense_copies<3>(uneven).blocks[0], copies{});
  check_channels<1>(copies{});
  check_channels<3>(copies{});
}

BOOST_AUTO_TEST_CASE(it_is_the_posterior_mean_of_orthonormal_scales) {
  const power_spectrum natural = power_law_spectrum(8, 2.5), uneven = uneven_spectrum(4);
  check_against_linear_algebra(natural, dense_haar<2>(natural).blocks[0], haar{});
  check_against_linear_algebra(uneven, dense_haar<2>(uneven).blocks[0], haar{});
  check_against_linear_algebra(uneven, dense_haar<3>(uneven).blocks[0], haar{});
  check_channels<2>(haar{});
  check_channels<3>(haar{});
}

BOOST_AUTO_TEST_CASE(of_pure_noise_it_is_the_mean) {
  const gaussian_field denoise(levels, power_law_spectrum(4, 2), 0.3);
  const auto x = copies{}.split<3>(normal_noise<tensor_d>({2, 3, 4, 4}, {.seed = 1}, 0));
  for (const tensor_d& clean : denoise(x, make_scales<3>([](std::size_t) { return timesteps{4}; })))
    for (const double pixel : clean.to_host()) BOOST_CHECK_SMALL(pixel - 0.3, 1e-12);
}

// ∂x̂_s/∂x_s = (α_s/σ_s²)·Cov(x_s | z), so its trace gives the mean-squared error.
BOOST_FIXTURE_TEST_CASE(posterior_variance_is_the_golden_mean_squared_error, oracle) {
  BOOST_REQUIRE_EQUAL(points.size(), 7u);
  for (const auto& p : points) {
    const double fine = p["snr64"], coarse = p["snr32"];
    const auto factor = [](double snr) { return std::sqrt(snr * (1 + snr)); };  // α/σ²
    const scales<double> trace = traces(field, timestep(fine), timestep(coarse));
    BOOST_TEST(trace.fine() / factor(fine) == p["mmse64"].get<double>(),
               boost::test_tools::tolerance(1e-12));
    BOOST_TEST(trace.coarse() / factor(coarse) == p["mmse32"].get<double>(),
               boost::test_tools::tolerance(1e-12));
  }
}

BOOST_FIXTURE_TEST_CASE(coarse_output_is_the_mean_of_the_fine_one, oracle) {
  const scales x{normal_noise<tensor_d>({2, 3, 8, 8}, {.seed = 1}, 0),
                 normal_noise<tensor_d>({2, 3, 4, 4}, {.seed = 2}, 0)};
  const auto y = field(x, scales{timesteps{1}, timesteps{3}});
  BOOST_TEST(y.fine().shape() == x.fine().shape());
  BOOST_CHECK_LT(relative_l2(y.coarse(), coarsen(y.fine())), 1e-14);
  const auto images =
      field(scales{x.fine().rows(1, 2), x.coarse().rows(1, 2)}, scales{timesteps{1}, timesteps{3}});
  BOOST_CHECK_LT(relative_l2(images.fine(), y.fine().rows(1, 2)), 1e-13);
}

BOOST_FIXTURE_TEST_CASE(a_fractional_timestep_is_one_of_a_finer_schedule, oracle) {
  const scales x{normal_noise<tensor_d>({1, 3, 8, 8}, {.seed = 1}, 0),
                 normal_noise<tensor_d>({1, 3, 4, 4}, {.seed = 2}, 0)};
  const tabulated_schedule finer({schedule.alpha_bar(1), alpha_bar_at(schedule, 1.5)});
  const auto got = field(x, scales{timesteps{1}, timesteps{1.5}});
  const auto want = gaussian_field(finer, 8)(x, scales{timesteps{0}, timesteps{1}});
  BOOST_CHECK_LT(relative_l2(got.fine(), want.fine()), 1e-14);
  BOOST_CHECK_LT(relative_l2(got.coarse(), want.coarse()), 1e-14);
}

BOOST_FIXTURE_TEST_CASE(what_it_cannot_take_is_refused, oracle) {
  const auto fine = zeros<tensor_d>({1, 1, 8, 8}), coarse = zeros<tensor_d>({1, 1, 4, 4});
  const auto refuses = [](const auto& call, const std::string& message) {
    BOOST_CHECK_EXCEPTION(call(), error, [&](const error& e) {
      BOOST_TEST(e.what() == message);
      return true;
    });
  };
  const scales x{fine, coarse};
  refuses([&] { field(x, scales{timesteps{0, 1}, timesteps{0}}); },
          "Gaussian field: number of timesteps: got 2, want 1");
  refuses([&] { field(scales{coarse, coarse}, scales{timesteps{0}, timesteps{0}}); },
          "Gaussian field: image: got (1, 1, 4, 4), want (B, C, 8, 8)");
  refuses([&] { field(scales{fine, fine}, scales{timesteps{0}, timesteps{0}}); },
          "shape of the coarse scale: got (1, 1, 8, 8), want (1, 1, 4, 4)");
  refuses([&] { field(x, scales{timesteps{6}, timesteps{0}}); }, "timestep: got 6, want 0 to 5");
  refuses([&] { field(x, scales{timesteps{0}, timesteps{-0.5}}); },
          "timestep: got -0.5, want 0 to 5");
  const auto odd = zeros<tensor_d>({1, 1, 7, 7});
  refuses([&] { gaussian_field(schedule, 7)(scales{odd, odd}, scales{timesteps{0}, timesteps{0}}); },
          "downsample: shape of the image: got (1, 1, 7, 7), want (B, C, H, W) with even H and W");
  refuses([&] { gaussian_field(schedule, power_spectrum{2, {1, 1, 0, 1}}); },
          "power of a frequency: got 0, want a positive number");
  refuses([&] { gaussian_field(schedule, power_spectrum{2, {1, 1, 1}}); },
          "frequencies of a power spectrum: got 3, want 1 or more, 2x2");
  const gaussian_field reaching_clean(tabulated_schedule({1, 0.5}), 8);
  refuses([&] { reaching_clean(x, scales{timesteps{0}, timesteps{1}}); },
          "Gaussian field: ᾱ: got 1, want below 1");
}

BOOST_AUTO_TEST_SUITE_END()
