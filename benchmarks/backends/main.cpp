// SPDX-License-Identifier: MIT
// benchmark_backends [--backends NAME,...] [--work NAME/SIZE,...] [--seconds S] [--json]:
// the same work on every backend of this build that can run here, as one table in Markdown: the
// median time of one piece of work, and its rate. By default work that a CPU does in seconds.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <lift/core/error.hpp>

#include "work.hpp"

namespace lift::bench {

std::vector<backend_work> xtensor_work();
#ifdef LIFT_HAS_THRUST
std::vector<backend_work> thrust_work();
#endif
#ifdef LIFT_HAS_CUDA
std::vector<backend_work> cuda_work();
#endif

/// The backends of this build that can run here, the CPU's first.
std::vector<backend_work> backends() {
  std::vector<backend_work> all = xtensor_work();
  [[maybe_unused]] const auto append = [&](const std::vector<backend_work>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
#ifdef LIFT_HAS_THRUST
  append(thrust_work());
#endif
#ifdef LIFT_HAS_CUDA
  append(cuda_work());
#endif
  return all;
}

}  // namespace lift::bench

namespace {

using namespace lift;
using namespace lift::bench;

struct options {
  std::vector<std::string> backends;
  std::vector<std::string> work = {"matrix_product/1024", "copy/64", "conv3x3_64/8",
                                   "attention_128/8", "group_norm_silu/8", "forward/1",
                                   "training_step/2", "heatmap_point_4/1"};
  double seconds = 1;
  bool json = false;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

options parse(int argc, char** argv) {
  options result;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--json") {
      result.json = true;
      continue;
    }
    const bool known = flag == "--backends" || flag == "--work" || flag == "--seconds";
    if (!known || i + 1 == argc)
      throw error(text(flag, ": got ", known ? "no value" : "an unknown flag",
                       ", want --backends NAME,... --work NAME/SIZE,... --seconds S --json"));
    const std::string value = argv[++i];
    if (flag == "--backends") result.backends = split(value);
    if (flag == "--work") result.work = split(value);
    if (flag == "--seconds") {
      result.seconds = std::strtod(value.c_str(), nullptr);
      require(result.seconds > 0, "--seconds", value, "a number above 0");
    }
  }
  return result;
}

/// Median seconds of one piece of work over at least so many seconds, after one to warm up.
double median_time(const work& w, double seconds) {
  const auto once = w.prepare();
  once();
  std::vector<double> taken;
  for (double total = 0; total < seconds; total += taken.back()) {
    const auto start = std::chrono::steady_clock::now();
    once();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    taken.push_back(took.count());
  }
  std::nth_element(taken.begin(), taken.begin() + static_cast<std::ptrdiff_t>(taken.size() / 2),
                   taken.end());
  return taken[taken.size() / 2];
}

/// Three digits, or all of a large number's.
std::string three_digits(double x) {
  std::ostringstream out;
  if (x < 1000)
    out << std::setprecision(3) << x;
  else
    out << std::fixed << std::setprecision(0) << x;
  return out.str();
}

std::vector<backend_work> chosen(const std::vector<std::string>& names) {
  const std::vector<backend_work> all = backends();
  if (names.empty()) return all;
  std::vector<backend_work> result;
  for (const std::string& name : names) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const backend_work& b) { return b.name == name; });
    if (found == all.end()) {
      std::string known;
      for (const backend_work& b : all) known += (known.empty() ? "" : ", ") + b.name;
      throw error(text("--backends: got ", name, ", want some of ", known));
    }
    result.push_back(*found);
  }
  return result;
}

void run(const options& o) {
  const std::vector<backend_work> columns = chosen(o.backends);
  for (const std::string& name : o.work) columns.front().find(name);  // mistakes show at once
  if (!o.json) {
    std::cout << "| ms, or rate |";
    for (const backend_work& b : columns) std::cout << ' ' << b.name << " |";
    std::cout << "\n|---|";
    for (std::size_t i = 0; i < columns.size(); ++i) std::cout << "---|";
    std::cout << std::endl;
  }
  for (const std::string& name : o.work) {
    if (!o.json) std::cout << "| " << name << " |" << std::flush;
    for (const backend_work& b : columns) {
      const work w = b.find(name);
      const double seconds = median_time(w, o.seconds);
      if (o.json) {
        std::cout << std::setprecision(9) << "{\"work\": \"" << name << "\", \"backend\": \""
                  << b.name << "\", \"seconds\": " << seconds << ", \"rate\": " << w.amount / seconds
                  << ", \"unit\": \"" << w.rate << '"';
        if (b.most_memory) std::cout << ", \"memory\": " << b.most_memory();
        std::cout << '}' << std::endl;
      } else {
        std::cout << ' ' << three_digits(1e3 * seconds) << " ms, "
                  << three_digits(w.amount / seconds) << ' ' << w.rate << " |" << std::flush;
      }
    }
    if (!o.json) std::cout << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const std::exception& failure) {
    std::cerr << "benchmark_backends: " << failure.what() << '\n';
    return 1;
  }
}
