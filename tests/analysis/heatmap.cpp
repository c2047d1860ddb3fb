// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE heatmap
#include <boost/test/unit_test.hpp>

#include <functional>
#include <limits>
#include <string>

#include <lift/analysis/heatmap.hpp>

namespace {

lift::error_heatmap sound() {
  lift::error_heatmap heatmap;
  heatmap.gamma = {0.1, 1, 10};
  heatmap.timesteps = {800, 500, 500};
  heatmap.fine = lift::grid(3, 3, 2.0);
  heatmap.coarse = lift::grid(3, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8});
  return heatmap;
}

void check_refused(const std::function<void(lift::error_heatmap&)>& spoil,
                   const std::string& message) {
  lift::error_heatmap heatmap = sound();
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
  lift::error_heatmap heatmap = sound();
  heatmap.fine_wrt_coarse = heatmap.coarse_error = lift::grid(3, 3);
  BOOST_CHECK_NO_THROW(lift::validate(heatmap));
}

BOOST_AUTO_TEST_CASE(each_fault_is_named) {
  using map = lift::error_heatmap;
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
  check_refused([](map& h) { h.fine = lift::grid(3, 2); },
                "size of heatmap fine: got 3×2, want 3×3");
  check_refused([](map& h) { h.coarse = {}; }, "size of heatmap coarse: got 0×0, want 3×3");
  check_refused([](map& h) { h.coarse_error = lift::grid(2, 3); },
                "size of heatmap coarse_error: got 2×3, want 3×3");
  check_refused([](map& h) { h.coarse(1, 2) = std::numeric_limits<double>::quiet_NaN(); },
                "heatmap coarse(1, 2): got nan, want a finite number");
  check_refused(
      [](map& h) {
        h.coarse_wrt_fine = lift::grid(3, 3);
        h.coarse_wrt_fine(2, 0) = -std::numeric_limits<double>::infinity();
      },
      "heatmap coarse_wrt_fine(2, 0): got -inf, want a finite number");
}
