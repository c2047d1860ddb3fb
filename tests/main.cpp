// SPDX-License-Identifier: MIT
// The main program of every test.
#define BOOST_TEST_MODULE lift
#include <boost/test/unit_test.hpp>
