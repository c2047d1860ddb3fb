// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lift/tensor/tensor.hpp>

namespace lift {

/// A backend that rearranges the images of many tensors at once.
template <class B, class To, class From>
concept rearranging_backend =
    requires(std::span<const kernel::rearranged_images<To, From>> all) { B::rearrange_all(all); };

/// What stored_as<To>(layout) gives of each tensor, in one loop where the backend has it; then each is
/// a copy.
template <class To, class Backend, class T>
std::vector<tensor<Backend, To>> all_stored_as(const std::vector<tensor<Backend, T>>& tensors,
                                               memory_layout layout) {
  std::vector<tensor<Backend, To>> stored;
  if constexpr (rearranging_backend<Backend, To, T>) {
    std::vector<kernel::rearranged_images<To, T>> all;
    for (const tensor<Backend, T>& from : tensors) {
      if (from.empty()) {
        stored.emplace_back();
        continue;
      }
      const bool images = from.shape().rank() >= 3;
      stored.emplace_back(from.shape(), images ? layout : from.layout());
      all.push_back({from.rearranged(stored.back()), images ? from.shape()[0] : 1});
    }
    Backend::rearrange_all(std::span<const kernel::rearranged_images<To, T>>(all));
  } else {
    for (const tensor<Backend, T>& from : tensors)
      stored.push_back(from.template stored_as<To>(layout));
  }
  return stored;
}

}  // namespace lift
