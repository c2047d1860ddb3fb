// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/ad/apply.hpp>
#include <lift/core/scales.hpp>
#include <lift/pyramid/pyramid.hpp>

namespace lift {

/// Σ_s H_sᵀ·x_s, the adjoint of a linear pyramid, which makes of an image the scales H_s·image: split's
/// gradient. Throws lift::error unless the shapes of x are those of the scales of an image.
template <class Pyramid, class Backend, class T, std::size_t N>
tensor<Backend, T> transposed_split(const Pyramid& pyramid, const scales<tensor<Backend, T>, N>& x) {
  using image_tensor = tensor<Backend, T>;
  tape<Backend, T> record;
  const shape size = pyramid.join(make_scales<N>([&](std::size_t s) { return x[s].shape(); }));
  const auto image = record.watch(zeros<image_tensor>(size));
  const auto parts = pyramid.template split<N>(image);
  for (std::size_t s = 0; s < N; ++s)
    require(x[s].shape() == parts[s].shape(), text("shape of the ", scale_name(s, N), " scale"), x[s].shape(),
            parts[s].shape());
  for (std::size_t s = 0; s + 1 < N; ++s) record.add_gradient(parts[s].index, x[s]);
  record.backward(parts.coarse(), x.coarse());
  return record.gradient(image);
}

/// That of the values and of the tangents.
template <class Pyramid, class Backend, class T, std::size_t N>
dual<Backend, T> transposed_split(const Pyramid& pyramid, const scales<dual<Backend, T>, N>& x) {
  return {transposed_split(pyramid, make_scales<N>([&](std::size_t s) { return x[s].primal; })),
          transposed_split(pyramid, make_scales<N>([&](std::size_t s) { return x[s].tangent; }))};
}

}  // namespace lift
