// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lift/core/error.hpp>
#include <lift/io/file.hpp>

namespace lift::cli {

/// Keeps other commands out of a folder: a lock on a file in it, which holds the process id, ends
/// with the process however that ends, and is removed with the lock. Where a file system does not
/// share locks between machines, as some network ones, it holds on one machine only.
class folder_lock {
 public:
  /// Name of the file; one that a killed process left locks nothing.
  static constexpr const char* name = ".lift.lock";

  /// Locks a folder that is there; throws lift::error, naming folder and process, where another
  /// holds it, and naming the reason where it cannot be locked.
  explicit folder_lock(const std::filesystem::path& folder)
      : folder_(folder), file_(folder / name), descriptor_(open()) {
    const std::string id = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor_.number(), 0) != 0 ||
        ::write(descriptor_.number(), id.data(), id.size()) != static_cast<ssize_t>(id.size())) {
      const int reason = errno;
      ::unlink(file_.c_str());
      errno = reason;
      throw_errno("lock folder", folder_);
    }
  }
  folder_lock(const folder_lock&) = delete;
  folder_lock& operator=(const folder_lock&) = delete;
  ~folder_lock() { ::unlink(file_.c_str()); }

 private:
  /// A holder removes the file, so what was locked may have lost its name meanwhile: once more then.
  int open() const {
    for (;;) {
      const int number = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
      if (number < 0) throw_errno("lock folder", folder_);
      struct ::stat ours = {}, named = {};
      if (::flock(number, LOCK_EX | LOCK_NB) != 0) refuse(file_descriptor(number));
      if (::fstat(number, &ours) == 0 && ::stat(file_.c_str(), &named) == 0 &&
          ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
        return number;
      ::close(number);
    }
  }

  [[noreturn]] void refuse(const file_descriptor& held) const {
    if (errno != EWOULDBLOCK) throw_errno("lock folder", folder_);
    char id[32] = {};
    const ssize_t count = ::pread(held.number(), id, sizeof id - 1, 0);
    std::string process(id, count > 0 ? static_cast<std::size_t>(count) : 0);
    process.resize(std::min(process.size(), process.find_first_not_of("0123456789")));
    throw error(text("folder ", folder_.string(), " is in use by ",
                     process.empty() ? "another process" : "process " + process));
  }

  std::filesystem::path folder_, file_;
  file_descriptor descriptor_;
};

}  // namespace lift::cli
