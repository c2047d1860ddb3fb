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

  template <class Backend, class T>
  auto operator()(const tensor<Backend, T>& x_fine, const tensor<Backend, T>& x_coarse,
                  const timesteps& t_fine, const timesteps& t_coarse) const {
    return denoise(x_fine, x_coarse, t_fine, t_coarse);
  }

  template <class Backend, class T>
  auto operator()(const dual<Backend, T>& x_fine, const dual<Backend, T>& x_coarse,
                  const timesteps& t_fine, const timesteps& t_coarse) const {
    using Tensor = tensor<Backend, T>;
    const T h = step > 0 ? static_cast<T>(step) : std::cbrt(std::numeric_limits<T>::epsilon());
    const std::size_t batch = x_fine.shape()[0], count = x_fine.tangent.shape()[0] / batch;
    std::vector<Tensor> fine, coarse;
    for (std::size_t k = 0; k < count; ++k) {
      const auto at = [&](T along) {
        const auto moved = [&](const dual<Backend, T>& x) {
          return axpby(1, x.primal, along, x.tangent.rows(k * batch, (k + 1) * batch));
        };
        return denoise(moved(x_fine), moved(x_coarse), t_fine, t_coarse);
      };
      const auto ahead = at(h), behind = at(-h);
      const T scale = T(0.5) / h;
      fine.push_back(axpby<Backend, T>(scale, ahead.fine, -scale, behind.fine));
      coarse.push_back(axpby<Backend, T>(scale, ahead.coarse, -scale, behind.coarse));
    }
    const auto here = denoise(x_fine.primal, x_coarse.primal, t_fine, t_coarse);
    return scales{dual<Backend, T>{here.fine, stacked(std::span<const Tensor>(fine))},
                  dual<Backend, T>{here.coarse, stacked(std::span<const Tensor>(coarse))}};
  }
};

template <class Denoiser>
central_differences(Denoiser) -> central_differences<Denoiser>;
template <class Denoiser>
central_differences(Denoiser, double) -> central_differences<Denoiser>;

}  // namespace lift
