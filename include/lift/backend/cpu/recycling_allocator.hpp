// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>

#include <lift/backend/segment_pool.hpp>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace lift {

/// Segments of host memory, in huge pages where the system has them.
struct host_segments {
  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t page = std::size_t{2} << 20;
#ifdef __SANITIZE_ADDRESS__
  static constexpr bool recycles = false;  // the sanitizer must see every block come and go
#else
  static constexpr bool recycles = true;
#endif

  static void* get(std::size_t bytes) noexcept {
    void* const memory = ::operator new(bytes, segment_alignment, std::nothrow);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (memory && recycles) madvise(memory, bytes, MADV_HUGEPAGE);  // a refusal does no harm
#endif
    return memory;
  }
  static void put(void* memory, std::size_t) noexcept { ::operator delete(memory, segment_alignment); }
  [[noreturn]] static void fail(std::size_t, std::size_t) { throw std::bad_alloc(); }

 private:
  static constexpr std::align_val_t segment_alignment{recycles ? page : alignment};
};

/// The pool of host memory.
using block_pool = segment_pool<host_segments>;

/// One pool for the whole program.
inline block_pool& default_block_pool() {
  static block_pool& shared = *new block_pool;  // outlives every buffer, static ones too
  return shared;
}

/// Allocates from the default pool.
template <class T>
struct recycling_allocator {
  using value_type = T;
  recycling_allocator() = default;
  template <class U>
  recycling_allocator(const recycling_allocator<U>&) {}

  T* allocate(std::size_t n) {
    return static_cast<T*>(default_block_pool().take(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t) noexcept { default_block_pool().give(p); }

  friend bool operator==(const recycling_allocator&, const recycling_allocator&) { return true; }
};

}  // namespace lift
