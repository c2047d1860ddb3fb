// SPDX-License-Identifier: MIT
// The `lift` command. Exit codes: 0 done, 1 failed, 2 misused, 128 + n stopped by signal n.

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "standard_streams.hpp"

namespace {

int fail(std::string message, int code) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::cerr << "lift: " << message << std::endl;
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  lift::cli::fill_missing_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a full quota is an error of write(), as a full disk is
  std::signal(SIGPIPE, SIG_IGN);  // and so is a reader that went away

  CLI::App program{"LIFT: dual-scale diffusion. Two resolutions of one image are denoised "
                   "jointly, each on its own timestep.",
                   "lift"};
  program.set_version_flag("--version", "lift " LIFT_VERSION);
  program.require_subcommand(1);
  program.footer("Example:\n  lift dataset emoji --output emoji.zip && lift train --data emoji.zip "
                 "--outdir run\n`lift COMMAND --help` tells more of each command.");
  using namespace lift::cli;
  add_dataset(program);
  add_train(program);
  add_heatmap(program);
  add_path(program);
  add_generate(program);
  add_measure(program);
  add_plot(program);
  add_info(program);

  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& asked) {
    return program.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    // An unknown flag is the likelier mistake than the required one that it may have been meant as.
    const std::vector<std::string> unknown = program.remaining(true);
    return fail((unknown.empty() ? wrong.what() : "unknown argument: " + unknown.front()) +
                    std::string(" (see --help)"),
                2);
  } catch (const misuse& wrong) {
    return fail(std::string(wrong.what()) + " (see --help)", 2);
  } catch (const interrupted& signal) {
    return fail(signal.what(), 128 + signal.number());
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const std::exception& failure) {
    return fail(failure.what(), 1);
  }
}
