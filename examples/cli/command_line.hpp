// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace lift::cli {

/// The words of a command line after the program's name.
using arguments = std::vector<std::string>;

/// The `lift` command: what it needs to understand these words, which is one of its commands where they begin
/// with its name, and otherwise all of them.
std::unique_ptr<CLI::App> make_program(const arguments& words = {});

/// Understands a command line and does what it asks for. Throws `misuse` where it is not
/// understood, CLI::Success where it asks for help, and what the command throws.
void run(CLI::App& program, const arguments& words);
/// As that of a program made for these words.
void run(const arguments& words);

/// Throws `misuse` where a command line would not be understood; does nothing else.
void check_understood(const arguments& words);

/// One of the flags of a command, such as {"measure", "frechet"}; null where it has none of that
/// name.
const CLI::Option* find_option(const CLI::App& program, const arguments& command,
                               const std::string& flag);

/// A command line as it can be given to a shell.
std::string shell_text(const arguments& words);

}  // namespace lift::cli
