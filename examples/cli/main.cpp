// SPDX-License-Identifier: MIT
// The `lift` command. Exit codes: 0 done, 1 failed, 2 misused, 128 + n stopped by signal n.

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <typeinfo>

#include <cxxabi.h>

#include <CLI/CLI.hpp>

#include <lift/core/printable.hpp>

#include "command_line.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "ranks.hpp"
#include "standard_streams.hpp"

namespace {

int complain(const std::string& message, int code) {
  std::cerr << "lift: " << lift::printable(message) << std::endl;
  return code;
}

/// Says why the command failed, on one of several ranks for all of them.
int fail(const std::string& message, int code) {
  lift::cli::end_ranks(message, code);
  return complain(lift::cli::name_of_rank() + message, code);
}

/// The name of an exception's type.
std::string type_of(const std::exception& failure) {
  const char* name = typeid(failure).name();
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(name, nullptr, nullptr, nullptr), std::free);
  return readable ? readable.get() : name;
}

}  // namespace

int main(int argc, char** argv) {
  lift::cli::fill_missing_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a full quota is an error of write(), as a full disk is
  std::signal(SIGPIPE, SIG_IGN);  // and so is a reader that went away

  using namespace lift::cli;
  const arguments words(argv + 1, argv + std::max(argc, 1));
  const auto program = make_program(words);
  try {
    run(*program, words);
    leave_ranks();
    return 0;
  } catch (const CLI::Success& asked) {
    if (leads_ranks()) program->exit(asked);
    return std::cout.flush() ? 0 : complain("cannot write to standard output", 1);
  } catch (const misuse& wrong) {
    return fail(std::string(wrong.what()) + " (see --help)", 2);
  } catch (const interrupted& signal) {
    return fail(signal.what(), 128 + signal.number());
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const lift::error& failure) {
    return fail(failure.what(), 1);
  } catch (const std::filesystem::filesystem_error& failure) {
    return fail(lift::text("cannot use ", failure.path1().string(), ": ", failure.code().message()),
                1);
  } catch (const std::exception& failure) {
    return fail(lift::text("unexpected ", type_of(failure), ": ", failure.what()), 1);
  }
}
