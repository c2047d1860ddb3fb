// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include <lift/core/scales.hpp>

BOOST_AUTO_TEST_SUITE(scales_tests)

using lift::make_scales, lift::scale_name, lift::scales;

BOOST_AUTO_TEST_CASE(the_finest_comes_first) {
  scales<int, 3> s{7, 8, 9};
  BOOST_TEST(s.size() == 3U);
  BOOST_TEST(s[0] == 7);
  BOOST_TEST(s[1] == 8);
  BOOST_TEST(s[2] == 9);
  BOOST_TEST(s.fine() == 7);
  BOOST_TEST(s.coarse() == 9);
  BOOST_TEST((std::vector<int>(s.begin(), s.end()) == std::vector<int>{7, 8, 9}));
  s[1] = 1;
  s.fine() = 2;
  s.coarse() = 3;
  const auto& same = s;
  BOOST_TEST((std::vector<int>(same.begin(), same.end()) == std::vector<int>{2, 1, 3}));
  for (int& value : s) value *= 2;
  BOOST_TEST((s == scales<int, 3>{4, 2, 6}));
}

BOOST_AUTO_TEST_CASE(one_scale_is_both_the_finest_and_the_coarsest) {
  scales<std::string, 1> s{"x"};
  BOOST_TEST(s.size() == 1U);
  s.coarse() += "y";
  BOOST_TEST(s.fine() == "xy");
}

BOOST_AUTO_TEST_CASE(two_are_usual_and_values_tell_how_many) {
  static_assert(std::is_same_v<scales<double>, scales<double, 2>>);
  static_assert(std::is_same_v<decltype(scales{1.5}), scales<double, 1>>);
  static_assert(std::is_same_v<decltype(scales{1.5, 2.5}), scales<double, 2>>);
  static_assert(std::is_same_v<decltype(scales{1U, 2U, 3U}), scales<unsigned, 3>>);
  static_assert(std::is_aggregate_v<scales<double>>);
  static_assert(std::is_trivially_copyable_v<scales<double>>);
  constexpr scales<int> s{1, 2};
  static_assert(s.size() == 2 && s[1] == 2 && s.fine() == 1 && s.coarse() == 2);
}

BOOST_AUTO_TEST_CASE(equal_are_those_whose_every_value_is) {
  BOOST_TEST((scales{1, 2, 3} == scales{1, 2, 3}));
  for (const auto& other : {scales{0, 2, 3}, scales{1, 0, 3}, scales{1, 2, 0}})
    BOOST_TEST((scales{1, 2, 3} != other));
  const scales<scales<int>> blocks{{{1, 2}, {3, 4}}};
  BOOST_TEST((blocks == scales<scales<int>>{{{1, 2}, {3, 4}}}));
  BOOST_TEST((blocks != scales<scales<int>>{{{1, 2}, {3, 5}}}));
}

BOOST_AUTO_TEST_CASE(made_of_what_a_function_says_of_each_scale) {
  const auto squares = make_scales<4>([](std::size_t scale) { return scale * scale; });
  static_assert(std::is_same_v<decltype(squares), const scales<std::size_t, 4>>);
  BOOST_TEST((squares == scales<std::size_t, 4>{0, 1, 4, 9}));
  std::vector<std::size_t> order;
  make_scales<3>([&](std::size_t scale) {
    order.push_back(scale);
    return 0;
  });
  BOOST_TEST((order == std::vector<std::size_t>{0, 1, 2}));
  // What comes back by reference is kept as a copy.
  std::string shared = "a";
  const auto copies = make_scales<2>([&](std::size_t) -> const std::string& { return shared; });
  shared = "b";
  BOOST_TEST(copies.fine() == "a");
  static_assert(make_scales<1>([](std::size_t) { return 5; }).coarse() == 5);
}

BOOST_AUTO_TEST_CASE(names) {
  const auto names_of = [](std::size_t n) {
    std::string result;
    for (std::size_t scale = 0; scale < n; ++scale)
      result += (scale == 0 ? "" : ", ") + scale_name(scale, n);
    return result;
  };
  BOOST_TEST(names_of(1) == "fine");
  BOOST_TEST(names_of(2) == "fine, coarse");
  BOOST_TEST(names_of(3) == "fine, middle, coarse");
  BOOST_TEST(names_of(5) == "fine, scale 1, scale 2, scale 3, coarse");
}

BOOST_AUTO_TEST_SUITE_END()
