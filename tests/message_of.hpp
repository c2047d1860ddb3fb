// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <lift/core/error.hpp>

namespace lift::test {

/// What the lift::error says that `f` throws.
template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "nothing thrown";
}

}  // namespace lift::test
