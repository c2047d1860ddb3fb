// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <utility>

#include <lift/core/ceil_div.hpp>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace lift {

/// Memory between its uses: large segments from the operating system, cut into blocks as they are
/// asked for and joined again as they come back. Fresh memory costs a page fault for every few KiB,
/// and a network asks for the same sizes again and again.
///
/// A block is cut from the smallest free one that holds it. Segments with no block in use go back
/// to the operating system when something larger is wanted and with the pool.
class block_pool {
 public:
  static constexpr std::size_t alignment = 64;
#ifdef __SANITIZE_ADDRESS__
  static constexpr bool recycles = false;  // the sanitizer must see every block come and go
#else
  static constexpr bool recycles = true;
#endif

  block_pool() = default;
  block_pool(const block_pool&) = delete;
  block_pool& operator=(const block_pool&) = delete;
  ~block_pool() { free_idle_segments(); }

  /// Bytes from the operating system, in use or not.
  std::size_t held_bytes() const { return held_bytes_; }

  /// A block of so many bytes, not initialised. Throws std::bad_alloc.
  void* take(std::size_t bytes) {
    bytes = round_up(std::max<std::size_t>(bytes, 1), alignment);
    const std::lock_guard lock(mutex_);
    auto fit = free_.lower_bound({bytes, nullptr});
    if (fit == free_.end()) {
      free_idle_segments();
      fit = add_segment(bytes);
    }
    const auto found = blocks_.find(fit->second);
    free_.erase(fit);
    found->second.free = false;
    if (const std::size_t rest = found->second.bytes - bytes; rest > 0) {
      found->second.bytes = bytes;
      const auto after = blocks_.emplace_hint(std::next(found), found->first + bytes,
                                              block{rest, true, false});
      free_.insert({rest, after->first});
    }
    return found->first;
  }

  /// Takes back a block that take() gave.
  void give(void* memory) noexcept {
    const std::lock_guard lock(mutex_);
    auto at = blocks_.find(static_cast<std::byte*>(memory));
    at->second.free = true;
    if (const auto next = std::next(at);
        next != blocks_.end() && next->second.free && !next->second.starts_segment)
      at = join(at, next);
    if (at != blocks_.begin() && !at->second.starts_segment && std::prev(at)->second.free)
      at = join(std::prev(at), at);
    free_.insert({at->second.bytes, at->first});
    if (!recycles) free_idle_segments();
  }

 private:
  struct block {
    std::size_t bytes;
    bool free;
    bool starts_segment;
  };
  using blocks = std::map<std::byte*, block>;

  static constexpr std::size_t page = std::size_t{2} << 20;  // a huge one
  static constexpr std::size_t least_segment = 16 * page;

  static std::align_val_t segment_alignment() {
    return std::align_val_t{recycles ? page : alignment};
  }

  std::set<std::pair<std::size_t, std::byte*>>::iterator add_segment(std::size_t bytes) {
    const std::size_t wanted = std::max({bytes, least_segment, held_bytes_ / 8});
    const std::size_t size = recycles ? round_up(wanted, page) : bytes;
    auto* const memory = static_cast<std::byte*>(::operator new(size, segment_alignment()));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (recycles) madvise(memory, size, MADV_HUGEPAGE);  // fewer faults; a refusal does no harm
#endif
    held_bytes_ += size;
    blocks_.insert({memory, {size, true, true}});
    return free_.insert({size, memory}).first;
  }

  /// Makes one free block of two neighbours; forgets what free_ says of either.
  blocks::iterator join(blocks::iterator a, blocks::iterator b) {
    free_.erase({a->second.bytes, a->first});
    free_.erase({b->second.bytes, b->first});
    a->second.bytes += b->second.bytes;
    blocks_.erase(b);
    return a;
  }

  void free_idle_segments() {
    for (auto at = blocks_.begin(); at != blocks_.end();) {
      const auto next = std::next(at);
      const auto [bytes, is_free, starts] = at->second;
      if (is_free && starts && (next == blocks_.end() || next->second.starts_segment)) {
        held_bytes_ -= bytes;
        free_.erase({bytes, at->first});
        ::operator delete(at->first, segment_alignment());
        blocks_.erase(at);
      }
      at = next;
    }
  }

  std::mutex mutex_;
  blocks blocks_;  // by address
  std::set<std::pair<std::size_t, std::byte*>> free_;  // by size
  std::size_t held_bytes_ = 0;
};

/// Allocates from one pool for the whole program.
template <class T>
struct recycling_allocator {
  using value_type = T;
  recycling_allocator() = default;
  template <class U>
  recycling_allocator(const recycling_allocator<U>&) {}

  T* allocate(std::size_t n) { return static_cast<T*>(pool().take(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) noexcept { pool().give(p); }

  friend bool operator==(const recycling_allocator&, const recycling_allocator&) { return true; }

 private:
  static block_pool& pool() {
    static block_pool& shared = *new block_pool;  // outlives every buffer, static ones too
    return shared;
  }
};

}  // namespace lift
