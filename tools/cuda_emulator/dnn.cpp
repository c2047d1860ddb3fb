// SPDX-License-Identifier: MIT
// The part of cuDNN's legacy API for convolutions that LIFT uses, on the host by OpenBLAS.
//
// Each list of algorithms begins with one of transformed numbers, which LIFT does not want, and one
// that turns out not to be supported when it is run. The third works.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <cblas.h>
#include <cudnn.h>

#include "runtime.hpp"

namespace {

/// How images or weights are laid out.
struct layout {
  cudnnTensorFormat_t format;
  cudnnDataType_t type;
  int n, c, h, w;

  bool valid() const { return n > 0 && c > 0 && h > 0 && w > 0; }
  std::size_t image_size() const { return static_cast<std::size_t>(c) * h * w; }
  std::size_t size() const { return n * image_size(); }
  std::size_t bytes() const {
    return size() * (type == CUDNN_DATA_DOUBLE ? 8 : type == CUDNN_DATA_FLOAT ? 4 : 2);
  }
};

}  // namespace

struct cudnnContext {
  cudaStream_t stream = nullptr;
};
struct cudnnTensorStruct {
  layout numbers;
};
struct cudnnFilterStruct {
  layout numbers;
};
struct cudnnConvolutionStruct {
  int padding_h, padding_w, stride_h, stride_w;
  cudnnDataType_t sums;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};

namespace {

using namespace emulator;

struct convolution {
  layout image, weight, result;
  cudnnConvolutionStruct how;

  bool tf32() const { return image.type == CUDNN_DATA_FLOAT && how.math != CUDNN_FMA_MATH; }
};

bool fits(int in, int kernel, int padding, int stride, int out) {
  const int room = in + 2 * padding - kernel;
  return room >= 0 && room / stride + 1 == out;
}

/// What cuDNN documents: numbers of one type and order, their sums in float or double.
cudnnStatus_t check(const convolution& c) {
  const auto& [x, w, y, how] = c;
  if (x.c != w.c || y.c != w.n || x.n != y.n ||
      !fits(x.h, w.h, how.padding_h, how.stride_h, y.h) ||
      !fits(x.w, w.w, how.padding_w, how.stride_w, y.w))
    return CUDNN_STATUS_BAD_PARAM;
  const bool alike = x.type == w.type && x.type == y.type && x.format == w.format &&
                     x.format == y.format;
  const bool in_double = x.type == CUDNN_DATA_DOUBLE;
  const bool in_order = x.format == CUDNN_TENSOR_NCHW ||
                        (x.format == CUDNN_TENSOR_NHWC && !in_double);
  const bool summed = how.sums == (in_double ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT);
  return alike && in_order && summed ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

// Numbers in cuDNN's layouts, and all those of a tensor by image, channel, row and column.

template <class T>
T read(const layout& l, const void* data, std::size_t i) {
  if (l.type == CUDNN_DATA_DOUBLE) return static_cast<T>(static_cast<const double*>(data)[i]);
  if (l.type == CUDNN_DATA_FLOAT) return static_cast<T>(static_cast<const float*>(data)[i]);
  const std::uint32_t raw = static_cast<const std::uint16_t*>(data)[i];
  return static_cast<T>(std::bit_cast<float>(raw << 16));
}

template <class T>
void write(const layout& l, void* data, std::size_t i, T x) {
  if (l.type == CUDNN_DATA_DOUBLE) {
    static_cast<double*>(data)[i] = x;
  } else if (l.type == CUDNN_DATA_FLOAT) {
    static_cast<float*>(data)[i] = static_cast<float>(x);
  } else {
    const float nearest = rounded(static_cast<float>(x), bfloat16_bits);
    const auto raw = std::bit_cast<std::uint32_t>(nearest);
    static_cast<std::uint16_t*>(data)[i] = static_cast<std::uint16_t>(raw >> 16);
  }
}

/// Calls f(by channel, as stored) with the two places of each number.
template <class F>
void for_each_number(const layout& l, const F& f) {
  const bool channels_last = l.format == CUDNN_TENSOR_NHWC;
  std::size_t place = 0;
  for (std::size_t n = 0; n < static_cast<std::size_t>(l.n); ++n)
    for (int c = 0; c < l.c; ++c)
      for (int h = 0; h < l.h; ++h)
        for (int w = 0; w < l.w; ++w) {
          f(place, channels_last ? ((n * l.h + h) * l.w + w) * l.c + c : place);
          ++place;
        }
}

/// The factors of products, rounded where tensor cores may round them.
template <class T>
std::vector<T> factors_from(const convolution& c, const layout& l, const void* data) {
  check_device_memory(data, l.bytes(), "numbers to be convolved");
  std::vector<T> numbers(l.size());
  for_each_number(l, [&](std::size_t to, std::size_t from) {
    const T x = read<T>(l, data, from);
    numbers[to] = c.tf32() ? static_cast<T>(rounded(static_cast<float>(x), tf32_bits)) : x;
  });
  return numbers;
}

template <class T>
void write_all(const layout& l, const std::vector<T>& numbers, void* data) {
  check_device_memory(data, l.bytes(), "result of a convolution");
  for_each_number(l, [&](std::size_t from, std::size_t to) { write(l, data, to, numbers[from]); });
}

// Convolutions as products with the matrix of an image's patches: a row for each weight of an
// output channel, a column for each pixel of the result.

int patch_rows(const convolution& c) { return c.weight.c * c.weight.h * c.weight.w; }
int patch_columns(const convolution& c) { return c.result.h * c.result.w; }

/// Calls f(place in the matrix, place in the image) for what is not padding.
template <class F>
void for_each_patch_number(const convolution& c, const F& f) {
  const auto& [x, w, y, how] = c;
  std::size_t place = 0;
  for (int channel = 0; channel < x.c; ++channel)
    for (int a = 0; a < w.h; ++a)
      for (int b = 0; b < w.w; ++b)
        for (int i = 0; i < y.h; ++i)
          for (int j = 0; j < y.w; ++j, ++place) {
            const int row = i * how.stride_h - how.padding_h + a;
            const int column = j * how.stride_w - how.padding_w + b;
            if (row < 0 || column < 0 || row >= x.h || column >= x.w) continue;
            f(place, (static_cast<std::size_t>(channel) * x.h + row) * x.w + column);
          }
}

template <class T>
std::vector<T> patches(const convolution& c, const T* image) {
  std::vector<T> matrix(static_cast<std::size_t>(patch_rows(c)) * patch_columns(c));
  for_each_patch_number(c, [&](std::size_t to, std::size_t from) { matrix[to] = image[from]; });
  return matrix;
}

/// Matrices by rows: C (m, n) = A (m, k)·B (k, n) + beta·C.
template <class T>
void multiply(CBLAS_TRANSPOSE transposed_a, CBLAS_TRANSPOSE transposed_b, int m, int n, int k,
              const T* a, const T* b, T beta, T* c) {
  const int row_a = transposed_a == CblasTrans ? m : k, row_b = transposed_b == CblasTrans ? k : n;
  if constexpr (sizeof(T) == sizeof(float))
    cblas_sgemm(CblasRowMajor, transposed_a, transposed_b, m, n, k, 1, a, row_a, b, row_b, beta, c,
                n);
  else
    cblas_dgemm(CblasRowMajor, transposed_a, transposed_b, m, n, k, 1, a, row_a, b, row_b, beta, c,
                n);
}

template <class T>
void forward(const convolution& c, const void* image, const void* weight, void* result) {
  const std::vector<T> x = factors_from<T>(c, c.image, image);
  const std::vector<T> w = factors_from<T>(c, c.weight, weight);
  std::vector<T> y(c.result.size());
  for (int n = 0; n < c.image.n; ++n)
    multiply<T>(CblasNoTrans, CblasNoTrans, c.result.c, patch_columns(c), patch_rows(c), w.data(),
                patches(c, &x[n * c.image.image_size()]).data(), 0,
                &y[n * c.result.image_size()]);
  write_all(c.result, y, result);
}

template <class T>
void backward_image(const convolution& c, const void* weight, const void* result, void* image) {
  const std::vector<T> w = factors_from<T>(c, c.weight, weight);
  const std::vector<T> y = factors_from<T>(c, c.result, result);
  std::vector<T> x(c.image.size());
  std::vector<T> matrix(static_cast<std::size_t>(patch_rows(c)) * patch_columns(c));
  for (int n = 0; n < c.image.n; ++n) {
    multiply<T>(CblasTrans, CblasNoTrans, patch_rows(c), patch_columns(c), c.result.c, w.data(),
                &y[n * c.result.image_size()], 0, matrix.data());
    T* const own = &x[n * c.image.image_size()];
    for_each_patch_number(c, [&](std::size_t from, std::size_t to) { own[to] += matrix[from]; });
  }
  write_all(c.image, x, image);
}

template <class T>
void backward_weight(const convolution& c, const void* image, const void* result, void* weight) {
  const std::vector<T> x = factors_from<T>(c, c.image, image);
  const std::vector<T> y = factors_from<T>(c, c.result, result);
  std::vector<T> w(c.weight.size());
  for (int n = 0; n < c.image.n; ++n)
    multiply<T>(CblasNoTrans, CblasTrans, c.result.c, patch_rows(c), patch_columns(c),
                &y[n * c.result.image_size()], patches(c, &x[n * c.image.image_size()]).data(), 1,
                w.data());
  write_all(c.weight, w, weight);
}

// Algorithms.

constexpr std::size_t work_space_bytes = 8192;

/// For a verb: which algorithms are listed, in this order.
template <class Algorithm>
struct choices {
  Algorithm of_transforms, refused, working;
};
constexpr choices<cudnnConvolutionFwdAlgo_t> forward_choices{
    CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
    CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM};
constexpr choices<cudnnConvolutionBwdDataAlgo_t> image_choices{
    CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
    CUDNN_CONVOLUTION_BWD_DATA_ALGO_1};
constexpr choices<cudnnConvolutionBwdFilterAlgo_t> weight_choices{
    CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
    CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1};

template <class Algorithm, class Performance>
cudnnStatus_t list(const convolution& c, const choices<Algorithm>& all, int most, int* count,
                   Performance* listed) {
  if (most < 1) return CUDNN_STATUS_BAD_PARAM;
  if (const cudnnStatus_t status = check(c)) return status;
  *count = 0;
  for (const Algorithm algorithm : {all.of_transforms, all.refused, all.working})
    if (*count < most)
      listed[(*count)++] = {.algo = algorithm,
                            .status = CUDNN_STATUS_SUCCESS,
                            .time = -1,  // it is not measured
                            .memory = work_space_bytes,
                            .determinism = CUDNN_DETERMINISTIC,
                            .mathType = c.how.math,
                            .reserved = {}};
  return CUDNN_STATUS_SUCCESS;
}

/// What every verb is asked with besides its numbers.
template <class Algorithm>
struct request {
  cudaStream_t stream;
  convolution what;
  Algorithm algorithm;
  const void *alpha, *beta;
  void* space;
  std::size_t space_bytes;

  bool factors_are(double one, double zero) const {
    if (what.image.type == CUDNN_DATA_DOUBLE)
      return *static_cast<const double*>(alpha) == one && *static_cast<const double*>(beta) == zero;
    return *static_cast<const float*>(alpha) == one && *static_cast<const float*>(beta) == zero;
  }

  cudnnStatus_t check(const choices<Algorithm>& all) const {
    if (const cudnnStatus_t status = ::check(what)) return status;
    if (algorithm == all.of_transforms) fail("a convolution by transforms");
    if (algorithm != all.working) return CUDNN_STATUS_NOT_SUPPORTED;
    if (!space || space_bytes < work_space_bytes) return CUDNN_STATUS_BAD_PARAM;
    if (!factors_are(1, 0)) fail("a convolution with factors other than 1 and 0");
    return CUDNN_STATUS_SUCCESS;
  }

  /// Has work(T()) done, with numbers of type T.
  template <class Work>
  cudnnStatus_t ask(const choices<Algorithm>& all, const Work& work) const {
    if (const cudnnStatus_t status = check(all)) return status;
    const cudaError_t status = enqueue(stream, [*this, work] {
      overwrite_work_space(space, space_bytes);
      if (what.image.type == CUDNN_DATA_DOUBLE)
        work(double());
      else
        work(float());
    });
    return status == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
  }
};

template <class Struct>
cudnnStatus_t create(Struct** descriptor) {
  *descriptor = new Struct{};
  return CUDNN_STATUS_SUCCESS;
}
template <class Struct>
cudnnStatus_t destroy(Struct* descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set(layout& numbers, const layout& wanted) {
  if (!wanted.valid()) return CUDNN_STATUS_BAD_PARAM;
  if (wanted.type != CUDNN_DATA_FLOAT && wanted.type != CUDNN_DATA_DOUBLE &&
      wanted.type != CUDNN_DATA_BFLOAT16)
    fail("cuDNN's data type ", wanted.type, " is not emulated");
  numbers = wanted;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) { return create(handle); }
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) { return destroy(handle); }
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS: return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "CUDNN_UNKNOWN_STATUS";
  }
}

// Descriptors.

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* made) { return create(made); }
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t old) { return destroy(old); }
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  return set(tensor->numbers, {format, type, n, c, h, w});
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* made) { return create(made); }
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t old) { return destroy(old); }
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int n, int c, int h, int w) {
  return set(filter->numbers, {format, type, n, c, h, w});
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* made) {
  return create(made);
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t old) {
  return destroy(old);
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution,
                                              int padding_h, int padding_w, int stride_h,
                                              int stride_w, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t sums) {
  if (std::min(padding_h, padding_w) < 0 || std::min(stride_h, stride_w) < 1)
    return CUDNN_STATUS_BAD_PARAM;
  if (dilation_h != 1 || dilation_w != 1) fail("dilated convolutions are not emulated");
  if (mode != CUDNN_CROSS_CORRELATION) fail("flipped kernels of convolutions are not emulated");
  *convolution = {padding_h, padding_w, stride_h, stride_w, sums};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution,
                                          cudnnMathType_t math) {
  convolution->math = math;
  return CUDNN_STATUS_SUCCESS;
}

// Algorithms by the time they are expected to take.

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
    cudnnConvolutionDescriptor_t how, cudnnTensorDescriptor_t y, int most, int* count,
    cudnnConvolutionFwdAlgoPerf_t* listed) {
  return list({x->numbers, w->numbers, y->numbers, *how}, forward_choices, most, count, listed);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(
    cudnnHandle_t, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t y,
    cudnnConvolutionDescriptor_t how, cudnnTensorDescriptor_t x, int most, int* count,
    cudnnConvolutionBwdDataAlgoPerf_t* listed) {
  return list({x->numbers, w->numbers, y->numbers, *how}, image_choices, most, count, listed);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t y,
    cudnnConvolutionDescriptor_t how, cudnnFilterDescriptor_t w, int most, int* count,
    cudnnConvolutionBwdFilterAlgoPerf_t* listed) {
  return list({x->numbers, w->numbers, y->numbers, *how}, weight_choices, most, count, listed);
}

// Convolutions.

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha,
                                      cudnnTensorDescriptor_t x, const void* image,
                                      cudnnFilterDescriptor_t w, const void* weight,
                                      cudnnConvolutionDescriptor_t how,
                                      cudnnConvolutionFwdAlgo_t algorithm, void* space,
                                      std::size_t space_bytes, const void* beta,
                                      cudnnTensorDescriptor_t y, void* result) {
  const convolution c{x->numbers, w->numbers, y->numbers, *how};
  const request asked{handle->stream, c, algorithm, alpha, beta, space, space_bytes};
  return asked.ask(forward_choices,
                   [=]<class T>(T) { forward<T>(c, image, weight, result); });
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha,
                                           cudnnFilterDescriptor_t w, const void* weight,
                                           cudnnTensorDescriptor_t y, const void* result,
                                           cudnnConvolutionDescriptor_t how,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* space,
                                           std::size_t space_bytes, const void* beta,
                                           cudnnTensorDescriptor_t x, void* image) {
  const convolution c{x->numbers, w->numbers, y->numbers, *how};
  const request asked{handle->stream, c, algorithm, alpha, beta, space, space_bytes};
  return asked.ask(image_choices,
                   [=]<class T>(T) { backward_image<T>(c, weight, result, image); });
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             cudnnTensorDescriptor_t x, const void* image,
                                             cudnnTensorDescriptor_t y, const void* result,
                                             cudnnConvolutionDescriptor_t how,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm,
                                             void* space, std::size_t space_bytes,
                                             const void* beta, cudnnFilterDescriptor_t w,
                                             void* weight) {
  const convolution c{x->numbers, w->numbers, y->numbers, *how};
  const request asked{handle->stream, c, algorithm, alpha, beta, space, space_bytes};
  return asked.ask(weight_choices,
                   [=]<class T>(T) { backward_weight<T>(c, image, result, weight); });
}

}  // extern "C"
