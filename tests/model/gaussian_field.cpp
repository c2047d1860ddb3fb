// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/tensor/noise.hpp>

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

}  // namespace

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
          "Gaussian field: fine image: got (1, 1, 4, 4), want (B, C, 8, 8)");
  refuses([&] { field(x, scales{timesteps{6}, timesteps{0}}); }, "timestep: got 6, want 0 to 5");
  refuses([&] { field(x, scales{timesteps{0}, timesteps{-0.5}}); },
          "timestep: got -0.5, want 0 to 5");
  refuses([&] { gaussian_field(schedule, 7); },
          "size of a Gaussian field: got 7, want an even number");
  const gaussian_field reaching_clean(tabulated_schedule({1, 0.5}), 8);
  refuses([&] { reaching_clean(x, scales{timesteps{0}, timesteps{1}}); },
          "Gaussian field: ᾱ: got 1, want below 1");
}

BOOST_AUTO_TEST_SUITE_END()
