// SPDX-License-Identifier: MIT

#include "ranks.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include <dlfcn.h>

namespace lift::cli {
namespace {

std::unique_ptr<rank_group> joined;
bool tried = false;       // to join
bool shared = false;      // the command under way
bool next_shared = true;  // the one that begins next
std::atomic<bool> by_itself = false;  // alone_scope

/// What a launcher says to each of several processes: those of Open MPI, srun with PMIx, and MPICH
/// or srun with PMI.
struct launch {
  std::size_t rank, size;
};
std::optional<launch> launched() {
  if (std::getenv("LIFT_ALONE")) return std::nullopt;
  constexpr std::pair<const char*, const char*> names[] = {
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
      {"PMIX_RANK", "SLURM_STEP_NUM_TASKS"},
      {"PMI_RANK", "PMI_SIZE"}};
  for (const auto& [rank_name, size_name] : names) {
    const char *const rank = std::getenv(rank_name), *const size = std::getenv(size_name);
    if (!rank || !size) continue;
    const launch found{std::strtoul(rank, nullptr, 10), std::strtoul(size, nullptr, 10)};
    if (found.size > 1) return found;
  }
  return std::nullopt;
}

/// A function of a library that is opened.
template <class Function>
[[maybe_unused]] Function open_library(const char* what, const char* file, const char* name) {
  void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  void* const function = library ? dlsym(library, name) : nullptr;
  if (!function) throw error(text(what, " cannot be loaded: ", dlerror()));
  return reinterpret_cast<Function>(function);
}

rank_group* open_mpi(double timeout) {
#ifdef LIFT_HAS_MPI
  return open_library<decltype(&lift_mpi_ranks)>("MPI", "liblift_mpi.so", "lift_mpi_ranks")(timeout);
#else
  (void)timeout;
  throw error("this lift was built without MPI, so it cannot be one of several ranks");
#endif
}

/// Ranks of several commands would wait for each other in vain.
void require_same_command(rank_group& ranks) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string words(std::istreambuf_iterator<char>(file), {});
  words.erase(0, std::min(words.find('\0'), words.size()));  // the program may lie elsewhere
  const std::vector<std::string> all = ranks.gather(LIFT_VERSION + words);
  for (std::size_t r = 1; r < all.size(); ++r)
    if (all[r] != all[0])
      throw error(text("rank ", r,
                       " was given other arguments than rank 0, or is another version: "
                       "want the same on all; LIFT_ALONE=1 makes each process one by itself"));
}

void join(double timeout) {
  const auto told = launched();
  if (std::exchange(tried, true) || !told) return;
  std::unique_ptr<rank_group> ranks(open_mpi(timeout));
  if (ranks->size() != told->size)
    throw error(text("the launcher has started ", told->size, " processes, of which MPI finds ",
                     ranks->size(), ": it is to be of the MPI that lift was built with"));
  joined = std::move(ranks);
  require_same_command(*joined);
}

}  // namespace

rank_group* sharing_ranks() { return shared && !by_itself ? joined.get() : nullptr; }
void leave_ranks() { joined.reset(); }

void end_ranks(const std::string& message, int code) {
  try {
    join(300);
    if (joined) joined->abort(message, code);
  } catch (const error&) {
  }
}

void hand_out(std::size_t count, const std::function<std::string(std::size_t)>& work,
              const std::function<void(std::size_t, std::string)>& take) {
  if (rank_group* const ranks = sharing_ranks()) return ranks->hand_out(count, work, take);
  for (std::size_t i = 0; i < count; ++i) take(i, work(i));
}

const device_sums_library& sums_between_devices() {
#ifdef LIFT_HAS_NCCL
  return *open_library<decltype(&lift_nccl_sums)>("NCCL", "liblift_nccl.so", "lift_nccl_sums")();
#else
  throw error("this lift was built without NCCL, so a training on devices cannot be one of several ranks'");
#endif
}

void share_next_command() { next_shared = true; }

alone_scope::alone_scope() { by_itself = true; }
alone_scope::~alone_scope() { by_itself = false; }

rank_scope::rank_scope(double timeout, bool on_all_ranks) : before_(shared) {
  join(timeout);
  shared = std::exchange(next_shared, false) && on_all_ranks;
}

rank_scope::~rank_scope() { shared = before_; }

bool leads_ranks() {
  if (by_itself) return true;
  if (joined) return joined->rank() == 0;
  const auto told = launched();
  return !told || told->rank == 0;
}

std::string name_of_rank() {
  const auto told = launched();
  return told ? text("rank ", told->rank, ": ") : "";
}

}  // namespace lift::cli
