// SPDX-License-Identifier: MIT
#include <lift/io.hpp>
#include <lift/lift.hpp>

std::string other_message() {
  try {
    lift::require(false, "a test", 1, 2);
  } catch (const lift::error& e) {
    return e.what();
  }
  return "";
}
