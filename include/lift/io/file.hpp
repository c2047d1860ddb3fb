// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lift/core/error.hpp>

namespace lift {

/// Throws "cannot ACTION FILE: REASON", the reason being that of errno.
[[noreturn]] inline void throw_errno(const char* action, const std::filesystem::path& file) {
  const std::string reason = std::generic_category().message(errno);
  throw error(text("cannot ", action, " ", file.string(), ": ", reason));
}

/// Owns a POSIX file descriptor; −1 owns nothing.
class file_descriptor {
 public:
  explicit file_descriptor(int number) : number_(number) {}
  file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  file_descriptor& operator=(file_descriptor&&) = delete;
  ~file_descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

/// A time of a file in nanoseconds since 1970.
inline std::int64_t nanoseconds(const ::timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// A regular file open for reading from its beginning; every failure is a lift::error naming it.
class input_file {
 public:
  // O_NONBLOCK: a named pipe must be refused, not waited for.
  explicit input_file(const std::filesystem::path& file)
      : path_(file), descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct ::stat status {};
    if (descriptor_.number() < 0 || ::fstat(descriptor_.number(), &status) != 0) {
      throw_errno("open", path_);
    }
    if (!S_ISREG(status.st_mode)) {
      throw error(text("cannot read ", path_.string(), ": not a regular file"));
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
    modified_ = nanoseconds(status.st_mtim);
    inode_ = status.st_ino;
  }

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_.number(); }
  std::uint64_t size() const { return size_; }
  /// When it was last written to, in nanoseconds since 1970.
  std::int64_t modified() const { return modified_; }
  /// Its number in its file system.
  std::uint64_t inode() const { return inode_; }

  /// The next bytes are those from `position` on.
  void seek(std::uint64_t position) {
    if (::lseek(descriptor_.number(), static_cast<::off_t>(position), SEEK_SET) < 0) throw_errno("read", path_);
  }

  /// Fills `out` with the next bytes; throws if the file ends before.
  void read(std::span<std::byte> out) {
    while (!out.empty()) {
      const ::ssize_t count = ::read(descriptor_.number(), out.data(), out.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_errno("read", path_);
      if (count == 0) throw error(text("cannot read ", path_.string(), ": it became shorter"));
      out = out.subspan(static_cast<std::size_t>(count));
    }
  }

 private:
  std::filesystem::path path_;
  file_descriptor descriptor_;
  std::uint64_t size_ = 0;
  std::int64_t modified_ = 0;
  std::uint64_t inode_ = 0;
};

/// The bytes of a whole regular file, just opened; throws lift::error where it has more than `most`.
inline std::vector<std::byte> read_file(input_file input, std::uint64_t most) {
  if (input.size() > most)
    throw error(text("cannot read ", input.path().string(), ": larger than ", most, " bytes"));
  std::vector<std::byte> bytes(input.size());
  input.read(bytes);
  return bytes;
}
inline std::vector<std::byte> read_file(
    const std::filesystem::path& file,
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  return read_file(input_file(file), most);
}

/// Whether a new file must survive a power cut (fsync) or may sit in the system's cache a while.
enum class durability { flushed, cached };

/// A file that appears under its name only when complete: bytes go to NAME.tmp in the same
/// folder, commit() renames it, and without a commit the destructor removes it. A second writer
/// of the same name is refused; a NAME.tmp left by a killed process is reused.
///
/// Work that takes long makes it first, so that a place that cannot be written is refused before,
/// and passes it to the function that writes. A name converts to one.
class output_file {
 public:
  /// Throws lift::error where the file cannot be written, or another writer has it.
  template <std::convertible_to<std::filesystem::path> Name>
  output_file(const Name& file)
      : output_file(target{behind_link(file)}) {
    claim();
  }
  output_file(output_file&& other) noexcept
      : path_(std::move(other.path_)),
        temporary_(std::move(other.temporary_)),
        descriptor_(std::move(other.descriptor_)),
        owned_(std::exchange(other.owned_, false)),
        written_(other.written_),
        flushing_(other.flushing_) {}
  output_file& operator=(output_file&&) = delete;
  ~output_file() {
    if (owned_) ::unlink(temporary_.c_str());
  }

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_.number(); }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ::ssize_t count = ::write(descriptor_.number(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_errno("write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      start_flushing(static_cast<std::uint64_t>(count));
    }
  }
  void write(std::string_view characters) {
    write(std::as_bytes(std::span(characters.data(), characters.size())));
  }
  /// Writes over what was written at `offset` before.
  void write_at(std::uint64_t offset, std::string_view characters) {
    while (!characters.empty()) {
      const ::ssize_t count = ::pwrite(descriptor_.number(), characters.data(), characters.size(),
                                       static_cast<::off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_errno("write", path_);
      characters.remove_prefix(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

  void commit(durability wanted) {
    const bool flush = wanted == durability::flushed;
    if (flush && ::fsync(descriptor_.number()) != 0) throw_errno("write", path_);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_errno("write", path_);
    owned_ = false;
    if (!flush) return;
    // The new file is in place; a folder that cannot be flushed is no reason to report a failure.
    const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    const file_descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.number() >= 0) ::fsync(directory.number());
  }

 private:
  struct target {
    std::filesystem::path file;
  };
  explicit output_file(target to)
      : path_(std::move(to.file)),
        temporary_(path_.string() + ".tmp"),
        descriptor_(open_temporary(path_, temporary_)) {}

  /// What a link leads to is written, and the link stays.
  static std::filesystem::path behind_link(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::is_symlink(file, ignored) ? std::filesystem::weakly_canonical(file)
                                                      : file;
  }

  static int open_temporary(const std::filesystem::path& file, const std::string& temporary) {
    std::error_code ignored;
    const auto status = std::filesystem::status(file, ignored);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
      throw error(text("cannot write ", file.string(), ": not a regular file"));
    }
    const int number = ::open(temporary.c_str(),
                              O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (number < 0) throw_errno("write", file);
    return number;
  }

  // Another writer may have renamed the file between our open and our lock: compare inodes.
  void claim() {
    struct ::stat ours = {}, named = {};
    if (::flock(descriptor_.number(), LOCK_EX | LOCK_NB) != 0 ||
        ::fstat(descriptor_.number(), &ours) != 0 || ::stat(temporary_.c_str(), &named) != 0 ||
        ours.st_ino != named.st_ino) {
      throw error(text("cannot write ", path_.string(), ": another process is writing it"));
    }
    if (!S_ISREG(ours.st_mode) || ours.st_nlink > 1)
      throw error(text("cannot write ", path_.string(), ": ", temporary_, " is in the way"));
    owned_ = true;
    if (::ftruncate(descriptor_.number(), 0) != 0) throw_errno("write", path_);
  }

  /// A large file is on its way to the disk while the rest of it is made.
  void start_flushing(std::uint64_t more) {
    written_ += more;
#ifdef SYNC_FILE_RANGE_WRITE
    constexpr std::uint64_t part = 1u << 24;
    if (written_ - flushing_ < part) return;
    ::sync_file_range(descriptor_.number(), static_cast<::off_t>(flushing_),
                      static_cast<::off_t>(written_ - flushing_), SYNC_FILE_RANGE_WRITE);
    flushing_ = written_;
#endif
  }

  std::filesystem::path path_;
  std::string temporary_;
  file_descriptor descriptor_;
  bool owned_ = false;
  std::uint64_t written_ = 0, flushing_ = 0;
};

/// Writes a file through `writer(output_file&)` so that it is either complete or, if anything
/// fails (full disk, an exception in `writer`), as it was before, with nothing left behind.
template <std::invocable<output_file&> Writer>
void atomic_write(output_file file, Writer&& writer, durability wanted = durability::flushed) {
  writer(file);
  file.commit(wanted);
}

inline void atomic_write(output_file file, std::span<const std::byte> bytes,
                         durability wanted = durability::flushed) {
  file.write(bytes);
  file.commit(wanted);
}

inline void atomic_write(output_file file, std::string_view characters,
                         durability wanted = durability::flushed) {
  file.write(characters);
  file.commit(wanted);
}

}  // namespace lift
