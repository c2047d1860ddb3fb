// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/train/any_regime.hpp>

#include <message_of.hpp>

BOOST_AUTO_TEST_SUITE(any_regime_tests)

using namespace lift;
using lift::test::message_of;

namespace {

constexpr std::size_t num_timesteps = 1000, samples = 100000;

template <std::size_t N = 2>
std::vector<scales<std::size_t, N>> drawn(const any_regime& r, std::uint64_t seed = 7) {
  const random_stream stream{.seed = seed, .use = purpose::training_timestep};
  std::vector<scales<std::size_t, N>> all;
  for (std::uint64_t i = 0; i < samples; ++i) all.push_back(r.draw<N>(stream, i, num_timesteps));
  return all;
}

/// χ² of a sample against the uniform distribution on 0 … bins − 1, in standard deviations.
template <class Drawn, class Bin>
double excess(const std::vector<Drawn>& all, std::size_t bins, const Bin& bin) {
  std::vector<double> counts(bins);
  for (const auto& p : all) counts.at(bin(p)) += 1;
  const double want = double(samples) / double(bins);
  double chi2 = 0;
  for (const double n : counts) chi2 += (n - want) * (n - want) / want;
  const double freedom = double(bins - 1);
  return (chi2 - freedom) / std::sqrt(2 * freedom);
}

}  // namespace

namespace {

/// The one whose draws depend on which scale comes first.
bool largest_first(const char* name) { return name == std::string("largest-first"); }
/// The one whose coarser timesteps are smaller.
bool of_a_ratio(const char* name) { return name == std::string("ratio"); }

}  // namespace

BOOST_AUTO_TEST_CASE(each_timestep_is_uniform) {
  for (const auto& row : regime_choices)
    if (!largest_first(row.name)) BOOST_TEST_CONTEXT(row.name) {
      const auto all = drawn<3>(row.make());
      for (std::size_t scale = 0; scale < (of_a_ratio(row.name) ? 1 : 3); ++scale)
        BOOST_CHECK_LT(std::abs(excess(all, num_timesteps, [&](auto p) { return p[scale]; })), 4);
    }
}

BOOST_AUTO_TEST_CASE(timesteps_are_independent_or_equal) {
  for (const auto& [a, b] : {std::pair(0, 1), std::pair(0, 2), std::pair(1, 2)}) {
    const auto in_a_cell = [&, &first = a, &second = b](const scales<std::size_t, 3>& p) {
      return p.values[first] / 100 * 10 + p.values[second] / 100;  // 10×10 cells
    };
    for (const char* name : {"independent", "fine-loss-only"})
      BOOST_CHECK_LT(std::abs(excess(drawn<3>(make_regime(name)), 100, in_a_cell)), 4);
  }
  for (const auto& p : drawn(make_regime("diagonal")))
    BOOST_REQUIRE_EQUAL(p.fine(), p.coarse());
  for (const auto& p : drawn<3>(make_regime("diagonal")))
    BOOST_REQUIRE((p[0] == p[1] && p[1] == p[2]));
}

BOOST_AUTO_TEST_CASE(half_of_the_mixed_are_equal) {
  double equal = 0, apart_uniform = 0, apart = 0;
  for (const auto& p : drawn<3>(make_regime("mixed"))) {
    const bool same = p[0] == p[1] && p[1] == p[2];
    (same ? equal : apart) += 1;
    if (!same) apart_uniform += static_cast<double>(p[1]);
  }
  BOOST_TEST(std::abs(equal / samples - 0.5) < 0.01);
  BOOST_TEST(std::abs(apart_uniform / apart - 499.5) < 5);
  for (const auto& p : drawn<2>({mixed_regime{1}})) BOOST_REQUIRE_EQUAL(p.fine(), p.coarse());
}

/// The largest is uniform, and of any scale; the others are uniform below it.
BOOST_AUTO_TEST_CASE(the_largest_first) {
  const auto all = drawn<3>(make_regime("largest-first"));
  const auto largest = [](const scales<std::size_t, 3>& p) {
    return std::max({p[0], p[1], p[2]});
  };
  BOOST_CHECK_LT(std::abs(excess(all, num_timesteps, largest)), 4);
  double first = 0, rest = 0, below = 0;
  for (const auto& p : all) {
    first += p[2] == largest(p);
    for (const std::size_t t : p)
      if (t != largest(p) && largest(p) > 200) {
        below += (static_cast<double>(t) + 0.5) / (static_cast<double>(largest(p)) + 1);
        rest += 1;
      }
  }
  BOOST_TEST(std::abs(first / samples - 1 / 3.0) < 0.01);
  BOOST_TEST(std::abs(below / rest - 0.5) < 0.01);
  for (const auto& p : drawn<1>(make_regime("largest-first"))) BOOST_REQUIRE_LT(p[0], num_timesteps);
}

namespace {

using path = std::vector<scales<double>>;

/// Of four pieces.
const path bent{{999, 999}, {999, 500}, {600, 300}, {300, 100}};

any_regime along(const path& p, double jitter) { return {path_regime(p, num_timesteps, jitter)}; }

}  // namespace

/// As many of them on each piece, uniform there.
BOOST_AUTO_TEST_CASE(along_a_path) {
  static_assert(std::is_trivially_copyable_v<path_regime>);
  path ends = bent;
  ends.push_back({0, 0});
  const auto piece = [](const scales<std::size_t>& t) {
    return t.coarse() >= 500 ? 0 : t.coarse() >= 300 ? 1 : t.coarse() >= 100 ? 2 : 3;
  };
  const auto share = [&](const scales<std::size_t>& t) {  // of its piece
    const double a = ends[std::size_t(piece(t))].coarse(), b = ends[std::size_t(piece(t)) + 1].coarse();
    return (double(t.coarse()) - a) / (b - a);
  };
  const auto all = drawn(along(bent, 0));
  for (const auto& t : all) {
    const double a = ends[std::size_t(piece(t))].fine(), b = ends[std::size_t(piece(t)) + 1].fine();
    BOOST_REQUIRE_SMALL(double(t.fine()) - (a + share(t) * (b - a)), 5.0);
  }
  const auto part = [&](const auto& t) {
    return std::size_t(4 * piece(t)) + std::size_t(std::clamp(4 * share(t), 0.0, 3.0));
  };
  std::vector<double> counts(16);
  for (const auto& t : all) counts[part(t)] += 1;
  for (const double n : counts) BOOST_TEST(std::abs(16 * n / samples - 1) < 0.1);
  // Where the path begins and ends are the curve's ends already, nothing is added.
  BOOST_CHECK(drawn(along(ends, 0)) == all);
  BOOST_CHECK(drawn(along({}, 0)) == drawn({path_regime{}}));
  for (const auto& t : drawn<3>(along(bent, 0))) BOOST_REQUIRE_EQUAL(t[2], t[1]);
  for (const auto& t : drawn<1>(along(bent, 0))) BOOST_REQUIRE_LT(t[0], num_timesteps);
}

BOOST_AUTO_TEST_CASE(to_either_side_of_a_path) {
  constexpr double jitter = 40;
  const auto on = drawn(along(bent, 0)), near = drawn(along(bent, jitter));
  double count = 0, product = 0;
  scales<double> sum{}, squares{};
  for (std::size_t i = 0; i < samples; ++i) {
    scales<double> aside;
    bool inside = true;
    for (std::size_t s = 0; s < 2; ++s) {
      BOOST_REQUIRE_LT(near[i][s], num_timesteps);
      aside[s] = double(near[i][s]) - double(on[i][s]);
      BOOST_REQUIRE_LE(std::abs(aside[s]), jitter + 1);
      inside = inside && double(on[i][s]) > jitter && double(on[i][s]) < 999 - jitter;
    }
    if (!inside) continue;
    count += 1;
    product += aside[0] * aside[1];
    for (std::size_t s = 0; s < 2; ++s) sum[s] += aside[s], squares[s] += aside[s] * aside[s];
  }
  for (std::size_t s = 0; s < 2; ++s) {
    BOOST_TEST(std::abs(sum[s] / count) < 0.5);
    BOOST_TEST(std::abs(squares[s] / count / (jitter * jitter / 3) - 1) < 0.03);
  }
  BOOST_TEST(std::abs(product / count / (jitter * jitter / 3)) < 0.03);
}

/// Timestep by timestep what the path says, the finest as in the independent regime.
BOOST_AUTO_TEST_CASE(read_off_a_path) {
  static_assert(std::is_trivially_copyable_v<aligned_regime>);
  const std::vector<scales<double, 3>> three{
      {900, 950.25, 999}, {900, 500, 700}, {450.5, 500, 600}, {200, 80, 1}, {100, 80, 1}, {100, 20, 0}};
  const auto interpolated = [](const auto& points, std::size_t scale, std::size_t fine) {
    std::size_t left = 0;
    for (std::size_t k = 0; k < points.size(); ++k)
      if (points[k].fine() >= static_cast<double>(fine)) left = k;
    const double a = points[left].fine(), b = left + 1 < points.size() ? points[left + 1].fine() : a - 1;
    const double share = (a - static_cast<double>(fine)) / (a - b);
    const double of_left = points[left][scale];
    return share > 0 ? of_left + share * (points[left + 1][scale] - of_left) : of_left;
  };
  auto ends = three;
  ends.insert(ends.begin(), {999, 999, 999});
  ends.push_back({0, 0, 0});
  const any_regime regime{aligned_regime(three, num_timesteps)};
  const auto all = drawn<3>(regime);
  std::vector<bool> seen(num_timesteps);
  for (const auto& t : all) {
    seen[t[0]] = true;
    for (std::size_t s = 1; s < 3; ++s)
      BOOST_REQUIRE_EQUAL(t[s], static_cast<std::size_t>(std::lround(interpolated(ends, s, t[0]))));
  }
  BOOST_CHECK(std::ranges::count(seen, true) == num_timesteps);
  const auto independent = drawn<3>(make_regime("independent"));
  for (std::size_t i = 0; i < samples; ++i) BOOST_REQUIRE_EQUAL(all[i][0], independent[i][0]);
  // The steps come back; where the finest rests, the last.
  for (const auto& t : drawn(any_regime{aligned_regime(bent, num_timesteps)}))
    for (const auto& step : path{{999, 500}, {600, 300}, {300, 100}, {0, 0}})
      if (double(t.fine()) == step.fine()) BOOST_REQUIRE_EQUAL(double(t.coarse()), step.coarse());
  // Scales that the path has not got go with the coarsest; one scale is as without a path.
  for (const auto& t : drawn<3>({aligned_regime(bent, num_timesteps)})) BOOST_REQUIRE_EQUAL(t[2], t[1]);
  BOOST_CHECK(drawn<1>({aligned_regime(bent, num_timesteps)}) == drawn<1>(make_regime("independent")));
  BOOST_CHECK(drawn<3>(make_regime("aligned")) == drawn<3>(make_regime("diagonal")));
  BOOST_CHECK(drawn<3>({aligned_regime(path{}, num_timesteps)}) == drawn<3>(make_regime("diagonal")));
  BOOST_CHECK(drawn({aligned_regime(path(128, {500, 400}), num_timesteps)}).size() == samples);
  BOOST_TEST(message_of([] { aligned_regime(path(129, {500, 400}), num_timesteps); }) ==
             "steps of the path of an aligned regime: got 129, want at most 128");
  BOOST_TEST(message_of([] { aligned_regime(path{{500, 400}, {600, 300}}, num_timesteps); }) ==
             "timestep 2 of the path of a regime: got 600, want 0 to 500");
}

BOOST_AUTO_TEST_CASE(a_share_of_the_next_finer_one) {
  for (const double ratio : {0.0, 0.3, 0.8, 1.0})
    for (const auto& t : drawn<3>({ratio_regime(ratio)}))
      for (std::size_t s = 1; s < 3; ++s)
        BOOST_REQUIRE_EQUAL(t[s], static_cast<std::size_t>(std::floor(ratio * double(t[s - 1]))));
  for (const auto& t : drawn(make_regime("ratio"))) BOOST_REQUIRE_EQUAL(t[1], t[0] * 4 / 5);
  BOOST_CHECK(drawn<3>({ratio_regime(1)}) == drawn<3>(make_regime("diagonal")));
  BOOST_CHECK(drawn<1>(make_regime("ratio")) == drawn<1>(make_regime("independent")));
  for (const double bad : {-0.1, 1.5, double(NAN)})
    BOOST_TEST(message_of([&] { ratio_regime{bad}; }).ends_with(", want 0 to 1"));
}

BOOST_AUTO_TEST_CASE(paths_that_are_none_are_refused) {
  BOOST_TEST(message_of([] { along({{999, 999}, {500, 700}, {501, 600}}, 0); }) ==
             "timestep 2 of the path of a regime: got 501, want 0 to 500");
  BOOST_TEST(message_of([] { along({{1000, 999}}, 0); }) ==
             "timestep 1 of the path of a regime: got 1000, want 0 to 999");
  BOOST_TEST(message_of([] { along({{500, -1}}, 0); }) ==
             "timestep 1 of the path of a regime: got -1, want 0 to 999");
  BOOST_TEST(message_of([] { along(bent, -1); }) ==
             "jitter of a path regime: got -1, want a number from 0");
}

BOOST_AUTO_TEST_CASE(a_draw_is_a_function_of_seed_and_sample) {
  for (const auto& row : regime_choices) {
    BOOST_CHECK(drawn(row.make()) == drawn(row.make()));
    BOOST_CHECK(drawn(row.make()) != drawn(row.make(), 8));
    const random_stream stream{.seed = 7, .use = purpose::training_timestep};
    BOOST_CHECK(row.make().draw<2>(stream, 41, num_timesteps) == drawn(row.make())[41]);
  }
}

BOOST_AUTO_TEST_CASE(more_scales_change_no_draw_of_the_finer_ones) {
  for (const auto& row : regime_choices)
    if (!largest_first(row.name)) BOOST_TEST_CONTEXT(row.name) {
      const auto one = drawn<1>(row.make());
      const auto two = drawn<2>(row.make());
      const auto three = drawn<3>(row.make());
      for (std::size_t i = 0; i < samples; ++i) {
        BOOST_REQUIRE_EQUAL(one[i][0], two[i][0]);
        BOOST_REQUIRE_EQUAL(two[i][0], three[i][0]);
        BOOST_REQUIRE_EQUAL(two[i][1], three[i][1]);
      }
    }
}

BOOST_AUTO_TEST_CASE(only_one_regime_leaves_the_coarser_losses_out) {
  for (const auto& row : regime_choices) {
    const any_regime r = row.make();
    const double coarser = row.name == std::string("fine-loss-only") ? 0 : 1;
    BOOST_CHECK((r.loss_weights<1>() == scales<double, 1>{1}));
    BOOST_CHECK((r.loss_weights<2>() == scales<double, 2>{1, coarser}));
    BOOST_CHECK((r.loss_weights<3>() == scales<double, 3>{1, coarser, coarser}));
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_name_lists_the_known) {
  BOOST_CHECK_EXCEPTION(make_regime("diagnoal"), error, [](const error& e) {
    return std::string(e.what()) == "unknown training regime: got \"diagnoal\", want one of "
                                    "independent, diagonal, mixed, largest-first, "
                                    "fine-loss-only, path, aligned, ratio";
  });
}

BOOST_AUTO_TEST_SUITE_END()
