// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

namespace lift {

/// A backend that copies in beside its other work, through objects of its type `upload`:
/// - stage<T>(n): host memory for n elements, to be filled;
/// - mark(): what is asked of the backend from now on may go on while a copy is made, what was asked
///   before is done first;
/// - send(to): copies what was staged; work that is asked for later finds it there.
template <class B>
concept uploading_backend = requires(typename B::upload& upload, float* to) {
  { upload.template stage<float>(std::size_t{1}) } -> std::same_as<std::span<float>>;
  upload.mark();
  upload.send(to);
};

namespace detail {
struct no_upload {};
template <class Backend>
struct upload_of {
  using type = no_upload;
};
template <uploading_backend Backend>
struct upload_of<Backend> {
  using type = typename Backend::upload;
};
}  // namespace detail

}  // namespace lift
