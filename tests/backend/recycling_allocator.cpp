// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include <lift/backend/cpu/recycling_allocator.hpp>

BOOST_AUTO_TEST_SUITE(recycling_allocator_tests)

using namespace lift;

BOOST_AUTO_TEST_CASE(a_block_comes_back) {
  block_pool pool;
  void* const a = pool.take(1000);
  BOOST_CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(a) % block_pool::alignment, 0u);
  void* const b = pool.take(1000);
  BOOST_CHECK_NE(a, b);
  const std::size_t held = pool.held_bytes();
  pool.give(a);
  void* const c = pool.take(900);
  if (block_pool::recycles) {
    BOOST_CHECK_EQUAL(c, a);
    BOOST_CHECK_EQUAL(pool.held_bytes(), held);
  }
  for (void* const block : {b, c}) pool.give(block);
  pool.give(pool.take(0));
}

// The same requests again and again, as a training step makes them: after the first round nothing
// more comes from the operating system, whatever the order in which blocks come back.
BOOST_AUTO_TEST_CASE(a_round_of_requests_is_met_from_the_one_before) {
  block_pool pool;
  const auto round = [&](std::size_t stride) {
    std::vector<unsigned char*> blocks;
    std::vector<std::size_t> sizes;
    for (std::size_t i = 1; i <= 200; ++i) {
      sizes.push_back(i * i * 1000 % 1'000'003 + 1);
      blocks.push_back(static_cast<unsigned char*>(pool.take(sizes.back())));
      std::memset(blocks.back(), int(i), sizes.back());
    }
    for (std::size_t i = 0, at = 0; i < 200; ++i, at = (at + stride) % 200) {
      BOOST_REQUIRE_EQUAL(blocks[at][0], at + 1);
      BOOST_REQUIRE_EQUAL(blocks[at][sizes[at] - 1], at + 1);
      pool.give(blocks[at]);
    }
  };
  round(1);
  const std::size_t held = pool.held_bytes();
  for (const std::size_t stride : {1u, 7u, 199u, 33u}) {
    round(stride);
    BOOST_CHECK_EQUAL(pool.held_bytes(), held);
  }
}

// Neighbours that come back make room for one block of their joint size.
BOOST_AUTO_TEST_CASE(neighbours_are_joined) {
  block_pool pool;
  std::vector<void*> blocks;
  for (int i = 0; i < 16; ++i) blocks.push_back(pool.take(1 << 20));
  const std::size_t held = pool.held_bytes();
  for (void* const block : blocks) pool.give(block);
  void* const whole = pool.take(16 << 20);
  if (block_pool::recycles) BOOST_CHECK_EQUAL(pool.held_bytes(), held);
  pool.give(whole);
}

// Segments without a block in use go back before a larger one is asked for.
BOOST_AUTO_TEST_CASE(idle_memory_makes_room_for_new) {
  block_pool pool;
  pool.give(pool.take(std::size_t{100} << 20));
  void* const larger = pool.take(std::size_t{200} << 20);
  BOOST_CHECK_LT(pool.held_bytes(), std::size_t{240} << 20);
  pool.give(larger);
}

// A record of work has addresses of segments that are idle for now.
BOOST_AUTO_TEST_CASE(segments_stay_where_they_must) {
  block_pool pool;
  pool.give(pool.take(std::size_t{100} << 20));
  pool.release();
  BOOST_CHECK_EQUAL(pool.held_bytes(), 0u);
  pool.keep_segments();
  pool.give(pool.take(std::size_t{100} << 20));
  const std::size_t held = pool.held_bytes();
  BOOST_CHECK_GE(held, std::size_t{100} << 20);
  pool.release();
  pool.give(pool.take(std::size_t{200} << 20));  // does not drive the others out
  BOOST_CHECK_GE(pool.held_bytes(), held + (std::size_t{200} << 20));
}

BOOST_AUTO_TEST_CASE(threads_never_share_a_block) {
  block_pool pool;
  std::vector<std::jthread> threads;
  std::vector<int> clashes(4, 0);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t k = 0; k < 2000; ++k) {
        const std::size_t bytes = std::size_t{256} << k % 3;
        auto* const block = static_cast<unsigned char*>(pool.take(bytes));
        std::memset(block, t, bytes);
        if (k % 7 == 0) std::this_thread::yield();
        for (std::size_t i = 0; i < bytes; ++i) clashes[std::size_t(t)] += block[i] != t;
        pool.give(block);
      }
    });
  threads.clear();
  for (const int n : clashes) BOOST_CHECK_EQUAL(n, 0);
}

BOOST_AUTO_TEST_SUITE_END()
