// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <functional>
#include <limits>
#include <string>

#include <lift/analysis/error_heatmap.hpp>

BOOST_AUTO_TEST_SUITE(error_heatmap_tests)

namespace {

lift::error_heatmap<> sound() {
  lift::error_heatmap<> heatmap;
  heatmap.gamma = {0.1, 1, 10};
  heatmap.timesteps = {800, 500, 500};
  heatmap.of(0) = lift::grid(3, 3, 2.0);
  heatmap.of(1) = lift::grid(3, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8});
  return heatmap;
}

void check_refused(const std::function<void(lift::error_heatmap<>&)>& spoil,
                   const std::string& message) {
  lift::error_heatmap<> heatmap = sound();
  spoil(heatmap);
  BOOST_CHECK_EXCEPTION(lift::validate(heatmap), lift::error, [&](const lift::error& e) {
    BOOST_TEST(e.what() == message);
    return true;
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_total_adds_both_scales) {
  BOOST_TEST((lift::total(sound()) == lift::grid(3, 3, {2, 3, 4, 5, 6, 7, 8, 9, 10})));
}

BOOST_AUTO_TEST_CASE(what_was_not_measured_may_be_missing) {
  BOOST_CHECK_NO_THROW(lift::validate(sound()));
  lift::error_heatmap<> heatmap = sound();
  heatmap.error[0][1] = heatmap.standard_error[1][1] = lift::grid(3, 3);
  BOOST_CHECK_NO_THROW(lift::validate(heatmap));
}

BOOST_AUTO_TEST_CASE(each_fault_is_named) {
  using map = lift::error_heatmap<>;
  check_refused([](map& h) { h.gamma = {1}; },
                "points along an axis of the heatmap: got 1, want at least 2");
  check_refused([](map& h) { h.timesteps.pop_back(); }, "timesteps of the heatmap: got 2, want 3");
  check_refused([](map& h) { h.timesteps[2] = 501; },
                "heatmap timesteps[2]: got 501, want no more than the one before");
  check_refused([](map& h) { h.gamma[0] = 0; }, "heatmap gamma[0]: got 0, want a number above 0");
  check_refused([](map& h) { h.gamma[2] = 1; }, "heatmap gamma[2]: got 1, want a number above 1");
  check_refused([](map& h) { h.gamma[2] = std::numeric_limits<double>::infinity(); },
                "heatmap gamma[2]: got inf, want a number above 1");
  check_refused([](map& h) { h.gamma[1] = std::numeric_limits<double>::quiet_NaN(); },
                "heatmap gamma[1]: got nan, want a number above 0.1");
  check_refused([](map& h) { h.of(0) = lift::grid(3, 2); },
                "size of heatmap fine: got 3×2, want 3×3");
  check_refused([](map& h) { h.of(1) = {}; }, "size of heatmap coarse: got 0×0, want 3×3");
  check_refused([](map& h) { h.standard_error[1][1] = lift::grid(2, 3); },
                "size of heatmap coarse_error: got 2×3, want 3×3");
  check_refused([](map& h) { h.of(1)(1, 2) = std::numeric_limits<double>::quiet_NaN(); },
                "heatmap coarse(1, 2): got nan, want a finite number");
  check_refused(
      [](map& h) {
        h.error[1][0] = lift::grid(3, 3);
        h.error[1][0](2, 0) = -std::numeric_limits<double>::infinity();
      },
      "heatmap coarse_wrt_fine(2, 0): got -inf, want a finite number");
}

BOOST_AUTO_TEST_CASE(blocks_are_named_for_their_scales) {
  BOOST_TEST(lift::block_name(0, 0, 1) == "fine");
  BOOST_TEST(lift::block_name(0, 1, 2) == "fine_wrt_coarse");
  BOOST_TEST(lift::block_name(1, 0, 2) == "coarse_wrt_fine");
  BOOST_TEST(lift::block_name(1, 1, 3) == "middle");
  BOOST_TEST(lift::block_name(2, 1, 3) == "coarse_wrt_middle");
}

BOOST_AUTO_TEST_CASE(one_and_three_scales_add_up_and_are_checked) {
  lift::error_heatmap<3> three;
  three.gamma = {0.1, 1};
  three.timesteps = {800, 500};
  for (std::size_t scale = 0; scale < 3; ++scale)
    three.of(scale) = lift::grid<3>::cube(2, static_cast<double>(1 + scale));
  three.of(1)(0, 1, 1) = 7;
  BOOST_CHECK_NO_THROW(lift::validate(three));
  lift::grid<3> sum = lift::grid<3>::cube(2, 6);
  sum(0, 1, 1) = 11;
  BOOST_TEST((lift::total(three) == sum));

  const auto refused = [](const auto& heatmap, const std::string& message) {
    BOOST_CHECK_EXCEPTION(lift::validate(heatmap), lift::error, [&](const lift::error& e) {
      BOOST_TEST(e.what() == message);
      return true;
    });
  };
  auto bad = three;
  bad.of(1)(1, 0, 1) = std::numeric_limits<double>::quiet_NaN();
  refused(bad, "heatmap middle(1, 0, 1): got nan, want a finite number");
  bad = three;
  bad.standard_error[2][0] = lift::grid<3>({2, 3, 2});
  refused(bad, "size of heatmap coarse_wrt_fine_error: got 2×3×2, want 2×2×2");

  lift::error_heatmap<1> one;
  one.gamma = three.gamma;
  one.timesteps = three.timesteps;
  refused(one, "size of heatmap fine: got 0, want 2");
  one.of(0) = lift::grid<1>({2}, {3, 4});
  BOOST_CHECK_NO_THROW(lift::validate(one));
  BOOST_TEST((lift::total(one) == one.fine()));
}

BOOST_AUTO_TEST_SUITE_END()
