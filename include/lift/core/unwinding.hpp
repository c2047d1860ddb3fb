// SPDX-License-Identifier: MIT
#pragma once

#include <exception>

namespace lift {

/// Tells in a destructor whether an exception is why the object goes: a member of it, begun with
/// it.
class unwinding {
 public:
  unwinding() : before_(std::uncaught_exceptions()) {}

  bool began() const { return std::uncaught_exceptions() > before_; }

 private:
  int before_;
};

}  // namespace lift
