// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>
#include <new>

namespace lift {

/// Blocks of memory between their uses, by size. Memory fresh from the operating system costs a
/// page fault for every few KiB, and a network asks for the same sizes again and again.
///
/// The bytes held, in use and idle, never exceed the most that were in use at once.
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
  ~block_pool() { free_idle(idle_bytes_); }

  std::size_t held_bytes() const { return used_bytes_ + idle_bytes_; }

  void* take(std::size_t bytes) {
    bytes = std::max(bytes, sizeof(idle_block));
    const std::lock_guard lock(mutex_);
    idle_block*& top = idle_[bytes];
    void* block = top;
    if (top) {
      top = top->next;
      idle_bytes_ -= bytes;
    } else {
      const std::size_t most = std::max(most_used_, used_bytes_ + bytes);
      if (held_bytes() + bytes > most) free_idle(held_bytes() + bytes - most);
      block = ::operator new(bytes, std::align_val_t{alignment});
    }
    used_bytes_ += bytes;
    most_used_ = std::max(most_used_, used_bytes_);
    return block;
  }

  /// Takes back a block that take(bytes) gave.
  void give(void* block, std::size_t bytes) noexcept {
    bytes = std::max(bytes, sizeof(idle_block));
    const std::lock_guard lock(mutex_);
    idle_block*& top = idle_.find(bytes)->second;
    top = ::new (block) idle_block{top};
    used_bytes_ -= bytes;
    idle_bytes_ += bytes;
    if (!recycles) free_idle(bytes);
  }

 private:
  struct idle_block {
    idle_block* next;
  };

  /// Frees at least so many idle bytes, the largest blocks first.
  void free_idle(std::size_t bytes) {
    const std::size_t keep = idle_bytes_ - bytes;
    for (auto size = idle_.rbegin(); idle_bytes_ > keep; ++size)
      for (auto& [n, top] = *size; top && idle_bytes_ > keep; idle_bytes_ -= n) {
        void* const block = top;
        top = top->next;
        ::operator delete(block, std::align_val_t{alignment});
      }
  }

  std::mutex mutex_;
  std::map<std::size_t, idle_block*> idle_;  // stacks of blocks of one size
  std::size_t idle_bytes_ = 0, used_bytes_ = 0, most_used_ = 0;
};

/// Allocates from one pool for the whole program.
template <class T>
struct recycling_allocator {
  using value_type = T;
  recycling_allocator() = default;
  template <class U>
  recycling_allocator(const recycling_allocator<U>&) {}

  T* allocate(std::size_t n) { return static_cast<T*>(pool().take(n * sizeof(T))); }
  void deallocate(T* p, std::size_t n) noexcept { pool().give(p, n * sizeof(T)); }

  friend bool operator==(const recycling_allocator&, const recycling_allocator&) { return true; }

 private:
  static block_pool& pool() {
    static block_pool& shared = *new block_pool;  // outlives every buffer, static ones too
    return shared;
  }
};

}  // namespace lift
