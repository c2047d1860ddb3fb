// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <lift/metric/feature_network.hpp>
#include <lift/nn/feature_layers.hpp>
#include <lift/op/average_pool2d.hpp>

namespace lift {

/// The Inception-v3 network (Szegedy et al. 2015) whose features are those of the FID: TensorFlow's
/// of 2015-12-05 with its quirks (averages leave padding out, the last block takes maxima), tensors
/// named as by torchvision and pytorch-fid; the batch normalisations are folded into the
/// convolutions, whose ε is 1e-3. x (B, 3, H, W) → the activations after the first and the second
/// maximum pool, before the auxiliary classifier and before the last pool, of 64, 192, 768 and 2048
/// channels; features are their means over pixels.
struct inception {
  static constexpr const char* name = "inception";
  static constexpr std::size_t least_size = 75;
  static constexpr input_preparation preparation = {.size = 299};
  static constexpr double batch_norm_epsilon = 1e-3;

  template <class Scope, value X>
  std::vector<X> operator()(const Scope& p, X x) const {
    std::vector<X> stages;
    x = unit(p / "Conv2d_1a_3x3", x, 32, 3, 2);
    x = unit(p / "Conv2d_2a_3x3", x, 32, 3);
    x = halved(unit(p / "Conv2d_2b_3x3", x, 64, 3, 1, 1));
    stages.push_back(x);
    x = unit(p / "Conv2d_3b_1x1", x, 80, 1);
    x = halved(unit(p / "Conv2d_4a_3x3", x, 192, 3));
    stages.push_back(x);
    x = mixed_5(p / "Mixed_5b", x, 32);
    x = mixed_5(p / "Mixed_5c", x, 64);
    x = mixed_5(p / "Mixed_5d", x, 64);
    x = mixed_6a(p / "Mixed_6a", x);
    x = mixed_6(p / "Mixed_6b", x, 128);
    x = mixed_6(p / "Mixed_6c", x, 160);
    x = mixed_6(p / "Mixed_6d", x, 160);
    x = mixed_6(p / "Mixed_6e", x, 192);
    stages.push_back(x);
    x = mixed_7a(p / "Mixed_7a", x);
    x = mixed_7(p / "Mixed_7b", x, averaged(x));
    x = mixed_7(p / "Mixed_7c", x, nn::max_pool2d(x, around));
    stages.push_back(x);
    return stages;
  }

 private:
  static constexpr op::pooling_windows around{.kernel = 3, .stride = 1, .padding = 1};
  static constexpr extent2d row{1, 7}, column{7, 1}, beside_row{0, 3}, beside_column{3, 0};

  /// A convolution, its normalisation and max(·, 0).
  template <class Scope, class X>
  static X unit(const Scope& p, const X& x, std::size_t out, extent2d kernel, extent2d stride = 1,
                extent2d padding = 0) {
    return nn::conv2d_relu(p, x, out, kernel, stride, padding);
  }
  template <class X>
  static X halved(const X& x) { return nn::max_pool2d(x, {.kernel = 3, .stride = 2}); }
  template <class X>
  static X averaged(const X& x) { return apply(op::average_pool2d(around, false), x); }
  /// What is left of a 1×1 unit of averages, which are those of its convolution: of fewer channels.
  template <class X>
  static X averaged_unit(const X& convolved) { return nn::relu(averaged(convolved)); }

  template <class Scope, class X>
  static X mixed_5(const Scope& p, const X& x, std::size_t pooled) {
    const auto [one, five, three, beside] = nn::branches(
        p, x, {{"branch1x1", 64}, {"branch5x5_1", 48}, {"branch3x3dbl_1", 64},
            {"branch_pool", pooled, false}});
    const X twice = unit(p / "branch3x3dbl_2", three, 96, 3, 1, 1);
    return nn::concat(one, unit(p / "branch5x5_2", five, 64, 5, 1, 2),
                      unit(p / "branch3x3dbl_3", twice, 96, 3, 1, 1), averaged_unit(beside));
  }
  template <class Scope, class X>
  static X mixed_6a(const Scope& p, const X& x) {
    const X three = unit(p / "branch3x3dbl_2", unit(p / "branch3x3dbl_1", x, 64, 1), 96, 3, 1, 1);
    return nn::concat(unit(p / "branch3x3", x, 384, 3, 2), unit(p / "branch3x3dbl_3", three, 96, 3, 2),
                      halved(x));
  }
  template <class Scope, class X>
  static X mixed_6(const Scope& p, const X& x, std::size_t inner) {
    auto [one, once, twice, beside] = nn::branches(
        p, x, {{"branch1x1", 192}, {"branch7x7_1", inner}, {"branch7x7dbl_1", inner},
            {"branch_pool", 192, false}});
    once = unit(p / "branch7x7_2", once, inner, row, 1, beside_row);
    once = unit(p / "branch7x7_3", once, 192, column, 1, beside_column);
    twice = unit(p / "branch7x7dbl_2", twice, inner, column, 1, beside_column);
    twice = unit(p / "branch7x7dbl_3", twice, inner, row, 1, beside_row);
    twice = unit(p / "branch7x7dbl_4", twice, inner, column, 1, beside_column);
    twice = unit(p / "branch7x7dbl_5", twice, 192, row, 1, beside_row);
    return nn::concat(one, once, twice, averaged_unit(beside));
  }
  template <class Scope, class X>
  static X mixed_7a(const Scope& p, const X& x) {
    auto [three, seven] =
        nn::branches(p, x, {{"branch3x3_1", 192}, {"branch7x7x3_1", 192}});
    three = unit(p / "branch3x3_2", three, 320, 3, 2);
    seven = unit(p / "branch7x7x3_2", seven, 192, row, 1, beside_row);
    seven = unit(p / "branch7x7x3_3", seven, 192, column, 1, beside_column);
    return nn::concat(three, unit(p / "branch7x7x3_4", seven, 192, 3, 2), halved(x));
  }
  template <class Scope, class X>
  static X mixed_7(const Scope& p, const X& x, const X& pooled) {
    // a row and a column of three pixels beside one another
    const auto cross = [&p](const char* wide, const char* high, const X& from) {
      return nn::concat(unit(p / wide, from, 384, {1, 3}, 1, {0, 1}),
                        unit(p / high, from, 384, {3, 1}, 1, {1, 0}));
    };
    const auto [one, once, twice] = nn::branches(
        p, x, {{"branch1x1", 320}, {"branch3x3_1", 384}, {"branch3x3dbl_1", 448}});
    return nn::concat(one,
                      cross("branch3x3_2a", "branch3x3_2b", once),
                      cross("branch3x3dbl_3a", "branch3x3dbl_3b",
                            unit(p / "branch3x3dbl_2", twice, 384, 3, 1, 1)),
                      unit(p / "branch_pool", pooled, 192, 1));
  }
};
static_assert(is_feature_network<inception>());

}  // namespace lift
