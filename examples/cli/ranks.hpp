// SPDX-License-Identifier: MIT
#pragma once

// The processes that mpirun or srun starts of one command line. MPI is in a library that is opened
// where a process is one of several, since most are not, and many machines have no MPI.

#include <cstddef>
#include <functional>
#include <string>

#include "rank_group.hpp"

namespace lift::cli {

/// Where this process is one of several, waits until all have come to this.
void leave_ranks();
/// Where this process is one of several, ends all of them with that exit code, and one message;
/// returns where it is alone, or they cannot be reached by MPI.
void end_ranks(const std::string& message, int code);

/// Whether this process is the one that writes and speaks: rank 0, or the only one.
bool leads_ranks();
/// "rank 1: " of one of several processes, as the launcher numbers them.
std::string name_of_rank();

/// Those that share in the command that is run; null where it is run by this process alone.
rank_group* sharing_ranks();

/// Has the work of 0 … count − 1 done by the ranks that share in the command, each by one that is
/// free, and take(i, bytes) called with what work(i) gives: on rank 0, in any order.
void hand_out(std::size_t count, const std::function<std::string(std::size_t)>& work,
              const std::function<void(std::size_t, std::string)>& take);

/// NCCL; throws lift::error where this build or machine has none.
const device_sums_library& sums_between_devices();

/// The next command that this process runs, from within one, is run by all ranks that share in
/// that.
void share_next_command();

/// While one lives, this process runs commands by itself, as if it were no rank.
class alone_scope {
 public:
  alone_scope();
  alone_scope(const alone_scope&) = delete;
  alone_scope& operator=(const alone_scope&) = delete;
  ~alone_scope();
};

/// While a command is run: by all ranks that the command line was given to or that are told of it,
/// or by this process alone.
class rank_scope {
 public:
  /// The first joins the job of this process, if it is one of several and the environment has no
  /// LIFT_ALONE; a rank that then does not answer for `timeout` seconds ends it. Throws lift::error
  /// where this build or machine has no MPI, or the ranks are of several commands.
  rank_scope(double timeout, bool on_all_ranks);
  rank_scope(const rank_scope&) = delete;
  rank_scope& operator=(const rank_scope&) = delete;
  ~rank_scope();

  /// Whether this process is one that runs it.
  bool runs() const { return sharing_ranks() || leads_ranks(); }

 private:
  bool before_;
};

}  // namespace lift::cli
