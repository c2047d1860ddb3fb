// SPDX-License-Identifier: MIT
#pragma once

// Convolutions by cuDNN, where the build found it.
#ifdef LIFT_WITH_CUDNN

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/cuda/cudnn_convolution_graph.hpp>
#include <lift/backend/cuda/cudnn_operation.hpp>

namespace lift::detail {

/// Zeros in device memory, which stay there: records of work may use them.
inline const void* device_zeros(std::size_t bytes) {
  struct zeros {
    std::mutex mutex;
    std::vector<std::unique_ptr<pool_block<device_memory>>> blocks;  // each larger than the last
    std::size_t bytes = 0;
  };
  static zeros& all = *new zeros;
  const std::lock_guard lock(all.mutex);
  if (bytes > all.bytes) {
    const execution_context& main = cuda_device::get().main();
    const std::vector<char> host(std::max(bytes, std::size_t{1} << 16));
    all.blocks.push_back(std::make_unique<pool_block<device_memory>>(main.memory, host.size()));
    cuda_device::copy(all.blocks.back()->data(), host.data(), host.size(), cudaMemcpyHostToDevice,
                      main.stream);
    cuda_device::synchronise(main.stream);
    all.bytes = host.size();
  }
  return all.blocks.back()->data();
}

/// The convolutions of one geometry with numbers stored as T, the layout of images and weights the
/// same.
template <class T>
class cudnn_convolution {
 public:
  /// That of a geometry for this thread, made once; null where cuDNN does not do all of it, or not
  /// without tensor cores, which round factors of float, where they are not wanted.
  static cudnn_convolution* of(const convolution_geometry& g, bool tensor_cores) {
    using key = std::array<std::size_t, 15>;
    cudnn();  // the handle outlives the plans
    thread_local std::map<key, std::unique_ptr<cudnn_convolution>> known;
    auto& mine = known[key{g.batch, g.channels, g.height, g.width, g.out_channels, g.out_height,
                           g.out_width, g.kernel.height, g.kernel.width, g.stride.height,
                           g.stride.width, g.padding.height, g.padding.width,
                           static_cast<std::size_t>(g.layout), tensor_cores}];
    if (!mine) mine.reset(new cudnn_convolution(g, tensor_cores));
    return mine->complete() ? mine.get() : nullptr;
  }

  /// What is left of the epilogue to be added.
  convolution_epilogue<T> forward(const T* image, const T* weight,
                                  convolution_epilogue<T> epilogue, T* result) {
    using names = cudnn_names;
    std::vector<cudnn_array> arrays{
        {names::image, image}, {names::weight, weight}, {names::result, result}};
    if (epilogue.images) {
      const T* const bias = epilogue.bias
                                ? epilogue.bias
                                : static_cast<const T*>(device_zeros(g_.out_channels * sizeof(T)));
      auto with_both = arrays;
      with_both.insert(with_both.end(), {{names::images, epilogue.images}, {names::bias, bias}});
      if (runs(convolution_task::result_images_and_bias, with_both)) {
        epilogue.images = epilogue.bias = nullptr;
        return epilogue;
      }
    }
    if (epilogue.bias) {
      auto with_bias = arrays;
      with_bias.push_back({names::bias, epilogue.bias});
      if (runs(convolution_task::result_and_bias, with_bias)) {
        epilogue.bias = nullptr;
        return epilogue;
      }
    }
    run(convolution_task::result, arrays);
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
  cudnn_convolution(const convolution_geometry& g, bool tensor_cores)
      : g_(g), tensor_cores_(tensor_cores) {}

  bool complete() {
    using enum convolution_task;
    return operation(result).has_plans() && operation(image).has_plans() &&
           operation(weight).has_plans();
  }

  cudnn_operation& operation(convolution_task task) {
    auto& made = operations_[static_cast<std::size_t>(task)];
    if (!made)
      made = std::make_unique<cudnn_operation>(convolution_graph<T>(target_, g_, task),
                                               name_of(task), tensor_cores_);
    return *made;
  }
  bool runs(convolution_task task, const std::vector<cudnn_array>& arrays) {
    return operation(task).runs(arrays, cudnn_choices::get());
  }
  void run(convolution_task task, const std::vector<cudnn_array>& arrays) {
    if (!runs(task, arrays)) throw error(text("no engine of cuDNN's could run ", name_of(task)));
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
                stored, last ? " channels last" : "", tensor_cores_ ? "" : " exact");
  }

  convolution_geometry g_;
  bool tensor_cores_;
  cudnn_target target_{cudnn()};
  std::array<std::unique_ptr<cudnn_operation>, 5> operations_;
};

}  // namespace lift::detail

#endif
