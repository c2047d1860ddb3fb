// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace lift::cli {

/// Takes the places of standard streams that the process was started without, so that no file it
/// opens later gets their numbers and is written to as if it were one. Reading and writing there
/// fail, as they would have.
inline void fill_missing_streams() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(number, F_GETFD) < 0 && errno == EBADF) {
      const int opposite = number == STDIN_FILENO ? O_WRONLY : O_RDONLY;
      if (::open("/dev/null", opposite) < 0) ::_exit(1);  // takes the lowest number that is free
    }
}

}  // namespace lift::cli
