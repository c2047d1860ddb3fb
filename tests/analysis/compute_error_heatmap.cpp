// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <limits>
#include <map>
#include <set>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/model/model.hpp>
#include <lift/schedule/cosine.hpp>

#include "exact_jacobian.hpp"
#include "oracle.hpp"
#include "own_schedule.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(compute_error_heatmap_tests)

using namespace lift;
using namespace lift::test;

namespace {

using field_type = gaussian_field<tabulated_schedule>;
using field_estimator = estimator<const field_type&, const tabulated_schedule&>;

struct fixture : oracle {
  heatmap_axis axis{gamma, {5, 4, 3, 2, 1, 0}};
  tensor_d images = normal_noise<tensor_d>({32, 1, 8, 8}, {.seed = 1}, 0);

  error_heatmap<> measure(const error_heatmap_options& options = {}) const {
    return compute_error_heatmap(field, schedule, images, axis, options);
  }
};

/// Keeps what it was shown at each pair of timesteps; its output is its input.
struct recorder {
  std::map<std::pair<double, double>, std::vector<std::vector<double>>>* seen;

  template <class B, class T>
  scales<tensor<B, T>> operator()(const scales<tensor<B, T>>& x, const scales<timesteps>&) const {
    return x;
  }
  template <class B, class T>
  scales<dual<B, T>> operator()(const scales<dual<B, T>>& x, const scales<timesteps>& t) const {
    (*seen)[{t.fine()[0], t.coarse()[0]}] = {
        x.fine().primal.to_host(), x.coarse().primal.to_host(), x.fine().tangent.to_host(),
        x.coarse().tangent.to_host()};
    return x;
  }
};

}  // namespace

// J is the same at every image, so only the probes make an error, which the estimate must report.
BOOST_FIXTURE_TEST_CASE(values_of_the_gaussian_field, fixture) {
  const auto within = [](double got, double standard_error, double want) {
    BOOST_TEST(got == want, boost::test_tools::tolerance(0.2));
    BOOST_CHECK_GT(standard_error, 0);
    BOOST_CHECK_LT(std::abs(got - want), 4 * standard_error);
  };
  const std::pair<estimate, std::string> kinds[] = {{estimate::clean, "_xhat"},
                                                    {estimate::noise, "_eps"}};
  for (const auto& [which, name] : kinds) {
    const auto heatmap = measure({.jacobian_of = which});
    for (const auto& p : points) {
      const double snr_fine = p["snr64"], snr_coarse = p["snr32"];
      const std::size_t i = index(snr_fine), j = index(snr_coarse);
      BOOST_TEST_CONTEXT(name << " at " << snr_fine << ", " << snr_coarse) {
        const double fine = p["E64" + name], coarse = p["E32" + name];
        within(heatmap.fine()(i, j), heatmap.standard_error[0][0](i, j), fine);
        within(heatmap.coarse()(i, j), heatmap.standard_error[1][1](i, j), coarse);

        const scales t{timesteps{timestep(snr_fine)}, timesteps{timestep(snr_coarse)}};
        const auto exact = exact_squared_norms(
            field_estimator{field, schedule, which},
            scales{zeros<tensor_d>({1, 1, 8, 8}), zeros<tensor_d>({1, 1, 4, 4})}, t);
        const stochastic_localisation coordinate;
        const double fine_factor = coordinate.factor(snr_fine);
        const double coarse_factor = coordinate.factor(snr_coarse);
        const double fine_pixels = 8 * 8, coarse_pixels = 4 * 4;
        const auto tolerance = boost::test_tools::tolerance(1e-9);
        BOOST_TEST(exact[0][0] * fine_factor / (fine_pixels * fine_pixels) == fine, tolerance);
        BOOST_TEST(exact[1][1] * coarse_factor / (coarse_pixels * coarse_pixels) == coarse,
                   tolerance);
        within(heatmap.error[0][1](i, j), heatmap.standard_error[0][1](i, j),
               exact[0][1] * coarse_factor / (fine_pixels * coarse_pixels));
        within(heatmap.error[1][0](i, j), heatmap.standard_error[1][0](i, j),
               exact[1][0] * fine_factor / (fine_pixels * coarse_pixels));
      }
    }
  }
}

BOOST_FIXTURE_TEST_CASE(standard_errors_are_those_of_repeated_measurements, fixture) {
  const field_estimator clean{field, schedule, estimate::clean};
  const scales<tensor_d> x{zeros<tensor_d>({16, 1, 8, 8}), zeros<tensor_d>({16, 1, 4, 4})};
  std::vector<double> means, squares;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const scales t{timesteps{2}, timesteps{2}};
    const sample_mean block = hutchinson(clean, x, t, {.probes = 2, .seed = seed})[0][0];
    means.push_back(block.mean);
    squares.push_back(block.standard_error * block.standard_error);
  }
  const double spread = mean_of(means).standard_error * std::sqrt(400.0);
  BOOST_TEST(std::sqrt(mean_of(squares).mean) == spread, boost::test_tools::tolerance(0.1));
}

BOOST_FIXTURE_TEST_CASE(one_image_has_its_error_over_probes, fixture) {
  images = images.rows(0, 1);
  BOOST_CHECK_GT(measure({.probes = 2}).standard_error[0][0](0, 0), 0);
  const auto single = measure({.probes = 1});
  BOOST_TEST(single.standard_error[0][0].empty());
  BOOST_TEST(single.standard_error[1][0].empty());
  BOOST_CHECK_NO_THROW(validate(single));
}

BOOST_FIXTURE_TEST_CASE(coordinate_and_weight_are_factors, fixture) {
  images = images.rows(0, 4);
  const auto bare = measure({.coordinate = {no_factor{}}, .weight = jacobian_weight::none});
  const auto check = [&](any_coordinate coordinate, jacobian_weight weight, double fine,
                         double coarse, double fine_wrt_coarse, double coarse_wrt_fine) {
    const auto heatmap = measure({.coordinate = coordinate, .weight = weight});
    const auto tolerance = boost::test_tools::tolerance(1e-12);
    for (std::size_t i = 0; i < axis.gamma.size(); ++i)
      for (std::size_t j = 0; j < axis.gamma.size(); ++j) {
        const double of_fine = coordinate.factor(gamma[i]), of_coarse = coordinate.factor(gamma[j]);
        BOOST_TEST(heatmap.fine()(i, j) * fine == bare.fine()(i, j) * of_fine, tolerance);
        BOOST_TEST(heatmap.coarse()(i, j) * coarse == bare.coarse()(i, j) * of_coarse, tolerance);
        BOOST_TEST(heatmap.error[0][1](i, j) * fine_wrt_coarse ==
                       bare.error[0][1](i, j) * of_coarse, tolerance);
        BOOST_TEST(heatmap.error[1][0](i, j) * coarse_wrt_fine ==
                       bare.error[1][0](i, j) * of_fine, tolerance);
        BOOST_TEST(heatmap.standard_error[0][0](i, j) * fine ==
                       bare.standard_error[0][0](i, j) * of_fine, tolerance);
      }
  };
  check({stochastic_localisation{}}, jacobian_weight::both_sides, 4096, 256, 1024, 1024);
  check({log_snr_coordinate{}}, jacobian_weight::one_side, 64, 16, 64, 16);
  check({unit_noise{}}, jacobian_weight::none, 1, 1, 1, 1);
}

BOOST_FIXTURE_TEST_CASE(points_share_their_random_numbers_unless_asked, fixture) {
  const tensor_d black = zeros<tensor_d>({2, 1, 8, 8});  // so that a noisy image is its noise
  for (const auto noise : {grid_noise::common, grid_noise::fresh}) {
    std::map<std::pair<double, double>, std::vector<std::vector<double>>> seen;
    const auto options =
        noise == grid_noise::fresh ? error_heatmap_options::reference() : error_heatmap_options{};
    BOOST_CHECK(options.noise == noise);
    compute_error_heatmap(model{recorder{&seen}, predicts_noise{}, schedule}, schedule, black, axis,
                          options);
    BOOST_TEST(seen.size() == 36u);
    std::set<std::vector<double>> noises, tangents, coarse_tangents;
    for (const auto& [t, shown] : seen) {
      const double sigma = std::sqrt(1 - schedule.alpha_bar(static_cast<std::size_t>(t.first)));
      std::vector<double> rounded;
      for (const double x : shown[0]) rounded.push_back(std::round(x / sigma * 1e9));
      noises.insert(rounded);
      tangents.insert(shown[2]);
      coarse_tangents.insert(shown[3]);
    }
    const std::size_t want = noise == grid_noise::common ? 1 : 36;
    BOOST_TEST(noises.size() == want);
    BOOST_TEST(tangents.size() == want);
    BOOST_TEST(coarse_tangents.size() == want);
  }
}

BOOST_AUTO_TEST_CASE(probes_do_not_depend_on_the_batch) {
  const random_stream stream{.use = purpose::probe};
  const auto whole = stacked_probes<tensor_f>({32, 3, 6, 6}, 4, stream, 0).to_host();
  for (const std::size_t batch : {1u, 7u})
    for (std::size_t first = 0; first < 32; first += batch) {
      const std::size_t count = std::min<std::size_t>(batch, 32 - first), elements = 3 * 6 * 6;
      const auto part = stacked_probes<tensor_f>({count, 3, 6, 6}, 4, stream, first).to_host();
      for (std::size_t k = 0; k < 4; ++k)
        BOOST_CHECK(std::equal(part.begin() + std::ptrdiff_t(k * count * elements),
                               part.begin() + std::ptrdiff_t((k + 1) * count * elements),
                               whole.begin() + std::ptrdiff_t((k * 32 + first) * elements)));
    }
  const auto fewer = stacked_probes<tensor_f>({32, 3, 6, 6}, 2, stream, 0).to_host();
  BOOST_CHECK(std::equal(fewer.begin(), fewer.end(), whole.begin()));
}

BOOST_FIXTURE_TEST_CASE(values_do_not_depend_on_the_batch, fixture) {
  const auto want = measure({.batch_size = 32});
  for (const std::size_t batch_size : {1u, 7u}) {
    const auto got = measure({.batch_size = batch_size});
    BOOST_CHECK_LT(relative_l2(got.fine().values(), want.fine().values()), 1e-12);
    BOOST_CHECK_LT(relative_l2(got.error[1][0].values(), want.error[1][0].values()), 1e-12);
    BOOST_CHECK_LT(
        relative_l2(got.standard_error[0][0].values(), want.standard_error[0][0].values()), 1e-9);
  }
  BOOST_CHECK(measure({.seed = 1}).fine() != want.fine());
}

BOOST_FIXTURE_TEST_CASE(progress_counts_the_points, fixture) {
  std::size_t calls = 0;
  compute_error_heatmap(field, schedule, images.rows(0, 1), axis, {},
                        [&](std::size_t done, std::size_t total) {
                          BOOST_TEST(done == ++calls);
                          BOOST_TEST(total == 36u);
                        });
  BOOST_TEST(calls == 36u);
}

BOOST_FIXTURE_TEST_CASE(a_measurement_goes_on_with_the_cells_it_has, fixture) {
  images = images.rows(0, 2);
  std::map<std::pair<std::size_t, std::size_t>, heatmap_cells<>::blocks> kept;
  std::size_t measured = 0;
  const heatmap_cells<> cells{
      [&](const cell<>& at) {
        const auto found = kept.find({at[0], at[1]});
        return found == kept.end() ? std::nullopt : std::optional(found->second);
      },
      [&](const cell<>& at, const heatmap_cells<>::blocks& measurement) {
        BOOST_TEST((kept.emplace(std::pair{at[0], at[1]}, measurement).second));
        ++measured;
      }};
  const auto measure_with_cells = [&] {
    return compute_error_heatmap(field, schedule, images, axis, {}, {}, cells);
  };
  const auto whole = measure_with_cells();
  BOOST_TEST(measured == 36u);
  std::erase_if(kept, [](const auto& one) { return (one.first.first + one.first.second) % 3; });
  measured = 0;
  const auto again = measure_with_cells();
  BOOST_TEST(measured == 24u);
  for (std::size_t output = 0; output < 2; ++output)
    for (std::size_t input = 0; input < 2; ++input) {
      BOOST_CHECK(again.error[output][input] == whole.error[output][input]);
      BOOST_CHECK(again.standard_error[output][input] == whole.standard_error[output][input]);
    }
}

BOOST_FIXTURE_TEST_CASE(faults_are_named, fixture) {
  const auto refuses = [](const auto& call, const std::string& message) {
    BOOST_CHECK_EXCEPTION(call(), error, [&](const error& e) {
      BOOST_TEST(std::string(e.what()).starts_with(message));
      return true;
    });
  };
  const model broken{[](const scales<tensor_d>& x, const scales<timesteps>& t) {
                       const bool here = t.fine()[0] == 3 && t.coarse()[0] == 1;
                       const double infinity = std::numeric_limits<double>::infinity();
                       return here ? scales{x.fine(), full<tensor_d>(x.coarse().shape(), infinity)}
                                   : x;
                     },
                     predicts_noise{}, schedule};
  refuses([&] { compute_error_heatmap(broken, schedule, images, axis); },
          "error heatmap, cell (2, 4), timesteps 3 and 1, coarse: got ");
  refuses([&] { compute_error_heatmap(broken, schedule, images, heatmap_axis{{1}, {3}}); },
          "points along an axis of the heatmap: got 1, want at least 2");
  refuses([&] { compute_error_heatmap(broken, schedule, tensor_d(), axis); },
          "images of a heatmap: got (), want (B, C, H, W)");
  refuses([&] { measure({.probes = 0}); }, "number of probes: got 0, want at least 1");
  refuses([&] { measure({.batch_size = 0}); }, "batch size: got 0, want at least 1");
}

// Its Jacobian is exact where its body takes duals, and by central differences where it is wrapped.
BOOST_FIXTURE_TEST_CASE(generic_denoisers, fixture) {
  const auto generic = [](const auto& x, const auto&) {
    return scales{scaled(x.fine(), 0.5), scaled(x.coarse(), 0.25)};
  };
  const auto on_numbers = [](const auto& x, const auto&) {
    std::vector<double> half = x.fine().to_host();
    for (double& value : half) value *= 0.5;
    return scales{tensor_d(x.fine().shape(), half), scaled(x.coarse(), 0.25)};
  };
  const error_heatmap_options options{.coordinate = {no_factor{}}, .weight = jacobian_weight::none};
  const auto measured = [&](const auto& noise_of) {
    return compute_error_heatmap(model{noise_of, predicts_noise{}, schedule}, schedule,
                                 images.rows(0, 2), axis, options);
  };
  const auto exact = measured(generic), numeric = measured(central_differences{on_numbers});
  for (std::size_t i = 0; i < axis.gamma.size(); ++i) {
    BOOST_TEST(exact.fine()(i, 0) == 64 * 0.25);  // 8×8 pixels, each times 0.5
    BOOST_TEST(exact.coarse()(0, i) == 16 * 0.0625);
    BOOST_TEST(exact.error[0][1](i, i) == 0);
  }
  BOOST_TEST(relative_l2(numeric.fine().values(), exact.fine().values()) < 1e-9);
  BOOST_TEST(relative_l2(numeric.coarse().values(), exact.coarse().values()) < 1e-9);
}

BOOST_FIXTURE_TEST_CASE(a_schedule_of_ones_own_is_read_first, fixture) {
  const auto same = [](const scales<tensor_d>& x, const scales<timesteps>&) { return x; };
  const heatmap_axis two{{1, 2}, {0, 0}};
  BOOST_TEST(wrong_refusals([&](const own_schedule& bad) {
               compute_error_heatmap(same, bad, images, two);
             }) == "");
  BOOST_TEST(wrong_refusals([](const own_schedule& bad) { log_snr_axis(bad); }) == "");
  BOOST_TEST(wrong_refusals([](const own_schedule& bad) { timestep_axis(bad); }) == "");
  const auto axis_of = [](const auto& on) { return timestep_axis(on, 4).gamma; };
  BOOST_TEST((axis_of(own_copy(schedule)) == axis_of(schedule)));
}

BOOST_AUTO_TEST_CASE(axes) {
  const cosine_schedule cosine;
  const auto log_snr = log_snr_axis(cosine);
  BOOST_TEST(log_snr.gamma.size() == 15u);
  BOOST_TEST(log_snr.gamma.front() == 0.01);
  BOOST_TEST(log_snr.gamma[7] == 1.0, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(log_snr.gamma.back() == 100.0);
  BOOST_TEST(log_snr.timesteps.front() == 943u);
  BOOST_TEST(log_snr.timesteps.back() == 54u);

  const auto uniform = timestep_axis(cosine);
  BOOST_TEST(uniform.timesteps.size() == 30u);
  BOOST_TEST(uniform.timesteps.front() == 999u);
  BOOST_TEST(uniform.timesteps[1] == 964u);  // 999·28/29 = 964.55
  BOOST_TEST(uniform.timesteps.back() == 0u);
  BOOST_TEST(uniform.gamma[1] == snr(cosine, 964));

  BOOST_CHECK_THROW(log_snr_axis(cosine, 1), error);
  BOOST_CHECK_THROW(log_snr_axis(cosine, 15, 0, 1), error);
  BOOST_CHECK_THROW(log_snr_axis(cosine, 15, 2, 2), error);
  BOOST_CHECK_THROW(log_snr_axis(cosine, 15, 1, std::numeric_limits<double>::infinity()), error);
  BOOST_CHECK_THROW(timestep_axis(cosine, 1), error);
  BOOST_CHECK_THROW(timestep_axis(cosine, 1001), error);
}

BOOST_AUTO_TEST_SUITE_END()
