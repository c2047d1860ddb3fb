// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <lift/core/config.hpp>

namespace lift {

/// N neighbouring elements that are moved at once, N a power of two; of 16 bytes or more, so many
/// bytes lie at a multiple of 16, as a device's widest accesses want them.
template <class T, std::size_t N>
struct [[gnu::may_alias]] alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) packet {
  T of[N];
};

/// Whether packets of N may be read and written from p on, where `rows` are so many elements apart.
template <std::size_t N, class T, class... Pitch>
bool takes_packets(const T* p, const Pitch&... rows) {
  return reinterpret_cast<std::uintptr_t>(p) % alignof(packet<T, N>) == 0 &&
         ((static_cast<std::size_t>(rows) % N == 0) && ...);
}
/// The packets that an array is.
template <std::size_t N, class T>
LIFT_HD packet<T, N>* packets(T* p) {
  return reinterpret_cast<packet<T, N>*>(p);
}
template <std::size_t N, class T>
LIFT_HD const packet<T, N>* packets(const T* p) {
  return reinterpret_cast<const packet<T, N>*>(p);
}

}  // namespace lift
