// SPDX-License-Identifier: MIT

#include "command_line.hpp"

#include <algorithm>
#include <string_view>

#include "commands.hpp"
#include "engine.hpp"
#include "options.hpp"

namespace lift::cli {

namespace {

struct command {
  std::string_view name;
  void (*add)(CLI::App& program);
};

constexpr command commands[] = {
    {"dataset", add_dataset},   {"train", add_train},     {"export", add_export},
    {"heatmap", add_heatmap},   {"path", add_path},       {"judge", add_judge},
    {"generate", add_generate}, {"measure", add_measure}, {"plot", add_plot},
    {"study", add_study},       {"info", add_info},
};

}  // namespace

std::unique_ptr<CLI::App> make_program(const arguments& words) {
  auto program = std::make_unique<CLI::App>(
      "LIFT: diffusion on several resolutions of one image at once, each on its own timestep.",
      "lift");
  program->set_version_flag("--version", [] {
    const engine& cpu = find_engine(engine_names().front());
    return text("lift " LIFT_VERSION " (", cpu.compiled_for, ", ", cpu.instructions, ")");
  });
  program->require_subcommand(1);
  program->footer(
      "Example:\n  lift dataset emoji --output emoji.zip && lift train --data emoji.zip "
      "--outdir run\n`lift COMMAND --help` tells more of each command.");
  const auto first = [&](const command& each) { return !words.empty() && words[0] == each.name; };
  const bool one = std::ranges::any_of(commands, first);
  for (const command& each : commands)
    if (!one || first(each)) each.add(*program);
  return program;
}

void run(CLI::App& program, const arguments& words) {
  try {
    program.parse(arguments(words.rbegin(), words.rend()));
  } catch (const CLI::Success&) {
    throw;
  } catch (const CLI::ParseError& wrong) {
    // An unknown flag is the likelier mistake than the required one that it may have been meant as.
    const arguments unknown = program.remaining(true);
    throw misuse(unknown.empty() ? wrong.what() : "unknown argument: " + unknown.front());
  }
}

void run(const arguments& words) { run(*make_program(words), words); }

void check_understood(const arguments& words) {
  struct understood {};
  const auto program = make_program(words);
  program->parse_complete_callback([] { throw understood(); });  // comes before the command's
  try {
    run(*program, words);
  } catch (const understood&) {
  }
}

const CLI::Option* find_option(const CLI::App& program, const arguments& command,
                               const std::string& flag) {
  const CLI::App* app = &program;
  for (const std::string& name : command) app = app->get_subcommand(name);
  return app->get_option_no_throw(flag);
}

std::string shell_text(const arguments& words) {
  std::string line = "lift";
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789_-./,:=@%+") == word.npos;
    line += ' ';
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace lift::cli
