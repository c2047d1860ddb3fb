// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <lift/core/ceil_div.hpp>

namespace lift {

/// Memory between its uses: large segments from a source, cut into blocks as they are asked for and
/// joined again as they come back. Fresh memory is dear everywhere, a page fault for every few KiB
/// or a device that stops, and a network asks for the same sizes again and again.
///
/// A block is cut from the smallest free one that holds it. Segments with no block in use go back
/// to the source when something larger is wanted, and all go back with the pool.
///
/// A source says how blocks are aligned, in what pages it gives segments, and whether blocks are
/// recycled at all; get(bytes) gives a segment or null, put(memory, bytes) takes it back, and
/// fail(bytes, idle) throws for what cannot be had while `idle` bytes of the pool are free.
template <class Source>
class segment_pool {
 public:
  static constexpr std::size_t alignment = Source::alignment;
  static constexpr bool recycles = Source::recycles;

  segment_pool() = default;
  segment_pool(const segment_pool&) = delete;
  segment_pool& operator=(const segment_pool&) = delete;
  ~segment_pool() {
    for (auto at = blocks_.begin(); at != blocks_.end();) {
      std::byte* const segment = at->first;
      std::size_t bytes = 0;
      do bytes += (at++)->second.bytes;
      while (at != blocks_.end() && !at->second.starts_segment);
      Source::put(segment, bytes);
    }
  }

  /// Bytes from the source, in use or not.
  std::size_t held_bytes() const { return held_bytes_; }

  /// A block of so many bytes, not initialised. Throws what the source throws where there are none.
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

  /// From now on segments stay with the pool as long as it lives.
  void keep_segments() {
    const std::lock_guard lock(mutex_);
    keeps_segments_ = true;
  }

  /// Gives the segments with no block in use back to the source.
  void release() {
    const std::lock_guard lock(mutex_);
    free_idle_segments();
  }

 private:
  struct block {
    std::size_t bytes;
    bool free;
    bool starts_segment;
  };
  using blocks = std::map<std::byte*, block>;

  static constexpr std::size_t page = Source::page;
  static constexpr std::size_t least_segment = 16 * page;

  std::set<std::pair<std::size_t, std::byte*>>::iterator add_segment(std::size_t bytes) {
    const std::size_t least = recycles ? round_up(bytes, page) : bytes;
    std::size_t size =
        recycles ? round_up(std::max({bytes, least_segment, held_bytes_ / 8}), page) : bytes;
    void* memory = Source::get(size);
    if (!memory && size > least) memory = Source::get(size = least);  // without room for more
    if (!memory) Source::fail(bytes, idle_bytes());
    held_bytes_ += size;
    auto* const start = static_cast<std::byte*>(memory);
    blocks_.insert({start, {size, true, true}});
    return free_.insert({size, start}).first;
  }

  std::size_t idle_bytes() const {
    std::size_t total = 0;
    for (const auto& [bytes, memory] : free_) total += bytes;
    return total;
  }

  /// Makes one free block of two neighbours; forgets what free_ says of either.
  typename blocks::iterator join(typename blocks::iterator a, typename blocks::iterator b) {
    free_.erase({a->second.bytes, a->first});
    free_.erase({b->second.bytes, b->first});
    a->second.bytes += b->second.bytes;
    blocks_.erase(b);
    return a;
  }

  void free_idle_segments() {
    if (keeps_segments_) return;
    for (auto at = blocks_.begin(); at != blocks_.end();) {
      const auto next = std::next(at);
      const block& first = at->second;
      const bool whole = next == blocks_.end() || next->second.starts_segment;
      if (first.free && first.starts_segment && whole) {
        held_bytes_ -= first.bytes;
        free_.erase({first.bytes, at->first});
        Source::put(at->first, first.bytes);
        blocks_.erase(at);
      }
      at = next;
    }
  }

  std::mutex mutex_;
  blocks blocks_;  // by address
  std::set<std::pair<std::size_t, std::byte*>> free_;  // by size
  std::size_t held_bytes_ = 0;
  bool keeps_segments_ = false;
};

/// A block of a pool that a pointer `Pool` refers to, and its way back.
template <class Pool>
class pool_block {
 public:
  pool_block(Pool pool, std::size_t bytes) : pool_(std::move(pool)), data_(pool_->take(bytes)) {}
  ~pool_block() { pool_->give(data_); }
  pool_block(const pool_block&) = delete;
  pool_block& operator=(const pool_block&) = delete;

  void* data() const { return data_; }

 private:
  Pool pool_;
  void* data_;
};

}  // namespace lift
