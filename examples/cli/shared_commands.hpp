// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <lift/core/unwinding.hpp>

#include "command_line.hpp"
#include "ranks.hpp"

namespace lift::cli {

/// Commands that a command runs within, on rank 0: the others, in follow_commands, run those that
/// they are told of, until this ends. An exception that leaves it ends the job.
class shared_commands {
 public:
  shared_commands() = default;
  shared_commands(const shared_commands&) = delete;
  shared_commands& operator=(const shared_commands&) = delete;
  ~shared_commands() {
    if (!exception_.began()) tell({});
  }

  /// The command that this process runs next is all ranks'.
  static void share(const arguments& words) {
    tell(words);
    share_next_command();
  }

 private:
  static void tell(const arguments& words) {
    std::string told;
    for (const std::string& word : words) (told += word) += '\0';
    if (rank_group* const ranks = sharing_ranks()) ranks->broadcast(told);
  }

  const unwinding exception_;
};

inline void follow_commands() {
  for (;;) {
    std::string told;
    sharing_ranks()->broadcast(told);
    if (told.empty()) return;
    share_next_command();
    run(CLI::detail::split(told, '\0'));
  }
}

}  // namespace lift::cli
