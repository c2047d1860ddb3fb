// SPDX-License-Identifier: MIT
#pragma once

// The same work on every backend. Each backend's share is compiled in a source file of its own.

#include <cstddef>
#include <functional>
#include <string>

namespace lift::bench {

/// One piece of work on one backend.
struct work {
  double amount;     ///< in units of 10⁹, of `rate`'s numerator
  const char* rate;  ///< "GFLOP/s" or "GB/s"
  /// Sets the work up and gives a function that does it once and waits for it.
  std::function<std::function<void()>()> prepare;
};

struct backend_work {
  std::string name;  ///< of the backend
  /// The work of that name: what, and how much, as "forward/8". Throws lift::error if there is none.
  work (*find)(const std::string& name);
  /// The most bytes of a device's memory so far; null where there is no device.
  std::size_t (*most_memory)() = nullptr;
};

}  // namespace lift::bench
