// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/unwinding.hpp>
#include <lift/io/sha256.hpp>

#include "captured_output.hpp"
#include "command_line.hpp"
#include "ranks.hpp"
#include "report.hpp"

namespace lift::cli {

/// Commands that a command runs within, on rank 0: the others, in follow(), do what they are told of,
/// until this ends. An exception that leaves it ends the job.
class shared_commands {
 public:
  using lines = std::vector<arguments>;  ///< of several commands

  shared_commands() = default;
  shared_commands(const shared_commands&) = delete;
  shared_commands& operator=(const shared_commands&) = delete;
  ~shared_commands() {
    if (!exception_.began()) tell("");
  }

  /// The command that this process runs next is all ranks'.
  static void share(const arguments& words) {
    tell("share", {words});
    share_next_command();
  }

  /// Whether all ranks see a file as it is here.
  static bool all_see(const std::filesystem::path& file) {
    rank_group* const ranks = sharing_ranks();
    if (!ranks) return true;
    tell("see", {{file.string()}});
    const std::vector<std::string> all = ranks->gather(content_number(file));
    return std::ranges::count(all, all[0]) == std::ssize(all);
  }

  /// Has each command, behind a name for messages, run by a rank that is free, by itself, and
  /// take(i, result) called here, in any order.
  static void hand_out(const lines& commands,
                       const std::function<void(std::size_t, command_result)>& take) {
    tell("hand out", commands);
    cli::hand_out(commands.size(), work_of(commands), [&](std::size_t i, std::string told) {
      const std::size_t end = told.find(' ');
      take(i, {told.substr(end + 1), std::stod(told.substr(0, end))});
    });
  }

  /// Does on a rank but 0 what it is told, until there is no more.
  static void follow() {
    for (;;) {
      std::string told;
      sharing_ranks()->broadcast(told);
      const std::vector<std::string> words = CLI::detail::split(told, '\0');
      if (words[0].empty()) return;
      lines commands;
      for (std::size_t i = 1; i < words.size();) {
        const auto first = words.begin() + static_cast<std::ptrdiff_t>(i + 1);
        const std::size_t count = std::stoul(words[i]);
        commands.emplace_back(first, first + static_cast<std::ptrdiff_t>(count));
        i += 1 + count;
      }
      if (words[0] == "see") {
        sharing_ranks()->gather(content_number(commands[0][0]));
      } else if (words[0] == "hand out") {
        cli::hand_out(commands.size(), work_of(commands), {});
      } else {
        share_next_command();
        run(commands[0]);
      }
    }
  }

 private:
  static std::function<std::string(std::size_t)> work_of(const lines& commands) {
    return [&commands](std::size_t i) {
      const arguments words(commands[i].begin() + 1, commands[i].end());
      const alone_scope itself;
      const command_result result = captured(commands[i][0], [&] { run(words); });
      return text(result.seconds, ' ', result.output);
    };
  }

  static std::string content_number(const std::filesystem::path& file) {
    std::error_code unknown;
    return std::filesystem::is_regular_file(file, unknown) ? sha256_of(file) : "none";
  }

  /// What the others are to do, and with which commands: of each the number of its words, and these.
  static void tell(const std::string& what, const lines& commands = {}) {
    rank_group* const ranks = sharing_ranks();
    if (!ranks) return;
    std::string told = what + '\0';
    for (const arguments& words : commands) {
      told += std::to_string(words.size()) + '\0';
      for (const std::string& word : words) told += word + '\0';
    }
    ranks->broadcast(told);
  }

  const unwinding exception_;
};

}  // namespace lift::cli
