// SPDX-License-Identifier: MIT
#pragma once

#include <iostream>
#include <sstream>
#include <string>

#include "interruption.hpp"
#include "time_plan.hpp"

namespace lift::cli {

/// Takes what is printed on standard output while it lives.
class captured_output {
 public:
  captured_output() : before_(std::cout.rdbuf(taken_.rdbuf())) {}
  ~captured_output() { std::cout.rdbuf(before_); }
  captured_output(const captured_output&) = delete;
  captured_output& operator=(const captured_output&) = delete;

  std::string text() const { return taken_.str(); }

 private:
  std::ostringstream taken_;
  std::streambuf* before_;
};

/// What a command has given.
struct command_result {
  std::string output;  ///< standard output
  double seconds = 0;
};

/// Does what runs a command. Throws what it throws.
template <class Work>
command_result captured(const Work& work) {
  const stopwatch clock;
  const captured_output output;
  work();
  return {output.text(), clock.seconds()};
}
/// The same, with a name before the message of lift::error.
template <class Work>
command_result captured(const std::string& name, const Work& work) {
  try {
    return captured(work);
  } catch (const interrupted&) {
    throw;
  } catch (const error& failure) {
    throw error(text(name, ": ", failure.what()));
  }
}

}  // namespace lift::cli
