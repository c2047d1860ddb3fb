// SPDX-License-Identifier: MIT
#pragma once

// Convolutions by cuDNN, where the build found it.
#ifdef LIFT_WITH_CUDNN

#include <array>
#include <cstddef>
#include <map>
#include <memory>

#include <cudnn.h>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/convolution_geometry.hpp>
#include <lift/backend/cuda/cuda_device.hpp>
#include <lift/tensor/storage.hpp>

namespace lift::detail {

inline void check_cudnn(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS) throw error(text(call, ": ", cudnnGetErrorString(status)));
}

/// cuDNN, for library_handle.
struct cudnn_library {
  using handle = cudnnHandle_t;
  static handle create() {
    handle made = nullptr;
    check_cudnn(cudnnCreate(&made), "cudnnCreate");
    return made;
  }
  static void destroy(handle h) { cudnnDestroy(h); }
  static void work_in(handle h, const execution_context& context) {
    check_cudnn(cudnnSetStream(h, context.stream), "cudnnSetStream");
  }
};
inline cudnnHandle_t cudnn() { return library_handle<cudnn_library>(); }

/// A descriptor of cuDNN's, destroyed with its owner.
template <class Descriptor, cudnnStatus_t (*Create)(Descriptor*),
          cudnnStatus_t (*Destroy)(Descriptor)>
class cudnn_descriptor {
 public:
  cudnn_descriptor() { check_cudnn(Create(&descriptor_), "creation of a cuDNN descriptor"); }
  ~cudnn_descriptor() { Destroy(descriptor_); }
  cudnn_descriptor(const cudnn_descriptor&) = delete;
  cudnn_descriptor& operator=(const cudnn_descriptor&) = delete;
  operator Descriptor() const { return descriptor_; }

 private:
  Descriptor descriptor_ = nullptr;
};

/// Whether an algorithm of cuDNN's adds up products of the numbers themselves, exact where they are
/// small and whole, not of their Winograd or Fourier transforms.
inline bool plain_sums(cudnnConvolutionFwdAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM ||
         algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM ||
         algorithm == CUDNN_CONVOLUTION_FWD_ALGO_GEMM;
}
inline bool plain_sums(cudnnConvolutionBwdDataAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 ||
         algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
}
inline bool plain_sums(cudnnConvolutionBwdFilterAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 ||
         algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 ||
         algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3;
}

/// cuDNN's name for numbers that are stored as T.
template <class T>
extern const cudnnDataType_t cudnn_type;
template <>
inline constexpr cudnnDataType_t cudnn_type<float> = CUDNN_DATA_FLOAT;
template <>
inline constexpr cudnnDataType_t cudnn_type<double> = CUDNN_DATA_DOUBLE;
template <>
inline constexpr cudnnDataType_t cudnn_type<bfloat16> = CUDNN_DATA_BFLOAT16;

/// One convolution's sizes and layout, the weights' that of the images, and for each of its three verbs the algorithm that cuDNN expects to be
/// the fastest of those that are plain sums, give the same bytes every time, need no more than
/// `most_space`, and have been seen to run.
template <class T>
class cudnn_convolution {
 public:
  /// The convolution of these sizes and arithmetic for this thread, made once; null where cuDNN has
  /// no such algorithm.
  static const cudnn_convolution* of(const convolution_geometry& g, cudnnMathType_t math) {
    using key = std::array<std::size_t, 15>;
    thread_local std::map<key, std::unique_ptr<cudnn_convolution>> known;
    auto& plan = known[key{g.batch, g.channels, g.height, g.width, g.out_channels, g.out_height,
                           g.out_width, g.kernel.height, g.kernel.width, g.stride.height,
                           g.stride.width, g.padding.height, g.padding.width,
                           static_cast<std::size_t>(g.layout), static_cast<std::size_t>(math)}];
    if (!plan) plan.reset(new cudnn_convolution(g, math));
    return plan->complete_ ? plan.get() : nullptr;
  }

  void forward(const T* image, const T* weight, T* result) const {
    check_cudnn(run_forward(image, weight, result), "cudnnConvolutionForward");
  }
  convolution_epilogue<T> forward(const T* image, const T* weight,
                                  const convolution_epilogue<T>& epilogue, T* result) const {
    forward(image, weight, result);
    return epilogue;
  }
  void backward_image(const T* result, const T* weight, T* image) const {
    check_cudnn(run_backward_image(result, weight, image), "cudnnConvolutionBackwardData");
  }
  const T* backward_image(const T* result, const T* weight, const T* bias, T* image) const {
    backward_image(result, weight, image);
    return bias;
  }
  void backward_weight(const T* image, const T* result, T* weight) const {
    check_cudnn(run_backward_weight(image, result, weight), "cudnnConvolutionBackwardFilter");
  }

 private:
  static constexpr accumulator_t<T> one = 1, zero = 0;
  static constexpr std::size_t most_space = std::size_t{1} << 30;
  static constexpr int candidates = 16;

  cudnn_convolution(const convolution_geometry& g, cudnnMathType_t math) {
    constexpr cudnnDataType_t type = cudnn_type<T>;
    const cudnnTensorFormat_t format =
        g.layout == memory_layout::channels_last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
    const auto i = [](std::size_t n) { return static_cast<int>(n); };
    check_cudnn(cudnnSetTensor4dDescriptor(image_, format, type, i(g.batch),
                                           i(g.channels), i(g.height), i(g.width)),
                "cudnnSetTensor4dDescriptor");
    check_cudnn(cudnnSetTensor4dDescriptor(result_, format, type, i(g.batch),
                                           i(g.out_channels), i(g.out_height), i(g.out_width)),
                "cudnnSetTensor4dDescriptor");
    check_cudnn(cudnnSetFilter4dDescriptor(weight_, type, format, i(g.out_channels),
                                           i(g.channels), i(g.kernel.height), i(g.kernel.width)),
                "cudnnSetFilter4dDescriptor");
    check_cudnn(cudnnSetConvolution2dDescriptor(convolution_, i(g.padding.height),
                                                i(g.padding.width), i(g.stride.height),
                                                i(g.stride.width), 1, 1,
                                                CUDNN_CROSS_CORRELATION, cudnn_type<accumulator_t<T>>),
                "cudnnSetConvolution2dDescriptor");
    const device_block image(g.batch * g.image_size() * sizeof(T)),
        weight(g.out_channels * g.patch() * sizeof(T)),
        result(g.batch * g.result_size() * sizeof(T));
    const auto numbers_of = [](const device_block& block) { return static_cast<T*>(block.data()); };
    T *const x = numbers_of(image), *const w = numbers_of(weight), *const y = numbers_of(result);
    complete_ =
        find(forward_, math, "cudnnGetConvolutionForwardAlgorithm_v7",
             [&](auto... list) {
               return cudnnGetConvolutionForwardAlgorithm_v7(cudnn(), image_, weight_, convolution_,
                                                             result_, list...);
             },
             [&] { return run_forward(x, w, y); }) &&
        find(image_gradient_, math, "cudnnGetConvolutionBackwardDataAlgorithm_v7",
             [&](auto... list) {
               return cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnn(), weight_, result_,
                                                                  convolution_, image_, list...);
             },
             [&] { return run_backward_image(y, w, x); }) &&
        find(weight_gradient_, math, "cudnnGetConvolutionBackwardFilterAlgorithm_v7",
             [&](auto... list) {
               return cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                   cudnn(), image_, result_, convolution_, weight_, list...);
             },
             [&] { return run_backward_weight(x, y, w); });
  }

  /// Chooses the first that runs of the algorithms that get(most, &count, list) lists, by the time
  /// they are expected to take; false where there is none or cuDNN does not support the sizes.
  template <class Algorithm, class Get, class Run>
  bool find(Algorithm& chosen, cudnnMathType_t math, const char* call, const Get& get,
            const Run& run) {
    set_math(math);
    int count = 0;
    Algorithm by_expected_time[candidates];
    const cudnnStatus_t status = get(candidates, &count, &by_expected_time[0]);
    if (status / 1000 == 2 || status / 1000 == 3) return false;  // bad parameters, not supported
    check_cudnn(status, call);
    for (int i = 0; i < count; ++i) {
      chosen = by_expected_time[i];
      if (chosen.status == CUDNN_STATUS_SUCCESS && chosen.determinism == CUDNN_DETERMINISTIC &&
          chosen.memory <= most_space && plain_sums(chosen.algo) &&
          (math != CUDNN_FMA_MATH || chosen.mathType == math)) {
        if (run() == CUDNN_STATUS_SUCCESS) return true;
        cudaGetLastError();  // or the next call would report it again
      }
    }
    return false;
  }

  cudnnStatus_t run_forward(const T* image, const T* weight, T* result) const {
    const device_block work(forward_.memory);
    set_math(forward_.mathType);
    return cudnnConvolutionForward(cudnn(), &one, image_, image, weight_, weight, convolution_,
                                   forward_.algo, work.data(), forward_.memory, &zero, result_,
                                   result);
  }
  cudnnStatus_t run_backward_image(const T* result, const T* weight, T* image) const {
    const device_block work(image_gradient_.memory);
    set_math(image_gradient_.mathType);
    return cudnnConvolutionBackwardData(cudnn(), &one, weight_, weight, result_, result,
                                        convolution_, image_gradient_.algo, work.data(),
                                        image_gradient_.memory, &zero, image_, image);
  }
  cudnnStatus_t run_backward_weight(const T* image, const T* result, T* weight) const {
    const device_block work(weight_gradient_.memory);
    set_math(weight_gradient_.mathType);
    return cudnnConvolutionBackwardFilter(cudnn(), &one, image_, image, result_, result,
                                          convolution_, weight_gradient_.algo, work.data(),
                                          weight_gradient_.memory, &zero, weight_, weight);
  }

  void set_math(cudnnMathType_t math) const {
    check_cudnn(cudnnSetConvolutionMathType(convolution_, math), "cudnnSetConvolutionMathType");
  }

  using tensor_descriptor =
      cudnn_descriptor<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor,
                       cudnnDestroyTensorDescriptor>;
  tensor_descriptor image_, result_;
  cudnn_descriptor<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor,
                   cudnnDestroyFilterDescriptor> weight_;
  cudnn_descriptor<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor,
                   cudnnDestroyConvolutionDescriptor> convolution_;
  cudnnConvolutionFwdAlgoPerf_t forward_;
  cudnnConvolutionBwdDataAlgoPerf_t image_gradient_;
  cudnnConvolutionBwdFilterAlgoPerf_t weight_gradient_;
  bool complete_ = false;
};

}  // namespace lift::detail

#endif
