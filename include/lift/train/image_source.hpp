// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <lift/nn/condition.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

/// Training images: how many there are, and a batch of those with the given numbers, clean fine
/// images (B, C, S, S) in [−1, 1].
template <class S, class Tensor>
concept image_source = requires(const S& source, std::span<const std::size_t> indices) {
  { source.size() } -> std::convertible_to<std::size_t>;
  { source(indices) } -> std::convertible_to<Tensor>;
};

/// True of an image source; of anything else it does not compile, and says what is wanted.
template <class S, class Tensor>
constexpr bool is_image_source() {
  constexpr bool holds = image_source<S, Tensor>;
  static_assert(holds,
                "an image source is to have const members size() and operator()(std::span<const "
                "std::size_t>) -> Tensor");
  return holds;
}

/// A source whose images are in host memory or files: read(indices, to) writes them one after the
/// other, image_shape() is that of one, (C, S, S). A trainer has it read the next batch while the
/// backend works, where the backend can copy it in beside.
template <class S, class Tensor>
concept host_image_source =
    image_source<S, Tensor> && requires(const S& source, std::span<const std::size_t> indices,
                                        std::span<typename Tensor::value_type> to) {
      source.read(indices, to);
      { source.image_shape() } -> std::convertible_to<shape>;
    };

/// A source that reads files ahead: expect(indices) are those of the next batch, told while the
/// backend works on one.
template <class S, class Tensor>
concept expecting_image_source =
    image_source<S, Tensor> && requires(const S& source, std::span<const std::size_t> indices) {
      source.expect(indices);
    };

/// A source whose images may all be in the backend's memory: resident() says whether they are. Then a
/// trainer does not have it read ahead.
template <class S, class Tensor>
concept resident_image_source = image_source<S, Tensor> && requires(const S& source) {
  { source.resident() } -> std::convertible_to<bool>;
};

/// A source that knows the classes of its images: labels(indices) are those of a batch, one each,
/// or none where a network is not told.
template <class S, class Tensor>
concept labelled_image_source =
    image_source<S, Tensor> && requires(const S& source, std::span<const std::size_t> indices) {
      { source.labels(indices) } -> std::convertible_to<class_labels>;
    };

/// Images that are all in one tensor (N, C, S, S).
template <class Tensor>
struct tensor_images {
  Tensor images;

  std::size_t size() const { return images.shape()[0]; }

  Tensor operator()(std::span<const std::size_t> indices) const {
    shape s = images.shape();
    const std::size_t width = s.product(1, s.rank());
    s[0] = indices.size();
    Tensor batch(s);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      require(indices[i] < size(), "number of an image", indices[i], text("below ", size()));
      Tensor::backend_type::copy_rows(std::size_t{1}, width, batch.mutable_data() + i * width,
                                      width, images.data() + indices[i] * width, width);
    }
    return batch;
  }
};

template <class Tensor>
tensor_images(Tensor) -> tensor_images<Tensor>;

}  // namespace lift
