// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lift/core/error.hpp>
#include <lift/core/printable.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/io/file.hpp>

namespace lift {

namespace detail {

/// A file without a name, in memory alone, for a program that we start to read or write.
class memory_file {
 public:
  memory_file() : file_(made()) {}

  int descriptor() const { return file_.number(); }
  void rewind() const { ::lseek(descriptor(), 0, SEEK_SET); }

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ::ssize_t count = ::write(descriptor(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_errno("write", "a file in memory");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  /// Everything in it.
  std::string content() const {
    std::string result;
    char part[1 << 14];
    rewind();
    while (true) {
      const ::ssize_t count = ::read(descriptor(), part, sizeof part);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_errno("read", "a file in memory");
      if (count == 0) return result;
      result.append(part, static_cast<std::size_t>(count));
    }
  }

 private:
  // Numbers 0 to 2, free where the host program has closed its standard files, are the child's.
  static int made() {
    const file_descriptor any(::memfd_create("lift", MFD_CLOEXEC));
    const int number =
        any.number() < 0 ? -1 : ::fcntl(any.number(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (number < 0) throw_errno("create", "a file in memory");
    return number;
  }

  file_descriptor file_;
};

/// How gnuplot is started: with these standard files, no signal blocked or ignored.
class gnuplot_start {
 public:
  gnuplot_start(const memory_file& input, const memory_file& output, const memory_file& messages) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_adddup2(&files_, input.descriptor(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&files_, output.descriptor(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&files_, messages.descriptor(), STDERR_FILENO);
    ::sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  gnuplot_start(const gnuplot_start&) = delete;
  gnuplot_start& operator=(const gnuplot_start&) = delete;
  ~gnuplot_start() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  /// Runs it to its end, without the settings that a user's own gnuplot has; returns the wait
  /// status.
  int run() const {
    char name[] = "gnuplot", defaults[] = "-d";
    char* const arguments[] = {name, defaults, nullptr};
    ::pid_t child = 0;
    std::vector<char*> environment;  // GNUTERM would choose another terminal
    for (char** variable = ::environ; variable && *variable; ++variable)
      if (!std::string_view(*variable).starts_with("GNUTERM=")) environment.push_back(*variable);
    environment.push_back(nullptr);
    errno = ::posix_spawnp(&child, name, &files_, &attributes_, arguments, environment.data());
    if (errno == ENOENT) throw error("gnuplot is missing: install Debian's gnuplot-nox");
    if (errno != 0) throw_errno("start", name);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
      if (errno == ECHILD) return 0;  // a host that ignores SIGCHLD: the picture tells
      if (errno != EINTR) throw_errno("wait for", name);
    }
    stoppable::check();  // a signal to the terminal ends gnuplot too
    return status;
  }

 private:
  ::posix_spawn_file_actions_t files_;
  ::posix_spawnattr_t attributes_;
};

/// The last line that is not blank, without the blanks around it.
inline std::string_view last_line(std::string_view lines) {
  constexpr std::string_view blank = " \t\r\n";
  lines = lines.substr(0, lines.find_last_not_of(blank) + 1);
  lines.remove_prefix(lines.find_last_of('\n') + 1);  // npos + 1 is 0
  return lines.substr(std::min(lines.find_first_not_of(blank), lines.size()));
}

}  // namespace detail

/// The bytes of the PNG that gnuplot draws for a script without `set output`. The script goes to
/// its standard input and the picture comes from its standard output: no shell, no name in a
/// command. Throws lift::error when gnuplot is missing, fails, or draws no PNG.
inline std::string run_gnuplot(std::string_view script) {
  const detail::memory_file input, output, messages;
  input.write(script);
  input.rewind();
  const int status = detail::gnuplot_start(input, output, messages).run();
  std::string picture = output.content();
  if (status != 0 || !picture.starts_with("\x89PNG\r\n\x1a\n"))
    throw error("gnuplot failed: " + printable(detail::last_line(messages.content()), 300));
  return picture;
}

}  // namespace lift
