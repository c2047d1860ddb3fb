// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Dense>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/op/linear.hpp>
#include <lift/schedule/tabulated_schedule.hpp>

#include "exact_jacobian.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(three_scales_tests)

using namespace lift;
using namespace lift::test;

namespace {

using matrix = Eigen::MatrixXd;
using Eigen::Index;

/// D of n×n images, as a matrix.
matrix mean_of_2x2(Index n) {
  matrix result = matrix::Zero(n * n / 4, n * n);
  for (Index p = 0; p < n * n; ++p) result(p / n / 2 * (n / 2) + p % n / 2, p) = 0.25;
  return result;
}

/// exp(−distance²/2ℓ²)/4 between the pixels of n×n images, ℓ two pixels.
matrix smooth_covariance(Index n) {
  matrix result(n * n, n * n);
  for (Index p = 0; p < n * n; ++p)
    for (Index q = 0; q < n * n; ++q) {
      const double rows = double(p / n - q / n), columns = double(p % n - q % n);
      result(p, q) = 0.25 * std::exp(-(rows * rows + columns * columns) / (2 * 2 * 2));
    }
  return result;
}

/// The images of a batch as rows.
template <class B, class T>
tensor<B, T> as_rows(const tensor<B, T>& x) {
  return x.reshaped({x.shape()[0], x.size() / x.shape()[0]});
}
template <class B, class T>
dual<B, T> as_rows(const dual<B, T>& x) {
  return {as_rows(x.primal), as_rows(x.tangent)};
}
template <class B, class T>
tensor<B, T> as_images(const tensor<B, T>& x, const shape& s) {
  return x.reshaped({x.shape()[0], s[1], s[2], s[3]});
}
template <class B, class T>
dual<B, T> as_images(const dual<B, T>& x, const shape& s) {
  return {as_images(x.primal, s), as_images(x.tangent, s)};
}

/// The exact denoiser of grey 8×8 images x₀ that are a Gaussian vector of covariance Σ, seen at N
/// scales x_s = √ᾱ_s·Dˢx₀ + √(1−ᾱ_s)·ε_s: x̂_s = DˢE[x₀ | all x].
template <std::size_t N>
struct posterior_mean {
  static constexpr Index size = 8;
  tabulated_schedule schedule;
  matrix covariance = smooth_covariance(size);

  double alpha_bar(std::size_t t) const { return schedule.alpha_bar(t); }

  /// x̂_output is the sum over inputs of J[output][input]·x_input.
  jacobian_blocks<matrix, N> jacobian(const scales<std::size_t, N>& t) const {
    scales<matrix, N> mean{matrix::Identity(size * size, size * size)};  // Dˢ
    for (std::size_t s = 1; s < N; ++s)
      mean[s] = mean_of_2x2(size >> (s - 1)) * mean[s - 1];
    Index rows = 0;
    for (const matrix& m : mean) rows += m.rows();
    matrix seen(rows, size * size);  // all x = seen·x₀ + noise
    Eigen::VectorXd noise(rows);     // its variances
    const auto first = [&](std::size_t scale) {
      Index row = 0;
      for (std::size_t s = 0; s < scale; ++s) row += mean[s].rows();
      return row;
    };
    for (std::size_t s = 0; s < N; ++s) {
      seen.middleRows(first(s), mean[s].rows()) = std::sqrt(alpha_bar(t[s])) * mean[s];
      noise.segment(first(s), mean[s].rows()).setConstant(1 - alpha_bar(t[s]));
    }
    matrix of_x = seen * covariance * seen.transpose();
    of_x.diagonal() += noise;
    const matrix gain = of_x.llt().solve(seen * covariance).transpose();
    return make_scales<N>([&](std::size_t output) {
      return make_scales<N>([&](std::size_t input) -> matrix {
        return mean[output] * gain.middleCols(first(input), mean[input].rows());
      });
    });
  }

  /// The same of an estimate: ε̂ = (x − √ᾱ·x̂₀)/√(1−ᾱ).
  jacobian_blocks<matrix, N> jacobian(const scales<std::size_t, N>& t, estimate wanted) const {
    jacobian_blocks<matrix, N> blocks = jacobian(t);
    if (wanted == estimate::clean) return blocks;
    for (std::size_t output = 0; output < N; ++output) {
      const double a = alpha_bar(t[output]);
      for (matrix& block : blocks[output]) block *= -std::sqrt(a / (1 - a));
      blocks[output][output].diagonal().array() += 1 / std::sqrt(1 - a);
    }
    return blocks;
  }

  template <value X>
  scales<X, N> operator()(const scales<X, N>& x, const scales<timesteps, N>& t) const {
    const auto blocks =
        jacobian(make_scales<N>([&](std::size_t s) { return static_cast<std::size_t>(t[s][0]); }));
    return make_scales<N>([&](std::size_t output) {
      X sum = product(blocks[output][0], x[0]);
      for (std::size_t input = 1; input < N; ++input)
        sum = combined({{1, 1}}, sum, product(blocks[output][input], x[input]));
      return as_images(sum, x[output].shape());
    });
  }

 private:
  template <value X>
  static X product(const matrix& m, const X& x) {
    using Tensor = detail::tensor_of<X>;
    std::vector<typename Tensor::value_type> values;
    for (Index i = 0; i < m.rows(); ++i)
      for (Index j = 0; j < m.cols(); ++j) values.push_back(m(i, j));
    const auto outputs = static_cast<std::size_t>(m.rows());
    return apply(op::linear{}, as_rows(x),
                 Tensor({outputs, static_cast<std::size_t>(m.cols())}, values),
                 zeros<Tensor>({outputs}));
  }
};

tabulated_schedule schedule_of(std::vector<double> snrs) {
  for (double& snr : snrs) snr = alpha_bar_from_snr(snr);
  return tabulated_schedule(snrs);
}

double pixels(std::size_t scale) { return static_cast<double>(64u >> 2 * scale); }

struct fixture {
  std::vector<double> gamma{0.05, 1, 20};
  heatmap_axis axis{gamma, {2, 1, 0}};
  tabulated_schedule schedule = schedule_of({20, 1, 0.05});
  posterior_mean<3> denoise{schedule};
  tensor_d images = normal_noise<tensor_d>({32, 1, 8, 8}, {.seed = 1}, 0);
  scales<tensor_d, 3> x = copies{}.split<3>(images.rows(0, 1));

  scales<std::size_t, 3> timesteps_of(const cell<3>& at) const {
    return make_scales<3>([&](std::size_t s) { return axis.timesteps[at[s]]; });
  }
};

scales<timesteps, 3> shown(const scales<std::size_t, 3>& t) {
  return make_scales<3>([&](std::size_t s) { return timesteps{static_cast<double>(t[s])}; });
}

const scales<std::size_t, 3> several_timesteps[] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 2, 2}};

/// The largest error of J u over all blocks and all unit vectors u, relative to the block.
template <class Denoiser>
double largest_error(const Denoiser& denoise, const scales<tensor_d, 3>& x,
                     const scales<std::size_t, 3>& t, const jacobian_blocks<matrix, 3>& want) {
  const auto columns = jacobian_products(denoise, x, shown(t), make_scales<3>([&](std::size_t s) {
    return unit_tangents<tensor_d>(x[s].shape(), 0, x[s].size());
  }));
  double largest = 0;
  for (std::size_t output = 0; output < 3; ++output)
    for (std::size_t input = 0; input < 3; ++input) {
      const matrix& block = want[output][input];
      const std::vector<double> values(block.data(), block.data() + block.size());  // by columns
      largest = std::max(largest, relative_l2(columns[output][input].to_host(), values));
    }
  return largest;
}

/// What a denoiser was shown last at some timesteps.
struct record {
  scales<tensor_d, 3> noisy, tangents;
};

/// Its output is its input.
struct recorder {
  record* kept;
  scales<timesteps, 3> at;

  scales<tensor_d, 3> operator()(const scales<tensor_d, 3>& x,
                                 const scales<timesteps, 3>&) const {
    return x;
  }
  scales<dual_of<tensor_d>, 3> operator()(const scales<dual_of<tensor_d>, 3>& x,
                                          const scales<timesteps, 3>& t) const {
    if (t == at)
      for (std::size_t s = 0; s < 3; ++s) {
        kept->noisy[s] = x[s].primal;
        kept->tangents[s] = x[s].tangent;
      }
    return x;
  }
};

}  // namespace

// E[(x₀ − x̂₀)·xᵀ] = 0 is what makes x̂₀ the posterior mean; the coarser ones are its 2×2 means.
BOOST_FIXTURE_TEST_CASE(the_oracle_is_the_posterior_mean, fixture) {
  for (const auto& t : several_timesteps) {
    const auto blocks = denoise.jacobian(t);
    const scales<matrix, 3> mean{matrix::Identity(64, 64), mean_of_2x2(8),
                                 mean_of_2x2(4) * mean_of_2x2(8)};
    for (std::size_t other = 0; other < 3; ++other) {
      matrix left = std::sqrt(denoise.alpha_bar(t[other])) * denoise.covariance *
                    mean[other].transpose();
      const double size = left.norm();
      for (std::size_t input = 0; input < 3; ++input) {
        matrix covariance = std::sqrt(denoise.alpha_bar(t[input]) * denoise.alpha_bar(t[other])) *
                            mean[input] * denoise.covariance * mean[other].transpose();
        if (input == other) covariance.diagonal().array() += 1 - denoise.alpha_bar(t[input]);
        left -= blocks[0][input] * covariance;
      }
      BOOST_CHECK_LT(left.norm(), 1e-12 * size);
    }
    const auto clean = denoise(x, shown(t));
    for (std::size_t scale = 1; scale < 3; ++scale)
      BOOST_CHECK_LT(relative_l2(clean[scale], coarsen(clean[scale - 1])), 1e-12);
  }
}

BOOST_FIXTURE_TEST_CASE(every_block_of_the_products_is_exact, fixture) {
  for (const estimate which : {estimate::clean, estimate::noise})
    for (const auto& t : several_timesteps) {
      const estimator output_of{denoise, schedule, which};
      const auto want = denoise.jacobian(t, which);
      BOOST_CHECK_LT(largest_error(output_of, x, t, want), 1e-12);
      for (std::size_t output = 0; output < 3; ++output)
        for (std::size_t input = 0; input < 3; ++input)
          BOOST_CHECK_GT(want[output][input].norm(), 1e-3);  // none is exact for being nothing
    }
}

// The numbers of tangents of the scales may differ.
BOOST_FIXTURE_TEST_CASE(each_scale_has_its_own_number_of_tangents, fixture) {
  const scales<std::size_t, 3> t{1, 0, 2}, count{5, 2, 1};
  const auto want = denoise.jacobian(t);
  const auto columns = jacobian_products(denoise, x, shown(t), make_scales<3>([&](std::size_t s) {
    return unit_tangents<tensor_d>(x[s].shape(), 3, count[s]);
  }));
  for (std::size_t output = 0; output < 3; ++output)
    for (std::size_t input = 0; input < 3; ++input) {
      BOOST_TEST(columns[output][input].shape()[0] == count[input]);
      const matrix part = want[output][input].middleCols(3, static_cast<Index>(count[input]));
      BOOST_CHECK_LT(relative_l2(columns[output][input].to_host(),
                                 std::vector(part.data(), part.data() + part.size())),
                     1e-12);
    }
}

BOOST_FIXTURE_TEST_CASE(central_differences_of_a_black_box, fixture) {
  using black_box =
      std::function<scales<tensor_d, 3>(const scales<tensor_d, 3>&, const scales<timesteps, 3>&)>;
  static_assert(denoiser<black_box, tensor_d, 3> && !denoiser<black_box, tensor_d, 2>);
  static_assert(!differentiable_denoiser<black_box, tensor_d, 3>);
  static_assert(differentiable_denoiser<central_differences<black_box>, tensor_d, 3>);
  static_assert(has_exact_jacobian<posterior_mean<3>, tensor_d, 3>());
  const black_box opaque = denoise;
  for (const auto& t : several_timesteps) {
    const auto want = denoise.jacobian(t);
    BOOST_CHECK_LT(largest_error(opaque, x, t, want), 1e-7);
    BOOST_CHECK_LT(largest_error(central_differences{opaque, 1e-3}, x, t, want), 1e-10);
  }
  const auto exact = compute_error_heatmap<3>(denoise, schedule, images.rows(0, 2), axis);
  const auto differenced = compute_error_heatmap<3>(opaque, schedule, images.rows(0, 2), axis);
  for (std::size_t output = 0; output < 3; ++output)
    for (std::size_t input = 0; input < 3; ++input)
      BOOST_CHECK_LT(relative_l2(differenced.error[output][input].values(),
                                 exact.error[output][input].values()),
                     1e-8);
}

// J is the same at every image, so only the probes make an error, which the estimate must report.
BOOST_FIXTURE_TEST_CASE(every_block_of_the_heatmap, fixture) {
  const any_coordinate coordinate{};
  for (const estimate which : {estimate::clean, estimate::noise}) {
    const auto heatmap = compute_error_heatmap<3>(denoise, schedule, images, axis,
                                                  {.probes = 32, .jacobian_of = which});
    BOOST_CHECK_NO_THROW(validate(heatmap));
    for (std::size_t number = 0; number < 27; ++number) {
      const cell<3> at = heatmap.fine().index_at(number);
      const auto blocks = denoise.jacobian(timesteps_of(at), which);
      for (std::size_t output = 0; output < 3; ++output)
        for (std::size_t input = 0; input < 3; ++input) {
          const double want = blocks[output][input].squaredNorm() *
                              coordinate.factor(gamma[at[input]]) /
                              (pixels(output) * pixels(input));
          const double got = heatmap.error[output][input][at];
          const double standard_error = heatmap.standard_error[output][input][at];
          BOOST_TEST_CONTEXT(block_name(output, input, 3) << " at " << at[0] << ", " << at[1]
                                                          << ", " << at[2]) {
            BOOST_CHECK_GT(standard_error, 0);
            BOOST_CHECK_LT(standard_error, 0.1 * want);
            BOOST_CHECK_LT(std::abs(got - want), 4 * standard_error);
          }
        }
    }
    for (std::size_t i = 0; i < 27; ++i)
      BOOST_TEST(total(heatmap).values()[i] == heatmap.error[0][0].values()[i] +
                                                   heatmap.error[1][1].values()[i] +
                                                   heatmap.error[2][2].values()[i]);
  }
}

BOOST_FIXTURE_TEST_CASE(coordinate_and_weight_are_factors, fixture) {
  const auto measure = [&](any_coordinate coordinate, jacobian_weight weight) {
    return compute_error_heatmap<3>(denoise, schedule, images.rows(0, 4), axis,
                                    {.coordinate = coordinate, .weight = weight});
  };
  const auto bare = measure({no_factor{}}, jacobian_weight::none);
  const auto check = [&](any_coordinate coordinate, jacobian_weight weight) {
    const auto heatmap = measure(coordinate, weight);
    for (std::size_t output = 0; output < 3; ++output)
      for (std::size_t input = 0; input < 3; ++input)
        for (std::size_t number = 0; number < 27; ++number) {
          const cell<3> at = heatmap.fine().index_at(number);
          double factor = coordinate.factor(gamma[at[input]]);
          if (weight != jacobian_weight::none) factor /= pixels(output);
          if (weight == jacobian_weight::both_sides) factor /= pixels(input);
          const auto tolerance = boost::test_tools::tolerance(1e-12);
          BOOST_TEST(heatmap.error[output][input][at] == factor * bare.error[output][input][at],
                     tolerance);
          BOOST_TEST(heatmap.standard_error[output][input][at] ==
                         factor * bare.standard_error[output][input][at],
                     tolerance);
        }
  };
  check({stochastic_localisation{}}, jacobian_weight::both_sides);
  check({denoised_log_snr_coordinate{}}, jacobian_weight::one_side);
  check({unit_noise{}}, jacobian_weight::none);
}

// Were they those of another scale, an image's first ones would be the same.
BOOST_FIXTURE_TEST_CASE(scales_have_their_own_noise_and_probes, fixture) {
  const std::size_t count = 16;
  const tensor_d black = zeros<tensor_d>({count, 1, 8, 8});  // so that a noisy image is its noise
  record seen;
  compute_error_heatmap<3>(
      recorder{&seen, shown({1, 1, 1})}, schedule, black, axis,
      {.probes = 1, .jacobian_of = estimate::clean, .batch_size = count});
  std::size_t noises_alike = 0, probes_alike = 0;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < a; ++b) {
        const auto begin_alike = [&](const tensor_d& of_a, const tensor_d& of_b) {
          const std::vector<double> coarser = of_a.to_host(), finer = of_b.to_host();
          return std::equal(coarser.begin(), coarser.begin() + 4, finer.begin());
        };
        const auto probe = [&](std::size_t scale) {
          return seen.tangents[scale].rows(scale * count + i, scale * count + i + 1);
        };
        noises_alike += begin_alike(seen.noisy[a].rows(i, i + 1), seen.noisy[b].rows(i, i + 1));
        probes_alike += begin_alike(probe(a), probe(b));
      }
  BOOST_TEST(noises_alike == 0u);
  BOOST_CHECK_LT(probes_alike, 12u);  // of 48; chance makes one in 16 alike
}

BOOST_FIXTURE_TEST_CASE(values_do_not_depend_on_the_batch, fixture) {
  const auto measure = [&](std::size_t batch_size) {
    return compute_error_heatmap<3>(denoise, schedule, images.rows(0, 10), axis,
                                    {.batch_size = batch_size});
  };
  const auto want = measure(10);
  for (const std::size_t batch_size : {1u, 7u}) {
    const auto got = measure(batch_size);
    for (std::size_t output = 0; output < 3; ++output)
      for (std::size_t input = 0; input < 3; ++input)
        BOOST_CHECK_LT(
            relative_l2(got.error[output][input].values(), want.error[output][input].values()),
            1e-12);
  }
}

BOOST_FIXTURE_TEST_CASE(cells_are_counted_kept_and_named, fixture) {
  std::size_t calls = 0, found = 0;
  grid<3> kept = grid<3>::cube(3);
  const heatmap_cells<3> cells{
      [&](const cell<3>& at) -> std::optional<heatmap_cells<3>::blocks> {
        if (at != cell<3>{0, 1, 2}) return std::nullopt;
        ++found;
        heatmap_cells<3>::blocks known;
        for (auto& of_output : known)
          for (sample_mean& block : of_output) block = {100, 1};
        return known;
      },
      [&](const cell<3>& at, const heatmap_cells<3>::blocks&) { kept[at] += 1; }};
  const auto heatmap = compute_error_heatmap<3>(
      denoise, schedule, images.rows(0, 1), axis, {.coordinate = {no_factor{}}},
      [&](std::size_t done, std::size_t all) {
        BOOST_TEST(done == ++calls);
        BOOST_TEST(all == 27u);
      },
      cells);
  BOOST_TEST(calls == 27u);
  BOOST_TEST(found == 1u);
  BOOST_TEST(heatmap.of(1)(0, 1, 2) == 100);
  grid<3> all_but_one = grid<3>::cube(3, 1);
  all_but_one(0, 1, 2) = 0;
  BOOST_CHECK(kept == all_but_one);

  const auto broken = [](const scales<tensor_d, 3>& y, const scales<timesteps, 3>& t) {
    scales<tensor_d, 3> result = y;
    if (t[0][0] == 2 && t[1][0] == 1 && t[2][0] == 0)
      result[1] = full<tensor_d>(y[1].shape(), std::numeric_limits<double>::infinity());
    return result;
  };
  BOOST_CHECK_EXCEPTION(
      compute_error_heatmap<3>(broken, schedule, images.rows(0, 1), axis), error,
      [](const error& e) {
        BOOST_TEST(std::string(e.what()).starts_with(
            "error heatmap, cell (0, 1, 2), timesteps 2 and 1 and 0, middle: got "));
        return true;
      });
}

// x̂₀ = √ᾱ·Σ(ᾱΣ + 1 − ᾱ)⁻¹·x, in the eigenvectors of Σ.
BOOST_FIXTURE_TEST_CASE(a_single_scale_has_a_row_of_cells, fixture) {
  const posterior_mean<1> single{schedule};
  const Eigen::VectorXd variances =
      Eigen::SelfAdjointEigenSolver<matrix>(single.covariance).eigenvalues();
  const any_coordinate coordinate{};
  for (const estimate which : {estimate::clean, estimate::noise}) {
    const auto heatmap = compute_error_heatmap<1>(single, schedule, images, axis,
                                                  {.probes = 32, .jacobian_of = which});
    BOOST_CHECK_NO_THROW(validate(heatmap));
    BOOST_TEST(heatmap.fine().size() == 3u);
    BOOST_CHECK(&heatmap.fine() == &heatmap.coarse());
    BOOST_CHECK(total(heatmap) == heatmap.fine());
    for (std::size_t i = 0; i < 3; ++i) {
      const double a = alpha_bar_from_snr(gamma[i]);
      Eigen::ArrayXd gain = std::sqrt(a) * variances.array() / (a * variances.array() + 1 - a);
      if (which == estimate::noise) gain = (1 - std::sqrt(a) * gain) / std::sqrt(1 - a);
      const double exact = gain.square().sum();
      const scales<timesteps, 1> t{timesteps{static_cast<double>(axis.timesteps[i])}};
      BOOST_TEST(exact_squared_norms(estimator{single, schedule, which},
                                     scales{images.rows(0, 1)}, t)[0][0] == exact,
                 boost::test_tools::tolerance(1e-9));
      const double want = exact * coordinate.factor(gamma[i]) / (64 * 64);
      const double standard_error = heatmap.standard_error[0][0](i);
      BOOST_CHECK_GT(standard_error, 0);
      BOOST_CHECK_LT(standard_error, 0.1 * want);
      BOOST_CHECK_LT(std::abs(heatmap.fine()(i) - want), 4 * standard_error);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
