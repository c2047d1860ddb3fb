// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE any_regime
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <lift/train/any_regime.hpp>

using namespace lift;

namespace {

constexpr std::size_t num_timesteps = 1000, samples = 100000;

std::vector<timestep_pair> drawn(const any_regime& r, std::uint64_t seed = 7) {
  const random_stream stream{.seed = seed, .use = purpose::training_timestep};
  std::vector<timestep_pair> pairs;
  for (std::uint64_t i = 0; i < samples; ++i) pairs.push_back(r.draw(stream, i, num_timesteps));
  return pairs;
}

/// χ² of a sample against the uniform distribution on 0 … bins − 1, in standard deviations.
template <class Bin>
double excess(const std::vector<timestep_pair>& pairs, std::size_t bins, const Bin& bin) {
  std::vector<double> counts(bins);
  for (const auto& p : pairs) counts.at(bin(p)) += 1;
  const double want = double(samples) / double(bins);
  double chi2 = 0;
  for (const double n : counts) chi2 += (n - want) * (n - want) / want;
  const double freedom = double(bins - 1);
  return (chi2 - freedom) / std::sqrt(2 * freedom);
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_timestep_is_uniform) {
  for (const auto& row : regime_choices)
    BOOST_TEST_CONTEXT(row.name) {
      const auto pairs = drawn(row.make());
      BOOST_CHECK_LT(std::abs(excess(pairs, num_timesteps, [](auto p) { return p.fine; })), 4);
      BOOST_CHECK_LT(std::abs(excess(pairs, num_timesteps, [](auto p) { return p.coarse; })), 4);
    }
}

BOOST_AUTO_TEST_CASE(timesteps_are_independent_or_equal) {
  const auto in_a_cell = [](const timestep_pair& p) {
    return p.fine / 100 * 10 + p.coarse / 100;  // 10×10 cells
  };
  for (const char* name : {"independent", "fine-loss-only"})
    BOOST_CHECK_LT(std::abs(excess(drawn(make_regime(name)), 100, in_a_cell)), 4);
  for (const auto& p : drawn(make_regime("diagonal"))) BOOST_REQUIRE_EQUAL(p.fine, p.coarse);
}

BOOST_AUTO_TEST_CASE(a_draw_is_a_function_of_seed_and_sample) {
  for (const auto& row : regime_choices) {
    BOOST_CHECK(drawn(row.make()) == drawn(row.make()));
    BOOST_CHECK(drawn(row.make()) != drawn(row.make(), 8));
    const random_stream stream{.seed = 7, .use = purpose::training_timestep};
    BOOST_CHECK(row.make().draw(stream, 41, num_timesteps) == drawn(row.make())[41]);
  }
}

BOOST_AUTO_TEST_CASE(only_one_regime_leaves_the_coarse_loss_out) {
  for (const auto& row : regime_choices) {
    const auto weights = row.make().loss_weights();
    BOOST_CHECK_EQUAL(weights.fine, 1);
    BOOST_CHECK_EQUAL(weights.coarse, row.name == std::string("fine-loss-only") ? 0 : 1);
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_name_lists_the_known) {
  BOOST_CHECK_EXCEPTION(make_regime("diagnoal"), error, [](const error& e) {
    return std::string(e.what()) == "unknown training regime: got \"diagnoal\", want one of "
                                    "independent, diagonal, fine-loss-only";
  });
}
