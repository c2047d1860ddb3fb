// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <lift/model/denoiser.hpp>

namespace lift {

/// Gives any denoiser Jacobian-vector products: J u ≈ (y(x + h·u) − y(x − h·u))/2h, two
/// evaluations for each tangent. Made for tangents whose elements are of size one. Wrap a generic
/// denoiser in it whose body works on tensors alone.
template <class Denoiser>
struct central_differences {
  Denoiser denoise;
  /// h; 0 means the cube root of the tensors' rounding error: 5e-3 for float, 6e-6 for double.
  double step = 0;

  template <class Backend, class T, std::size_t N>
  scales<tensor<Backend, T>, N> operator()(const scales<tensor<Backend, T>, N>& x,
                                           const scales<timesteps, N>& t) const {
    return denoise(x, t);
  }

  template <class Backend, class T, std::size_t N>
  scales<dual<Backend, T>, N> operator()(const scales<dual<Backend, T>, N>& x,
                                         const scales<timesteps, N>& t) const {
    using Tensor = tensor<Backend, T>;
    using Images = scales<Tensor, N>;
    const T h = step > 0 ? static_cast<T>(step) : std::cbrt(std::numeric_limits<T>::epsilon());
    const std::size_t batch = x[0].shape()[0], count = x[0].tangent.shape()[0] / batch;
    scales<std::vector<Tensor>, N> products;
    for (std::size_t k = 0; k < count; ++k) {
      const auto at = [&](T along) -> Images {
        return denoise(make_scales<N>([&](std::size_t scale) {
                         return axpby(1, x[scale].primal, along,
                                      x[scale].tangent.rows(k * batch, (k + 1) * batch));
                       }),
                       t);
      };
      const Images ahead = at(h), behind = at(-h);
      const T slope = T(0.5) / h;
      for (std::size_t scale = 0; scale < N; ++scale)
        products[scale].push_back(axpby(slope, ahead[scale], -slope, behind[scale]));
    }
    const Images here =
        denoise(make_scales<N>([&](std::size_t scale) { return x[scale].primal; }), t);
    return make_scales<N>([&](std::size_t scale) {
      return dual<Backend, T>{here[scale], stacked(std::span<const Tensor>(products[scale]))};
    });
  }
};

template <class Denoiser>
central_differences(Denoiser) -> central_differences<Denoiser>;
template <class Denoiser>
central_differences(Denoiser, double) -> central_differences<Denoiser>;

}  // namespace lift
