// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE recycling_allocator
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include <lift/backend/recycling_allocator.hpp>

using namespace lift;

BOOST_AUTO_TEST_CASE(a_block_comes_back_for_its_size) {
  block_pool pool;
  void* const a = pool.take(1000);
  BOOST_CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(a) % block_pool::alignment, 0u);
  void* const b = pool.take(1000);
  BOOST_CHECK_NE(a, b);
  pool.give(a, 1000);
  BOOST_CHECK_EQUAL(pool.held_bytes(), block_pool::recycles ? 2000 : 1000);
  void* const c = pool.take(1000);
  if (block_pool::recycles) BOOST_CHECK_EQUAL(c, a);
  for (void* const block : {b, c}) pool.give(block, 1000);
  pool.give(pool.take(0), 0);
}

BOOST_AUTO_TEST_CASE(idle_blocks_make_room_for_new_ones) {
  block_pool pool;
  std::size_t most_used = 0;
  for (const std::size_t bytes : {100u, 4000u, 300u, 4100u, 50u, 4000u, 8000u, 100u}) {
    void* const a = pool.take(bytes);
    void* const b = pool.take(64);
    most_used = std::max(most_used, bytes + 64);
    BOOST_CHECK_LE(pool.held_bytes(), most_used);
    pool.give(a, bytes);
    pool.give(b, 64);
    BOOST_CHECK_LE(pool.held_bytes(), most_used);
  }
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
        pool.give(block, bytes);
      }
    });
  threads.clear();
  for (const int n : clashes) BOOST_CHECK_EQUAL(n, 0);
}
