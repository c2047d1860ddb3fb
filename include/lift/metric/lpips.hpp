// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lift/metric/feature_network.hpp>
#include <lift/op/primitive.hpp>

namespace lift::kernel {

/// At one pixel of two activations x and y (B, C, P): Σ_c w_c·(x_c/(|x| + ε) − y_c/(|y| + ε))², |·| over
/// channels.
template <class T>
struct unit_difference {
  const T *x, *y, *weight;
  std::size_t channels, pixels;
  T* to;
  LIFT_HD void operator()(std::size_t i) const {
    using A = accumulator_t<T>;
    using std::sqrt;
    const std::size_t start = i / pixels * channels * pixels + i % pixels;
    A xx(0), yy(0), total(0);
    for (std::size_t c = 0; c < channels; ++c) {
      const A a = x[start + c * pixels], b = y[start + c * pixels];
      xx += a * a;
      yy += b * b;
    }
    // As (x − y·|x|/|y|)/|x|, which is 0 where y is x, also when a product is not rounded before a sum.
    const A epsilon = A(1e-10F), norm = sqrt(xx) + epsilon, ratio = norm / (sqrt(yy) + epsilon);
    for (std::size_t c = 0; c < channels; ++c) {
      const A d = (x[start + c * pixels] - y[start + c * pixels] * ratio) / norm;
      total += weight[c] * d * d;
    }
    to[i] = static_cast<T>(total);
  }
};

}  // namespace lift::kernel

namespace lift {

/// LPIPS, version 0.1 (Zhang et al., *The unreasonable effectiveness of deep features as a perceptual
/// metric*, 2018): the distance of two images is the sum over a network's stages of the mean over
/// pixels of the weighted squared difference of activations that are normalised at each pixel. The
/// weights of stage l are the parameter "lin‹l›.model.1.weight", (1, C, 1, 1).
template <class Network, class Tensor>
  requires(is_feature_network<Network>())
class lpips {
 public:
  /// Throws lift::error where a parameter is not there or has another shape.
  explicit lpips(parameters<Tensor> weights, Network network = {})
      : network_(network), weights_(std::move(weights)) {
    const scope p(weights_);
    parameter_list list;
    const auto stages =
        network_(scope(list), shape{1, 3, Network::least_size, Network::least_size});
    for (const auto& [name, shape, start] : list.entries()) weights_.get(name, shape, start);
    for (std::size_t l = 0; l < stages.size(); ++l) heads_.push_back(head(l, stages[l][1]));
  }

  /// The distances of images k of two batches (B, 3, H, W) in [−1, 1], at their own size. Throws
  /// lift::error where the batches differ in shape or are smaller than the network takes.
  std::vector<double> operator()(const image_batch_view& a, const image_batch_view& b) const {
    require(a.extents() == b.extents(), "images to compare by LPIPS", b.extents(), a.extents());
    constexpr input_preparation as_published = {.mean = {-0.030, -0.088, -0.188},
                                                .deviation = {0.458, 0.448, 0.450}};
    const auto stages = [&](const image_batch_view& images) {
      return network_(scope(weights_),
                      prepared<Tensor>(as_published, images, Network::least_size));
    };
    const auto x = stages(a), y = stages(b);
    std::vector<double> distances(a.count, 0);
    for (std::size_t l = 0; l < x.size(); ++l) {
      const Tensor p = op::channels_first(x[l]), q = op::channels_first(y[l]);
      const shape& s = p.shape();
      Tensor differences({s[0], s[2] * s[3]});
      Tensor::backend_type::for_each(
          differences.size(),
          kernel::unit_difference<typename Tensor::value_type>{p.data(), q.data(), heads_[l].data(), s[1],
                                                               s[2] * s[3], differences.mutable_data()},
          4 * s[1]);
      const auto values = differences.to_host();
      for (std::size_t i = 0; i < values.size(); ++i)
        distances[i / (s[2] * s[3])] += values[i] / static_cast<double>(s[2] * s[3]);
    }
    return distances;
  }

 private:
  Tensor head(std::size_t stage, std::size_t channels) const {
    return weights_.get(text("lin", stage, ".model.1.weight"), {1, channels, 1, 1}, {});
  }

  Network network_;
  parameters<Tensor> weights_;
  std::vector<Tensor> heads_;
};

}  // namespace lift
