// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <string>

#include <lift/core/choice.hpp>

BOOST_AUTO_TEST_SUITE(choice_tests)

namespace {

constexpr lift::choice<int, int> scalings[] = {
    {"double", [](int x) { return 2 * x; }},
    {"treble", [](int x) { return 3 * x; }},
};

}  // namespace

BOOST_AUTO_TEST_CASE(makes_what_is_named) {
  BOOST_TEST(lift::choose("scaling", scalings, "double", 5) == 10);
  BOOST_TEST(lift::choose("scaling", scalings, "treble", 5) == 15);
}

BOOST_AUTO_TEST_CASE(an_unknown_name_lists_the_known_ones) {
  BOOST_TEST(lift::names(scalings) == "double, treble");
  for (const char* name : {"", "doubl", "Double", "halve"})
    BOOST_CHECK_EXCEPTION(
        lift::choose("scaling", scalings, name, 5), lift::error, [=](const lift::error& e) {
          return std::string(e.what()) == "unknown scaling: got \"" + std::string(name) +
                                              "\", want one of double, treble";
        });
  // A name may come from a file.
  BOOST_CHECK_EXCEPTION(lift::choose("scaling", scalings, "\x1b[2J\n", 5), lift::error, [](const lift::error& e) {
    return std::string(e.what()) == R"(unknown scaling: got "\x1b[2J\x0a", want one of double, treble)";
  });
}

BOOST_AUTO_TEST_SUITE_END()
