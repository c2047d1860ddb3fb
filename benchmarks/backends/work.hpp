// SPDX-License-Identifier: MIT
#pragma once

// The same work on every backend. Each backend's share is compiled in a source file of its own.

#include <functional>
#include <string>
#include <vector>

namespace lift::bench {

/// One piece of work on one backend.
struct work {
  std::string name;    ///< what, and how much: "forward/8"
  double amount;       ///< in units of 10⁹, of `rate`'s numerator; 0 where there is no rate
  const char* rate;    ///< "GFLOP/s", "GB/s" or ""
  /// Sets the work up and gives a function that does it once and waits for it.
  std::function<std::function<void()>()> prepare;
};

struct backend_work {
  std::string name;  ///< of the backend
  /// The work of that name, whose last part is its size; throws lift::error if there is none.
  work (*find)(const std::string& name);
};

/// The backends of this build that can run here, the CPU's first.
std::vector<backend_work> backends();

}  // namespace lift::bench
