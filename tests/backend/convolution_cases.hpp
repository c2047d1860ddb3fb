// SPDX-License-Identifier: MIT
#pragma once

// Convolutions and attention of many sizes, and what backends make of them.

#include <ostream>
#include <vector>

#include <lift/op/attention.hpp>

#include "op/check_op.hpp"
#include "tensors.hpp"

namespace lift::test {

/// Convolutions, among them the shapes of the full-size network and what lies at
/// the edges of the kernels.
struct convolution_case {
  std::size_t batch, in, height, width, out;
  extent2d kernel, stride, padding;

  convolution_geometry geometry() const {
    const auto outputs = [](std::size_t size, std::size_t k, std::size_t s, std::size_t p) {
      return (size + 2 * p - k) / s + 1;
    };
    return {batch,
            in,
            height,
            width,
            out,
            outputs(height, kernel.height, stride.height, padding.height),
            outputs(width, kernel.width, stride.width, padding.width),
            kernel,
            stride,
            padding};
  }
  friend std::ostream& operator<<(std::ostream& to, const convolution_case& c) {
    return to << c.batch << "x" << c.in << "x" << c.height << "x" << c.width << " to " << c.out
              << ", kernel " << c.kernel << ", stride " << c.stride << ", padding " << c.padding;
  }
};

inline const std::vector<convolution_case> all_convolutions = {
    {2, 64, 64, 64, 64, 3, 1, 1},
    {1, 192, 64, 64, 64, 3, 1, 1},
    {2, 128, 32, 32, 128, 3, 1, 1},
    {2, 384, 16, 16, 128, 3, 1, 1},
    {8, 256, 16, 16, 256, 3, 1, 1},
    {8, 512, 8, 8, 512, 3, 1, 1},
    {2, 1024, 8, 8, 512, 3, 1, 1},
    {8, 512, 4, 4, 512, 3, 1, 1},
    {1, 512, 4, 4, 512, 3, 1, 1},
    {2, 6, 64, 64, 64, 3, 1, 1},
    {2, 64, 64, 64, 6, 3, 1, 1},
    {2, 128, 32, 32, 384, 1, 1, 0},
    {2, 192, 16, 16, 64, 1, 1, 0},
    {2, 64, 64, 64, 64, 4, 2, 1},
    {3, 512, 8, 8, 512, 4, 2, 1},
    {2, 256, 32, 32, 256, 4, 2, 1},
    {8, 256, 16, 16, 256, 4, 2, 1},
    {1, 128, 64, 64, 128, 4, 2, 1},
    // sizes that no tile, vector or panel divides, every padding, one row, one column, tiny images
    {2, 17, 13, 15, 19, 3, 1, 0},
    {3, 16, 7, 6, 40, 3, 1, 2},
    {9, 33, 5, 9, 65, 3, 1, 1},
    {40, 16, 2, 2, 16, 3, 1, 1},
    {40, 24, 1, 3, 16, 3, 1, 1},
    {1, 16, 3, 40, 16, 3, 1, 0},
    {1, 16, 40, 3, 16, 3, 1, 1},
    {1, 70, 33, 7, 5, 3, 1, 1},
    {3, 20, 9, 11, 33, 5, 2, 2},
    {8, 20, 22, 26, 37, 4, 2, 1},
    {40, 17, 6, 4, 33, 4, 2, 1},
    {8, 24, 9, 22, 37, 4, 2, 1},
    {8, 40, 8, 8, 33, 4, 2, 1},
    {2, 200, 16, 16, 170, 3, 1, 1},
    {2, 150, 32, 32, 140, 4, 2, 1},
    {7, 5, 6, 6, 3, 1, 1, 0},
    {2, 9, 8, 8, 31, 2, 2, 0},
    // unlike axes: one row or column, a stride or padding of one axis, images far from square
    {2, 17, 13, 20, 19, {1, 7}, 1, {0, 3}},
    {2, 33, 20, 13, 40, {7, 1}, 1, {3, 0}},
    {8, 20, 6, 9, 17, {1, 7}, 1, {0, 3}},
    {2, 64, 8, 64, 64, {1, 7}, {1, 2}, {0, 3}},
    {3, 20, 11, 18, 33, {3, 5}, {2, 1}, {1, 2}},
    {3, 16, 14, 9, 24, {4, 3}, {1, 2}, {0, 1}},
    {2, 18, 17, 30, 20, 3, 1, {0, 1}},
    {2, 18, 17, 30, 20, 3, 1, {2, 0}},
    {2, 20, 16, 24, 33, 4, {2, 1}, 1},
    {2, 20, 16, 24, 33, 4, 2, {1, 0}},
    {3, 24, 12, 9, 16, 1, {1, 2}, 0},
    {2, 12, 4, 6, 9, 3, 1, {4, 1}},
    // kernels of 3, 5 or 7 pixels along an axis, every size of the other and every padding
    {2, 160, 17, 17, 160, {1, 7}, 1, {0, 3}},
    {2, 160, 17, 17, 160, {7, 1}, 1, {3, 0}},
    {2, 48, 35, 35, 64, 5, 1, 2},
    {3, 40, 8, 8, 40, {1, 3}, 1, {0, 1}},
    {3, 40, 8, 8, 40, {3, 1}, 1, {1, 0}},
    {1, 20, 9, 31, 24, {3, 5}, 1, {1, 2}},
    {2, 20, 30, 31, 24, 7, 1, 3},
    {2, 17, 30, 31, 35, {5, 7}, 1, 0},
    {3, 20, 31, 5, 24, {7, 1}, 1, 0},
    {3, 20, 1, 31, 24, {1, 7}, 1, {0, 6}},
    {2, 20, 31, 2, 24, {5, 1}, 1, {4, 0}},
    {1, 16, 20, 24, 16, {2, 5}, 1, {1, 4}},
    {4, 24, 12, 40, 20, 4, 2, 1},
    {2, 64, 16, 64, 64, 3, 1, 1},
    // no padding, and pixels that are no whole number of panels: a run of them is of several images
    {8, 20, 17, 17, 50, 1, 1, 0},
    {9, 18, 23, 27, 49, 3, 2, 0},
    {80, 16, 2, 3, 48, {2, 1}, 1, 0},
    {3, 5, 40, 50, 60, {3, 2}, 3, 0},
    // images whose pixels alternate
    {32, 33, 5, 7, 40, 3, 1, 1},
    {16, 20, 10, 11, 33, 4, 2, 1},
    {16, 5, 2, 33, 7, 3, 1, 1},
    {5, 20, 6, 9, 17, {1, 7}, 1, {0, 3}},
    // more packed images than a core's cache has room for, more kernels than images
    {176, 4096, 1, 1, 192, 1, 1, 0}};

/// All of them, or on an emulated processor those of less than some 200 million products.
inline const std::vector<convolution_case> convolutions = [] {
  auto result = all_convolutions;
#ifdef LIFT_TEST_EMULATED
  std::erase_if(result, [](const convolution_case& c) {
    const convolution_geometry g = c.geometry();
    return c.batch * c.in * c.out * g.out_height * g.out_width * c.kernel.height * c.kernel.width >
           200'000'000;
  });
#endif
  return result;
}();

template <class Tensor>
struct convolution_results {
  Tensor y, y_added, y_rectified, gx, gx_biased, ga;

  /// Of numbers draw(shape, label).
  convolution_results(const convolution_case& c, auto convolve, auto transpose, auto weight,
                      auto draw) {
    auto g = c.geometry();
    const Tensor x = draw(shape{c.batch, c.in, c.height, c.width}, 1);
    const Tensor a = draw(shape{c.out, c.in, c.kernel.height, c.kernel.width}, 2);
    g.layout = x.layout();
    g.weight_layout = a.layout();
    const Tensor w = draw(shape{c.batch, c.out, g.out_height, g.out_width}, 3);
    const Tensor out_bias = draw(shape{c.out}, 4);
    const Tensor in_bias = draw(shape{c.in}, 5);
    const Tensor vectors = draw(shape{c.batch, c.out}, 6);
    const Tensor images = draw(w.shape(), 7);
    const convolution_epilogue<typename Tensor::value_type> epilogue{out_bias.data(),
                                                                     vectors.data(), images.data()};
    const typename Tensor::value_type* const none = nullptr;
    y = w.clone();
    y_added = w.clone();
    y_rectified = w.clone();
    gx = x.clone();
    gx_biased = x.clone();
    ga = a.clone();
    convolve(g, x.data(), a.data(), decltype(epilogue){}, y.mutable_data());
    convolve(g, x.data(), a.data(), epilogue, y_added.mutable_data());
    auto rectified = epilogue;
    rectified.rectify = true;
    convolve(g, x.data(), a.data(), rectified, y_rectified.mutable_data());
    transpose(g, w.data(), a.data(), none, gx.mutable_data());
    transpose(g, w.data(), a.data(), in_bias.data(), gx_biased.mutable_data());
    weight(g, x.data(), w.data(), ga.mutable_data());
  }
};

/// Draws tensors of random numbers.
template <class Tensor>
constexpr auto any_numbers =
    [](const shape& s, std::uint32_t label) { return random_tensor<Tensor>(s, label); };
template <class Backend, class T>
auto results_of(const convolution_case& c, auto draw) {
  return convolution_results<tensor<Backend, T>>(
      c, [](const auto&... x) { Backend::convolve(x...); },
      [](const auto&... x) { Backend::convolve_transpose(x...); },
      [](const auto&... x) { Backend::convolve_weight(x...); }, draw);
}
template <class Backend, class T>
auto results_of(const convolution_case& c) {
  return results_of<Backend, T>(c, any_numbers<tensor<Backend, T>>);
}

template <class A, class B>
void check_close(const A& got, const B& want, double tolerance) {
  const auto compare = [&](const char* what, const auto& a, const auto& b) {
    BOOST_TEST_CONTEXT(what) BOOST_CHECK_LT(relative_l2(a.to_host(), b.to_host()), tolerance);
  };
  compare("result", got.y, want.y);
  compare("result with an epilogue", got.y_added, want.y_added);
  compare("rectified result", got.y_rectified, want.y_rectified);
  compare("image gradient", got.gx, want.gx);
  compare("image gradient with bias", got.gx_biased, want.gx_biased);
  compare("weight gradient", got.ga, want.ga);
}

/// The forward map and both derivatives of attention, with two stacked tangents.
template <class Backend, class T>
std::vector<std::vector<T>> attention_results(const shape& qkv, std::size_t heads) {
  using Tensor = tensor<Backend, T>;
  const op::attention attention(heads);
  const Tensor x = random_tensor<Tensor>(qkv, 1);
  const auto y = attention.forward(x);
  const Tensor d = random_tensor<Tensor>({2 * qkv[0], qkv[1], qkv[2], qkv[3]}, 2);
  const Tensor w = random_tensor<Tensor>(y.value.shape(), 3);
  return {y.value.to_host(), attention.jvp(y.saved, {d}).to_host(),
          attention.vjp(y.saved, w, {true})[0].to_host()};
}

}  // namespace lift::test
