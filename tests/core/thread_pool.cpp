// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <io/scratch_folder.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/core/thread_pool.hpp>

BOOST_AUTO_TEST_SUITE(thread_pool_tests)

using namespace lift;

namespace {

/// Files by name, below a folder that stands for the root of the system.
using files = std::map<std::string, std::string>;

std::size_t processors_with(const files& all) {
  const scratch_folder root;
  for (const auto& [name, content] : all) {
    std::filesystem::create_directories((root / name).parent_path());
    std::ofstream(root / name) << content;
  }
  return available_processors({root.path(), 64, nullptr});
}

const std::string groups = "proc/self/cgroup", mounts = "proc/self/mountinfo";
const std::string v2 = "31 23 0:28 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string v1 = "32 31 0:29 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";
const std::string v1_quota = "cg/cpu,cpuacct/cpu.cfs_quota_us";
const std::string v1_period = "cg/cpu,cpuacct/cpu.cfs_period_us";

}  // namespace

BOOST_AUTO_TEST_CASE(quotas_are_rounded_up_and_what_is_none_is_no_limit) {
  const struct {
    const char *quota, *period;
    std::size_t processors;
  } cases[] = {{"200000", "100000", 2},
               {"100001", "100000", 2},
               {"1000", "100000", 1},
               {"9000000", "1", 64},
               {"max", "100000", 64},
               {"-1", "100000", 64},
               {"0", "100000", 64},
               {"100000", "0", 64},
               {"100000", "", 64},
               {"100000", "max", 64},
               {"", "100000", 64},
               {"1e5x", "100000", 64},
               {"", "", 64},
               {"1x", "100000", 64},
               {"99999999999999999999", "1", 64}};
  for (const auto& [quota, period, processors] : cases)
    BOOST_TEST_CONTEXT(quota << " of " << period) {
      BOOST_TEST(processors_with({{groups, "0::/\n"},
                                  {mounts, v2},
                                  {"cg/cpu.max", std::string(quota) + " " + period + "\n"}}) ==
                 processors);
      BOOST_TEST(processors_with({{groups, "4:cpu,cpuacct:/\n"},
                                  {mounts, v1},
                                  {v1_quota, std::string(quota) + "\n"},
                                  {v1_period, std::string(period) + "\n"}}) == processors);
    }
}

BOOST_AUTO_TEST_CASE(control_groups_are_found_wherever_they_are) {
  const struct {
    const char* what;
    std::size_t processors;
    files all;
  } cases[] = {
      {"nothing", 64, {}},
      {"no mounts", 64, {{groups, "0::/\n"}, {"cg/cpu.max", "2 1"}}},
      {"no groups", 64, {{mounts, v2}, {"cg/cpu.max", "2 1"}}},
      {"no file", 64, {{groups, "0::/\n"}, {mounts, v2}}},
      {"its own", 3, {{groups, "0::/a/b\n"}, {mounts, v2}, {"cg/a/b/cpu.max", "3 1"}}},
      {"beside it", 64, {{groups, "0::/a/b\n"}, {mounts, v2}, {"cg/a/c/cpu.max", "3 1"}}},
      {"the least: an outer one",
       4,
       {{groups, "0::/a/b\n"}, {mounts, v2}, {"cg/a/b/cpu.max", "max 1"}, {"cg/a/cpu.max", "4 1"}}},
      {"the least: its own",
       4,
       {{groups, "0::/a/b\n"}, {mounts, v2}, {"cg/a/b/cpu.max", "4 1"}, {"cg/cpu.max", "9 1"}}},
      {"outside of the name space",
       5,
       {{groups, "0::/../..\n"}, {mounts, v2}, {"cg/cpu.max", "5 1"}}},
      {"a name that is seen elsewhere",
       5,
       {{groups, "0::/host/pod\n"}, {mounts, v2}, {"cg/cpu.max", "5 1"}}},
      {"a part of the tree",
       6,
       {{groups, "0::/pod/box/job\n"},
        {mounts, "31 23 0:28 /pod/box /here rw shared:1 master:9 - cgroup2 none rw\n"},
        {"here/job/cpu.max", "6 1"}}},
      {"another part of the tree",
       64,
       {{groups, "0::/pod/box\n"},
        {mounts, "31 23 0:28 /pod/bo /here rw - cgroup2 none rw\n"},
        {"here/cpu.max", "6 1"}}},
      {"a part around the name space",
       64,
       {{groups, "0::/\n"},
        {mounts, "31 23 0:28 /../.. /here rw - cgroup2 none rw\n"},
        {"here/cpu.max", "6 1"}}},
      {"version 1 in a container that sees the host's names",
       3,
       {{groups, "4:cpuacct,cpu:/docker/box\n"},
        {mounts, "32 31 0:29 /docker/box /cg/cpu,cpuacct ro - cgroup cgroup ro,cpuacct,cpu\n"},
        {v1_quota, "3"},
        {v1_period, "1"}}},
      {"version 1 with other controllers",
       64,
       {{groups, "4:cpuset,cpuacct:/\n"},
        {mounts, "32 31 0:29 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpuset,cpuacct\n"},
        {v1_quota, "1"},
        {v1_period, "1"}}},
      {"both versions",
       7,
       {{groups, "5:memory:/m\n4:cpu,cpuacct:/\n1:name=systemd:/\n0::/box\n"},
        {mounts, v1 + "38 31 0:37 / /cg/unified rw - cgroup2 cgroup2 rw\n"},
        {v1_quota, "7"},
        {v1_period, "1"},
        {"cg/unified/box/cgroup.procs", "1\n"}}},
      {"other lines",
       2,
       {{groups, "\nnothing\n0::/\n0:\n::\n"},
        {mounts, "\n - \n1 2 3 - cgroup2\n31 23 0:28 / /sys - sysfs\n" + v2},
        {"cg/cpu.max", "2 1"}}},
  };
  for (const auto& [what, processors, all] : cases)
    BOOST_TEST_CONTEXT(what) BOOST_TEST(processors_with(all) == processors);
}

BOOST_AUTO_TEST_CASE(affinity_is_heeded) {
  const scratch_folder nothing;
  for (const std::size_t affinity : {1u, 3u, 4000u})
    BOOST_TEST(available_processors({nothing.path(), affinity, "1"}) == affinity);
  BOOST_TEST(available_processors({nothing.path(), 0, nullptr}) == 1u);
  BOOST_TEST(available_processors() <= std::thread::hardware_concurrency());
}

BOOST_AUTO_TEST_CASE(threads_heed_openmp) {
  const scratch_folder nothing;
  const auto threads = [&](const char* value) {
    return default_threads({nothing.path(), 8, value});
  };
  BOOST_TEST(threads(nullptr) == 8u);
  for (const char* four : {"4", "4,2", "4,2,1", " 4 ", "4 , 2"})
    BOOST_TEST_CONTEXT(four) BOOST_TEST(threads(four) == 4u);
  BOOST_TEST(threads("1") == 1u);
  for (const char* ignored :
       {"", "0", "-4", "four", "4x", "4.5", ",4", "0x4", "9", "99999999999999999999999"})
    BOOST_TEST_CONTEXT(ignored) BOOST_TEST(threads(ignored) == 8u);
}

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

BOOST_AUTO_TEST_CASE(many_more_threads_than_processors_take_turns) {
  thread_pool pool(available_processors() + 100);
  std::atomic<std::size_t> total = 0;
  for (int k = 0; k < 1000; ++k) pool.run(200, [&](std::size_t) { ++total; });
  BOOST_TEST(total.load() == 1000u * 200);
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
  std::atomic<int> asked = 0;  // Boost's checks are for one thread
  thread_pool(2).run(20, [&](std::size_t) { asked += stoppable::flag() != nullptr; });
  BOOST_TEST(asked.load() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
