// SPDX-License-Identifier: MIT
#pragma once

#ifdef LIFT_WITH_CUDNN

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <lift/backend/convolution_geometry.hpp>
#include <lift/backend/cuda/cudnn_graph.hpp>

namespace lift::detail {

/// What is computed of the image, the weight and the result of a convolution, each from the others,
/// and what is added to a result before it is rounded.
enum class convolution_task { result, result_and_bias, result_images_and_bias, image, weight };

/// The names of the arrays of a convolution.
struct cudnn_names {
  static constexpr std::int64_t image = 1, weight = 2, result = 3, bias = 4, images = 5;
};

/// What cuDNN calls a convolution of one of its three kinds, and what it is of.
struct convolution_attributes {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t alpha, beta, convolution, image, weight, result;
};

inline const convolution_attributes& attributes_of(convolution_task task) {
  static constexpr convolution_attributes of_result{
      CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
  static constexpr convolution_attributes of_image{
      CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
  static constexpr convolution_attributes of_weight{
      CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
  if (task == convolution_task::image) return of_image;
  return task == convolution_task::weight ? of_weight : of_result;
}

/// Descriptors of cuDNN's for a convolution of numbers stored as T.
template <class T>
class convolution_nodes {
 public:
  explicit convolution_nodes(const convolution_geometry& g) : g_(g) {}

  cudnn_node image(std::int64_t name) const {
    return tensor(name, g_.batch, g_.channels, g_.height, g_.width, g_.layout);
  }
  cudnn_node weight(std::int64_t name) const {
    return tensor(name, g_.out_channels, g_.channels, g_.kernel.height, g_.kernel.width,
                  g_.weight_layout);
  }
  cudnn_node result(std::int64_t name) const {
    return tensor(name, g_.batch, g_.out_channels, g_.out_height, g_.out_width, g_.layout);
  }
  cudnn_node bias(std::int64_t name) const {
    return tensor(name, 1, g_.out_channels, 1, 1, g_.layout);
  }
  /// A sum that is not stored.
  cudnn_node sum(std::int64_t name) const {
    cudnn_node made = result(name);
    made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, sums).set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
    return made;
  }

  cudnn_node convolution() const {
    const std::array one{std::int64_t{1}, std::int64_t{1}};
    cudnn_node made(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    made.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, sums)
        .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
        .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
        .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, one)
        .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, both(g_.stride))
        .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, both(g_.padding))
        .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, both(g_.padding));
    return made;
  }
  static cudnn_node addition() {
    cudnn_node made(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    made.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_ADD)
        .set(CUDNN_ATTR_POINTWISE_MATH_PREC, sums);
    return made;
  }

 private:
  static constexpr cudnnDataType_t sums = cudnn_type<accumulator_t<T>>;

  static std::array<std::int64_t, 2> both(const extent2d& e) {
    return {static_cast<std::int64_t>(e.height), static_cast<std::int64_t>(e.width)};
  }
  static cudnn_node tensor(std::int64_t name, std::size_t batch, std::size_t channels,
                           std::size_t height, std::size_t width, memory_layout layout) {
    const auto i = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    const std::array sizes{i(batch), i(channels), i(height), i(width)};
    const auto [b, c, h, w] = sizes;
    const std::array strides = layout == memory_layout::channels_last
                                   ? std::array{c * h * w, std::int64_t{1}, w * c, c}
                                   : std::array{c * h * w, h * w, w, std::int64_t{1}};
    cudnn_node made(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    made.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, name)
        .set(CUDNN_ATTR_TENSOR_DATA_TYPE, cudnn_type<T>)
        .set(CUDNN_ATTR_TENSOR_DIMENSIONS, sizes)
        .set(CUDNN_ATTR_TENSOR_STRIDES, strides)
        .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, cudnn_alignment);
    return made;
  }

  const convolution_geometry& g_;
};

/// The graph of a task of a convolution with numbers stored as T; null where cuDNN has none. Its
/// arrays are named by cudnn_names. Sums are float, of double double.
template <class T>
std::unique_ptr<cudnn_graph> convolution_graph(const cudnn_target& target,
                                               const convolution_geometry& g,
                                               convolution_task task) {
  using names = cudnn_names;
  constexpr std::int64_t product = 6, partial = 7;  // of arrays that are not stored
  constexpr accumulator_t<T> one = 1, zero = 0;
  const convolution_nodes<T> nodes(g);
  auto graph = std::make_unique<cudnn_graph>(target);
  const bool adds_images = task == convolution_task::result_images_and_bias;
  const bool adds_bias = adds_images || task == convolution_task::result_and_bias;

  const cudnn_node& how = graph->add(nodes.convolution());
  const cudnn_node& image = graph->add(nodes.image(names::image));
  const cudnn_node& weight = graph->add(nodes.weight(names::weight));
  const cudnn_node& result = graph->add(nodes.result(names::result));
  const cudnn_node& convolved = adds_bias ? graph->add(nodes.sum(product)) : result;
  const convolution_attributes& of = attributes_of(task);
  cudnn_node operation(of.operation);
  operation.set(of.alpha, one)
      .set(of.beta, zero)
      .set(of.convolution, how)
      .set(of.image, image)
      .set(of.weight, weight)
      .set(of.result, convolved);
  graph->add_operation(std::move(operation));

  const auto add = [&](const cudnn_node& x, const cudnn_node& addend, const cudnn_node& sum) {
    cudnn_node addition(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    addition.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, graph->add(nodes.addition()))
        .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, addend)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, sum);
    graph->add_operation(std::move(addition));
  };
  // In this order cuDNN has engines that are compiled already.
  const cudnn_node& with_images = adds_images ? graph->add(nodes.sum(partial)) : convolved;
  if (adds_images) add(convolved, graph->add(nodes.result(names::images)), with_images);
  if (adds_bias) add(with_images, graph->add(nodes.bias(names::bias)), result);
  if (!graph->finishes()) return nullptr;
  return graph;
}

}  // namespace lift::detail

#endif
