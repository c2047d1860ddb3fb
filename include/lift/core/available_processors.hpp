// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include <lift/core/ceil_div.hpp>

namespace lift {

namespace detail {

inline constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

/// How many processors this thread may run on, by its affinity where the system has one.
inline std::size_t processors_of_affinity() {
#ifdef __linux__
  struct named {  // nvcc's front end fails on a vector of cpu_set_t, which has no name
    cpu_set_t set;
  };
  for (std::size_t bytes = sizeof(named); bytes <= 1024 * sizeof(named); bytes *= 2) {
    std::vector<named> sets(bytes / sizeof(named));  // refused if the system has more
    if (::sched_getaffinity(0, bytes, &sets[0].set) == 0)
      return static_cast<std::size_t>(CPU_COUNT_S(bytes, &sets[0].set));
  }
#endif
  return std::thread::hardware_concurrency();
}

/// The whole number above 0 that is written there and nothing else; 0 where there is none.
inline std::size_t positive_number(std::string_view text) {
  constexpr std::string_view blanks = " \t\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  text = text.substr(0, text.find_last_not_of(blanks) + 1);
  std::size_t number = 0;
  const auto [end, problem] = std::from_chars(text.begin(), text.end(), number);
  return problem == std::errc() && end == text.end() ? number : 0;
}

/// How many processors a quota is worth, rounded up; "max", −1 and what is no number are no limit.
inline std::size_t processors_of_quota(std::istream& quota, std::istream& period) {
  std::string microseconds, of;
  quota >> microseconds;
  period >> of;
  const std::size_t numerator = positive_number(microseconds), denominator = positive_number(of);
  return numerator && denominator ? ceil_div(numerator, denominator) : no_limit;
}

/// The least quota of this process's control groups and of those around them, as far as they are
/// mounted: version 2, version 1, or both beside each other.
inline std::size_t processors_of_control_groups(const std::filesystem::path& root) {
  using std::filesystem::path;
  const auto names_cpu = [](const std::string& list) {
    return ("," + list + ",").find(",cpu,") != std::string::npos;
  };
  std::string line, skipped;
  path group_v1, group_v2;  // empty where there is none
  std::ifstream groups(root / "proc/self/cgroup");
  while (std::getline(groups, line)) {
    // NUMBER:CONTROLLERS:GROUP. One outside of the process's name space, "/../..", becomes the
    // outermost that it sees.
    std::string controllers, group;
    std::istringstream words(line);
    if (!std::getline(std::getline(std::getline(words, skipped, ':'), controllers, ':'), group))
      continue;
    if (controllers.empty()) group_v2 = path(group).lexically_normal();
    if (names_cpu(controllers)) group_v1 = path(group).lexically_normal();
  }

  std::size_t least = no_limit;
  std::ifstream mounts(root / "proc/self/mountinfo");
  while (std::getline(mounts, line)) {
    // NUMBER NUMBER NUMBER GROUP PLACE options tags... - TYPE source OPTIONS
    std::string group, place, type, options;
    std::istringstream(line) >> skipped >> skipped >> skipped >> group >> place;
    std::istringstream(line.substr(std::min(line.find(" - "), line.size()))) >> skipped >> type >>
        skipped >> options;
    const bool v1 = type == "cgroup" && names_cpu(options), v2 = type == "cgroup2";
    if (!v1 && !v2) continue;
    const path inside = (v1 ? group_v1 : group_v2).lexically_relative(group);
    if (inside.empty() || *inside.begin() == "..") continue;  // it holds other groups
    path folder = root / path(place).relative_path();
    const auto read_limit = [&] {
      std::ifstream quota(folder / (v1 ? "cpu.cfs_quota_us" : "cpu.max"));
      std::ifstream period(folder / "cpu.cfs_period_us");
      least = std::min(least, processors_of_quota(quota, v1 ? period : quota));
    };
    read_limit();
    for (const path& part : inside) {
      folder /= part;
      read_limit();
    }
  }
  return least;
}

}  // namespace detail

/// Where the number of processors is read from; tests give files and values of their own.
struct processor_sources {
  std::filesystem::path root = "/";                              ///< of proc and of what is mounted
  std::size_t affinity = detail::processors_of_affinity();       ///< processors it may run on
  const char* omp_num_threads = std::getenv("OMP_NUM_THREADS");  ///< null = not set
};

/// How many processors this process may keep busy: those of its affinity, or fewer if the quota of
/// its control groups (a container's) is worth fewer, rounded up; at least 1.
inline std::size_t available_processors(const processor_sources& from = {}) {
  return std::max<std::size_t>(
      1, std::min(from.affinity, detail::processors_of_control_groups(from.root)));
}

/// The number of threads unless another is asked for: one for every available processor, at most
/// the first number of OMP_NUM_THREADS if there is a valid one.
inline std::size_t default_threads(const processor_sources& from = {}) {
  const std::string text = from.omp_num_threads ? from.omp_num_threads : "";
  const std::size_t limit = detail::positive_number(text.substr(0, text.find(',')));
  const std::size_t processors = available_processors(from);
  return limit ? std::min(processors, limit) : processors;
}

}  // namespace lift
