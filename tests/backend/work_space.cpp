// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/thread_pool.hpp>

BOOST_AUTO_TEST_SUITE(work_space_tests)

using namespace lift;
using lift::detail::scratch;
using lift::detail::scratch_stack;

namespace {

/// Fills a work space, others that are deeper, and checks that none of them changed it.
template <class T>
void nest(std::size_t depth, std::size_t n) {
  const scratch<T> space(n);
  BOOST_REQUIRE_EQUAL(reinterpret_cast<std::uintptr_t>(space.data()) % 64, 0u);
  std::fill_n(space.data(), n, T(depth));
  if (depth > 0) {
    nest<double>(depth - 1, n * 3 % 1009 + 1);
    nest<float>(depth - 1, n * 7 % 5003);
  }
  BOOST_REQUIRE(std::all_of(space.data(), space + n, [&](T v) { return v == T(depth); }));
}

}  // namespace

BOOST_AUTO_TEST_CASE(scopes_within_each_other_have_spaces_of_their_own) {
  nest<float>(6, 100);
  nest<double>(3, 1'000'000);
  nest<float>(6, 0);
}

BOOST_AUTO_TEST_CASE(a_thread_that_does_the_same_again_takes_no_more_memory) {
  if (!block_pool::recycles) return;
  std::thread([] {  // whose stack is empty
    const scratch_stack& stack = scratch_stack::of_this_thread();
    BOOST_CHECK_EQUAL(stack.held_bytes(), 0u);
    const float* before = nullptr;
    std::size_t held = 0;
    for (int round = 0; round < 3; ++round) {
      const scratch<float> a(1000);
      {
        const scratch<double> b(5000);
      }
      const scratch<double> c(20);
      if (round > 0) {
        BOOST_CHECK_EQUAL(a.data(), before);
        BOOST_CHECK_EQUAL(stack.held_bytes(), held);
      }
      before = a.data();
      held = stack.held_bytes();
    }
    BOOST_CHECK_EQUAL(held, 1000 * sizeof(float) + 5000 * sizeof(double));
  }).join();
}

// A task may run on the thread that waits for it, within its scopes, or on another.
BOOST_AUTO_TEST_CASE(tasks_leave_the_spaces_of_their_caller_alone) {
  thread_pool pool(3);
  const scratch<std::size_t> sums(100);
  pool.run(100, [&](std::size_t task) {
    const scratch<std::size_t> own(task * 10);
    std::fill_n(own.data(), task * 10, task);
    sums[task] = 0;
    for (std::size_t i = 0; i < task * 10; ++i) sums[task] += own[i];
  });
  for (std::size_t task = 0; task < 100; ++task) BOOST_CHECK_EQUAL(sums[task], task * task * 10);
}

BOOST_AUTO_TEST_CASE(a_space_ends_with_its_scope_when_an_exception_leaves_it) {
  const scratch<float> outer(10);
  const float* inner = nullptr;
  for (int round = 0; round < 2; ++round)
    try {
      const scratch<float> space(500);
      if (block_pool::recycles && round > 0) BOOST_CHECK_EQUAL(space.data(), inner);
      inner = space.data();
      throw round;
    } catch (int) {
    }
}

BOOST_AUTO_TEST_SUITE_END()
