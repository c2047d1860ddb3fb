// SPDX-License-Identifier: MIT
#pragma once

// Convolutions by cuDNN, where the build found it.
#ifdef LIFT_WITH_CUDNN

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/cuda/cudnn_convolution_graph.hpp>
#include <lift/backend/cuda/cudnn_operation.hpp>

namespace lift::detail {

/// The convolutions of one geometry with numbers stored as T, the layout of images and weights the
/// same.
template <class T>
class cudnn_convolution {
 public:
  /// That of a geometry for this thread, made once; null where cuDNN does not do all of it. Factors
  /// are rounded to what tensor cores take only where they may be.
  static cudnn_convolution* of(const convolution_geometry& g, bool may_round) {
    using key = std::array<std::size_t, 15>;
    thread_local std::map<key, std::unique_ptr<cudnn_convolution>> known;
    auto& mine = known[key{g.batch, g.channels, g.height, g.width, g.out_channels, g.out_height,
                           g.out_width, g.kernel.height, g.kernel.width, g.stride.height,
                           g.stride.width, g.padding.height, g.padding.width,
                           static_cast<std::size_t>(g.layout), may_round}];
    if (!mine) mine.reset(new cudnn_convolution(g, may_round));
    return mine->complete() ? mine.get() : nullptr;
  }

  /// What is left of the epilogue to be added.
  convolution_epilogue<T> forward(const T* image, const T* weight,
                                  convolution_epilogue<T> epilogue, T* result) {
    using names = cudnn_names;
    std::vector<cudnn_array> arrays{
        {names::image, image}, {names::weight, weight}, {names::result, result}};
    if (epilogue.images && operation(convolution_task::result_images_and_bias).has_plans()) {
      arrays.push_back({names::images, epilogue.images});
      arrays.push_back({names::bias, epilogue.bias ? epilogue.bias : zeros()});
      run(convolution_task::result_images_and_bias, arrays);
      epilogue.images = epilogue.bias = nullptr;
    } else if (epilogue.bias && operation(convolution_task::result_and_bias).has_plans()) {
      arrays.push_back({names::bias, epilogue.bias});
      run(convolution_task::result_and_bias, arrays);
      epilogue.bias = nullptr;
    } else {
      run(convolution_task::result, arrays);
    }
    return epilogue;
  }
  void backward_image(const T* result, const T* weight, T* image) {
    using names = cudnn_names;
    run(convolution_task::image,
        {{names::image, image}, {names::weight, weight}, {names::result, result}});
  }
  void backward_weight(const T* image, const T* result, T* weight) {
    using names = cudnn_names;
    run(convolution_task::weight,
        {{names::image, image}, {names::weight, weight}, {names::result, result}});
  }

 private:
  cudnn_convolution(const convolution_geometry& g, bool may_round)
      : g_(g), may_round_(may_round) {}

  bool complete() {
    using enum convolution_task;
    return operation(result).has_plans() && operation(image).has_plans() &&
           operation(weight).has_plans();
  }

  cudnn_operation& operation(convolution_task task) {
    auto& made = operations_[static_cast<std::size_t>(task)];
    if (!made)
      made = std::make_unique<cudnn_operation>(convolution_graph<T>(target_, g_, task),
                                               name_of(task), may_round_);
    return *made;
  }
  void run(convolution_task task, const std::vector<cudnn_array>& arrays) {
    operation(task).run(arrays, cudnn_choices::get());
  }

  /// "result+bias 8x64x32x32 to 128x32x32 by 3x3 stride 1x1 padding 1x1 bfloat16 channels last".
  std::string name_of(convolution_task task) const {
    constexpr const char* tasks[] = {"result", "result+bias", "result+images+bias", "image",
                                     "weight"};
    constexpr const char* stored = sizeof(T) == 8   ? "float64"
                                   : sizeof(T) == 4 ? "float32"
                                                    : "bfloat16";
    const bool last = g_.layout == memory_layout::channels_last;
    return text(tasks[static_cast<std::size_t>(task)], ' ', g_.batch, 'x', g_.channels, 'x',
                g_.height, 'x', g_.width, " to ", g_.out_channels, 'x', g_.out_height, 'x',
                g_.out_width, " by ", g_.kernel, " stride ", g_.stride, " padding ", g_.padding, ' ',
                stored, last ? " channels last" : "", may_round_ ? "" : " exact");
  }

  /// A bias of zeros.
  const T* zeros() {
    if (!zeros_) {
      const device_memory& memory = cuda_device::get().main().memory;
      zeros_ = std::make_unique<pool_block<device_memory>>(memory, g_.out_channels * sizeof(T));
      const std::vector<char> bytes(g_.out_channels * sizeof(T));
      const cudaStream_t stream = cuda_device::get().main().stream;
      cuda_device::copy(zeros_->data(), bytes.data(), bytes.size(), cudaMemcpyHostToDevice, stream);
      cuda_device::synchronise(stream);
    }
    return static_cast<const T*>(zeros_->data());
  }

  convolution_geometry g_;
  bool may_round_;
  cudnn_target target_{cudnn()};
  std::array<std::unique_ptr<cudnn_operation>, 5> operations_;
  std::unique_ptr<pool_block<device_memory>> zeros_;
};

}  // namespace lift::detail

#endif
