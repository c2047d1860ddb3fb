// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <vector>

#include <lift/io/read_ahead.hpp>

BOOST_AUTO_TEST_SUITE(read_ahead_tests)

BOOST_AUTO_TEST_CASE(values_are_those_of_their_numbers_whether_they_were_expected_or_not) {
  std::atomic<std::size_t> made = 0;
  lift::read_ahead<std::size_t> ahead(
      [&](std::size_t i) {
        ++made;
        return i * i;
      },
      3);
  BOOST_TEST(ahead.take(7) == 49u);
  for (std::size_t round = 0; round < 200; ++round) {
    const std::vector<std::size_t> numbers = {round, round + 1, round + 2, round};
    ahead.expect(numbers);
    for (const std::size_t i : {round + 2, round, round + 5, round + 1, round})
      BOOST_REQUIRE(ahead.take(i) == i * i);
  }
  BOOST_TEST(made == 1 + 200u * 5);
}

BOOST_AUTO_TEST_CASE(values_are_made_before_they_are_asked_for) {
  std::atomic<std::size_t> made = 0;
  lift::read_ahead<std::size_t> ahead([&](std::size_t i) { return ++made, i; }, 2);
  const std::vector<std::size_t> numbers = {1, 2, 3};
  ahead.expect(numbers);
  while (made < 3) std::this_thread::yield();
  for (const std::size_t i : numbers) BOOST_TEST(ahead.take(i) == i);
  BOOST_TEST(made == 3u);
}

BOOST_AUTO_TEST_CASE(a_failure_is_thrown_where_its_value_is_asked_for) {
  std::atomic<bool> failed = false;
  lift::read_ahead<int> ahead(
      [&](std::size_t i) {
        if (i != 2) return static_cast<int>(i);
        failed = true;
        throw std::runtime_error("two");
      },
      1);
  const std::vector<std::size_t> numbers = {1, 2, 3};
  ahead.expect(numbers);
  while (!failed) std::this_thread::yield();
  BOOST_TEST(ahead.take(3) == 3);
  BOOST_CHECK_THROW(ahead.take(2), std::runtime_error);
  BOOST_CHECK_THROW(ahead.take(2), std::runtime_error);
  ahead.expect(numbers);  // and nobody takes them
}

BOOST_AUTO_TEST_CASE(what_nobody_will_ask_for_is_not_made) {
  std::atomic<std::size_t> made = 0;
  {
    lift::read_ahead<std::size_t> ahead(
        [&](std::size_t i) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          return ++made, i;
        },
        2);
    std::vector<std::size_t> numbers(1000);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
    ahead.expect(numbers);
    while (made == 0) std::this_thread::yield();
  }
  BOOST_TEST(made < 500u);
}

BOOST_AUTO_TEST_CASE(several_threads_may_ask) {
  lift::read_ahead<std::size_t> ahead([](std::size_t i) { return i + 1; }, 2);
  std::atomic<std::size_t> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < 500; ++i) {
          const std::vector<std::size_t> numbers = {i, i + t, 3 * i};
          if (i % 50 == 0) ahead.expect(numbers);
          for (const std::size_t number : numbers)
            if (ahead.take(number) != number + 1) ++wrong;
        }
      });
  }
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
