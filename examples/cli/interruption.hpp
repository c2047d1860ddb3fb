// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <csignal>
#include <string>

#include <unistd.h>

#include <lift/core/error.hpp>
#include <lift/core/stoppable.hpp>

namespace lift::cli {

/// A signal asked the command to stop: exit code 128 + its number.
class interrupted : public error {
 public:
  /// `more` ends the message: what is finished, and how to go on.
  explicit interrupted(int number, const std::string& more = "")
      : error(text("stopped by ",
                   number == SIGINT    ? "SIGINT"
                   : number == SIGTERM ? "SIGTERM"
                                       : "SIGHUP",
                   more)),
        number_(number) {}
  int number() const { return number_; }

 private:
  int number_;
};

/// SIGINT, SIGTERM and SIGHUP ask a command to stop: it finishes or leaves what it does, keeps what
/// is worth keeping, and throws `interrupted`. A second of them ends the process at once.
class interruption {
 public:
  /// Signals ask from here on. SIGHUP stays ignored where it is, as under nohup; SIGINT does not,
  /// as a shell script's tasks in the background begin with it ignored, whoever may send it.
  static void install() {
    struct sigaction action = {}, before = {};
    action.sa_handler = [](int signal) {
      int none = 0;
      if (!number_.compare_exchange_strong(none, signal)) ::_exit(128 + signal);
      asked_ = true;
    };
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGHUP, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);
  }

  /// Asks as a signal of that number does, such as one that another rank was sent.
  static void ask(int signal) {
    int none = 0;
    number_.compare_exchange_strong(none, signal);
    asked_ = true;
  }

  /// The number of the signal that asked to stop, 0 for none.
  static int number() { return number_; }

  /// Whether one did, as a flag for lift::stoppable.
  static const std::atomic<bool>& asked() { return asked_; }

  /// Throws `interrupted` if one did.
  static void check() {
    if (const int signal = number()) throw interrupted(signal);
  }

 private:
  // What a handler may touch: lock-free.
  static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);
  inline static std::atomic<int> number_ = 0;
  inline static std::atomic<bool> asked_ = false;
};

/// Does work that a signal leaves in the middle, where it loops over threads or images; throws
/// `interrupted` then.
template <class Work>
auto interruptible(const Work& work) {
  interruption::check();
  try {
    const stoppable by_signal(&interruption::asked());
    return work();
  } catch (const stopped&) {
    interruption::check();
    throw;
  }
}

}  // namespace lift::cli
