// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/backend/cpu/recycling_allocator.hpp>
// xtensor 0.26 moved its headers into folders.
#if __has_include(<xtensor/containers/xstorage.hpp>)
#include <xtensor/containers/xstorage.hpp>
#else
#include <xtensor/xstorage.hpp>
#endif

namespace lift::detail {

/// Memory from the pool of buffers, not initialised.
template <class T>
using work_buffer = xt::uvector<T, recycling_allocator<T>>;

/// The first n elements of this thread's work space number I, not initialised.
template <class T, int I>
T* work_space(std::size_t n) {
  thread_local work_buffer<T> space;
  if (space.size() < n) space.resize(n);
  return space.data();
}

}  // namespace lift::detail
