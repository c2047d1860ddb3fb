// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE thread_pool
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <lift/backend/thread_pool.hpp>
#include <lift/core/stoppable.hpp>

using namespace lift;

BOOST_AUTO_TEST_CASE(every_iteration_runs_once) {
  for (const std::size_t threads : {1u, 2u, 7u}) {
    thread_pool pool(threads);
    BOOST_CHECK_EQUAL(pool.size(), threads);
    for (const std::size_t n : {0u, 1u, 2u, 1000u}) {
      std::vector<std::atomic<int>> hits(n);
      pool.run(n, [&](std::size_t i) { ++hits[i]; });
      for (const auto& h : hits) BOOST_REQUIRE_EQUAL(h.load(), 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(loops_nest_and_callers_share) {
  thread_pool pool(3);
  std::atomic<std::size_t> total = 0;
  pool.run(8, [&](std::size_t) { pool.run(8, [&](std::size_t) { ++total; }); });
  BOOST_CHECK_EQUAL(total.load(), 64u);
  std::vector<std::jthread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int k = 0; k < 200; ++k) pool.run(16, [&](std::size_t) { ++total; });
    });
  callers.clear();
  BOOST_CHECK_EQUAL(total.load(), 64u + 4 * 200 * 16);
}

BOOST_AUTO_TEST_CASE(an_exception_reaches_the_caller) {
  thread_pool pool(2);
  for (int k = 0; k < 20; ++k)
    BOOST_CHECK_THROW(pool.run(100,
                               [](std::size_t i) {
                                 if (i == 57) throw std::runtime_error("57");
                               }),
                      std::runtime_error);
  std::atomic<int> after = 0;
  pool.run(10, [&](std::size_t) { ++after; });
  BOOST_CHECK_EQUAL(after.load(), 10);
}

BOOST_AUTO_TEST_CASE(resizing_keeps_it_working) {
  thread_pool pool(1);
  for (const std::size_t threads : {4u, 1u, 2u}) {
    pool.resize(threads);
    BOOST_CHECK_EQUAL(pool.size(), threads);
    std::atomic<int> n = 0;
    pool.run(50, [&](std::size_t) { ++n; });
    BOOST_CHECK_EQUAL(n.load(), 50);
  }
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_asked_to_stop_stops_wherever_it_runs) {
  std::atomic<bool> flag = false, other = true;
  for (const std::size_t threads : {1u, 3u})
    for (const bool nested : {false, true}) {
      thread_pool pool(threads);
      flag = false;
      std::atomic<std::size_t> done = 0;
      const auto loop = [&] {
        pool.run(1000, [&](std::size_t) {
          if (++done == 10) flag = true;
        });
      };
      const stoppable outer(&other), inner(&flag);
      BOOST_CHECK_THROW(nested ? pool.run(4, [&](std::size_t) { loop(); }) : loop(), stopped);
      BOOST_CHECK_GE(done.load(), 10u);
      BOOST_CHECK_LE(done.load(), 10 + threads);  // each may have been at one more
      BOOST_CHECK_THROW(pool.run(1, [](std::size_t) {}), stopped);

      // The pool goes on for those who are not asked: in a shield, and on other threads.
      std::atomic<int> after = 0;
      const auto count = [&] { pool.run(20, [&](std::size_t) { ++after; }); };
      {
        const stoppable as_a_whole(nullptr);
        count();
      }
      std::jthread(count).join();
      BOOST_CHECK_EQUAL(after.load(), 40);
      BOOST_CHECK_EQUAL(stoppable::flag(), &flag);
    }
  BOOST_CHECK(stoppable::flag() == nullptr);
  thread_pool(2).run(20, [](std::size_t) { BOOST_CHECK(stoppable::flag() == nullptr); });
}
