// SPDX-License-Identifier: MIT
#include <lift/io.hpp>
#include <lift/lift.hpp>

/// The message of an error thrown and caught in the other translation unit.
std::string other_message();

int main() {
  try {
    lift::require(false, "a test", 1, 2);
  } catch (const lift::error& e) {
    return other_message() == e.what() ? 0 : 1;
  }
  return 1;
}
