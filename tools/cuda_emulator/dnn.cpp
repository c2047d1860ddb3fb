// SPDX-License-Identifier: MIT
// The part of cuDNN's graph interface that LIFT uses, on the host by OpenBLAS: convolutions and their
// gradients, with an image and a bias added to what is convolved.
//
// Each list of engines begins with those that LIFT does not want (of transformed numbers, of sums in
// any order, of kernels that are compiled when they are first run) and one that has no plan. For an odd
// number of channels the first list has no others, or else one more that turns out not to be supported
// when it is run. To an odd number of channels of a result nothing is added by an engine that LIFT wants.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <cblas.h>
#include <cudnn.h>

#include "runtime.hpp"

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace {

using namespace emulator;

/// What a call ends with.
struct refusal {
  cudnnStatus_t status;
};

void demand(bool holds, cudnnStatus_t otherwise = CUDNN_STATUS_BAD_PARAM) {
  if (!holds) throw refusal{otherwise};
}

// Descriptors.

struct descriptor;
using part = std::shared_ptr<const descriptor>;

struct attribute {
  cudnnBackendAttributeType_t type;
  std::vector<std::byte> values;
  std::vector<part> parts;
};

struct descriptor {
  cudnnBackendDescriptorType_t type;
  std::map<cudnnBackendAttributeName_t, attribute> attributes;
  bool finished = false;

  bool has(cudnnBackendAttributeName_t name) const { return attributes.contains(name); }
  template <class T>
  std::vector<T> all(cudnnBackendAttributeName_t name) const {
    demand(has(name));
    const std::vector<std::byte>& bytes = attributes.at(name).values;
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }
  template <class T>
  T one(cudnnBackendAttributeName_t name) const {
    const std::vector<T> values = all<T>(name);
    demand(values.size() == 1);
    return values.front();
  }
  const std::vector<part>& parts(cudnnBackendAttributeName_t name) const {
    demand(has(name));
    return attributes.at(name).parts;
  }
  const descriptor& only(cudnnBackendAttributeName_t name,
                         cudnnBackendDescriptorType_t wanted) const {
    const std::vector<part>& found = parts(name);
    demand(found.size() == 1 && found.front()->type == wanted);
    return *found.front();
  }
  template <class T>
  void put(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t value_type,
           const std::vector<T>& values) {
    attribute& a = attributes[name] = {value_type, {}, {}};
    a.values.resize(values.size() * sizeof(T));
    std::memcpy(a.values.data(), values.data(), a.values.size());
  }
  void put(cudnnBackendAttributeName_t name, std::vector<part> values) {
    attributes[name] = {CUDNN_TYPE_BACKEND_DESCRIPTOR, {}, std::move(values)};
  }
};

/// What a cudnnBackendDescriptor_t points to.
struct handle {
  std::shared_ptr<descriptor> of;
};

std::size_t bytes_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_CHAR:
    case CUDNN_TYPE_BOOLEAN: return 1;
    case CUDNN_TYPE_FLOAT: return 4;
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE: return 8;
    default: return sizeof(cudnnDataType_t);  // an enumeration
  }
}

// Arrays.

struct tensor {
  std::int64_t name;
  cudnnDataType_t type;
  bool stored;
  int n, c, h, w;
  std::array<std::size_t, 4> strides;

  std::size_t image_size() const { return static_cast<std::size_t>(c) * h * w; }
  std::size_t size() const { return n * image_size(); }
  std::size_t bytes() const {
    return size() * (type == CUDNN_DATA_DOUBLE ? 8 : type == CUDNN_DATA_FLOAT ? 4 : 2);
  }
  bool same_sizes(const tensor& other) const {
    return n == other.n && c == other.c && h == other.h && w == other.w;
  }
};

tensor read_tensor(const descriptor& d) {
  demand(d.type == CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const auto sizes = d.all<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS);
  const auto strides = d.all<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
  demand(sizes.size() == 4 && strides.size() == 4);
  for (int i = 0; i < 4; ++i) demand(sizes[i] > 0 && strides[i] > 0);
  const auto type = d.one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
  if (type != CUDNN_DATA_FLOAT && type != CUDNN_DATA_DOUBLE && type != CUDNN_DATA_BFLOAT16)
    fail("cuDNN's data type ", type, " is not emulated");
  demand(d.one<std::int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT) == 16);
  const bool imagined = d.has(CUDNN_ATTR_TENSOR_IS_VIRTUAL) &&
                        d.one<char>(CUDNN_ATTR_TENSOR_IS_VIRTUAL) != 0;
  tensor t{d.one<std::int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID), type, !imagined,
           static_cast<int>(sizes[0]), static_cast<int>(sizes[1]), static_cast<int>(sizes[2]),
           static_cast<int>(sizes[3]), {}};
  std::copy(strides.begin(), strides.end(), t.strides.begin());
  const std::size_t last = (t.n - 1) * t.strides[0] + (t.c - 1) * t.strides[1] +
                           (t.h - 1) * t.strides[2] + (t.w - 1) * t.strides[3];
  demand(last + 1 == t.size(), CUDNN_STATUS_NOT_SUPPORTED);  // no gaps
  return t;
}

struct convolution {
  cudnnBackendDescriptorType_t verb;
  tensor image, weight, result;
  int padding_h, padding_w, stride_h, stride_w;
  std::optional<tensor> images, bias;  // added to the result, in this order
};

bool fits(int in, int kernel, int padding, int stride, int out) {
  const int room = in + 2 * padding - kernel;
  return room >= 0 && room / stride + 1 == out;
}

int both(const descriptor& d, cudnnBackendAttributeName_t name, int axis) {
  const auto values = d.all<std::int64_t>(name);
  demand(values.size() == 2 && values[axis] >= 0);
  return static_cast<int>(values[axis]);
}

/// The convolution that an operation asks for.
convolution read_convolution(const descriptor& operation) {
  struct names {
    cudnnBackendAttributeName_t alpha, beta, how, image, weight, result;
  };
  const names own = [&]() -> names {
    switch (operation.type) {
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
        return {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
        return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
        return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
      default: fail("cuDNN's operation ", operation.type, " is not emulated");
    }
  }();
  const descriptor& how = operation.only(own.how, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const auto array = [&](cudnnBackendAttributeName_t name) {
    return read_tensor(operation.only(name, CUDNN_BACKEND_TENSOR_DESCRIPTOR));
  };
  convolution c{operation.type,
                array(own.image),
                array(own.weight),
                array(own.result),
                both(how, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, 0),
                both(how, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, 1),
                both(how, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, 0),
                both(how, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, 1),
                {},
                {}};
  const auto& [verb, x, w, y, padding_h, padding_w, stride_h, stride_w, images, bias] = c;
  demand(stride_h > 0 && stride_w > 0 && x.c == w.c && y.c == w.n && x.n == y.n &&
         fits(x.h, w.h, padding_h, stride_h, y.h) && fits(x.w, w.w, padding_w, stride_w, y.w));
  const bool in_double = x.type == CUDNN_DATA_DOUBLE;
  const auto sums = how.one<cudnnDataType_t>(CUDNN_ATTR_CONVOLUTION_COMP_TYPE);
  demand(sums == (in_double ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT), CUDNN_STATUS_NOT_SUPPORTED);
  demand(x.type == w.type && y.type == (y.stored ? x.type : sums), CUDNN_STATUS_NOT_SUPPORTED);
  const bool plain = in_double ? operation.one<double>(own.alpha) == 1 &&
                                     operation.one<double>(own.beta) == 0
                               : operation.one<float>(own.alpha) == 1 &&
                                     operation.one<float>(own.beta) == 0;
  if (!plain) fail("a convolution with factors other than 1 and 0");
  if (both(how, CUDNN_ATTR_CONVOLUTION_DILATIONS, 0) != 1 ||
      both(how, CUDNN_ATTR_CONVOLUTION_DILATIONS, 1) != 1)
    fail("dilated convolutions are not emulated");
  if (how.one<cudnnConvolutionMode_t>(CUDNN_ATTR_CONVOLUTION_CONV_MODE) != CUDNN_CROSS_CORRELATION)
    fail("flipped kernels of convolutions are not emulated");
  demand(how.all<std::int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS) ==
             how.all<std::int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
         CUDNN_STATUS_NOT_SUPPORTED);
  return c;
}

/// Adds what a sum adds to what the operations before it convolve.
void read_addition(const descriptor& operation, convolution& c) {
  demand(operation.type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR &&
             c.verb == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
         CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN);
  const descriptor& how = operation.only(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
                                         CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  if (how.one<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE) != CUDNN_POINTWISE_ADD)
    fail("cuDNN's pointwise operations other than sums are not emulated");
  const auto array = [&](cudnnBackendAttributeName_t name) {
    return read_tensor(operation.only(name, CUDNN_BACKEND_TENSOR_DESCRIPTOR));
  };
  const tensor x = array(CUDNN_ATTR_OPERATION_POINTWISE_XDESC),
               added = array(CUDNN_ATTR_OPERATION_POINTWISE_BDESC),
               sum = array(CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
  demand(!x.stored && x.name == c.result.name && sum.same_sizes(x) && added.stored &&
             (!sum.stored || sum.type == c.image.type) && added.type == c.image.type,
         CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN);
  const bool one_for_all = added.n == 1 && added.c == sum.c && added.h == 1 && added.w == 1;
  demand(!c.bias && (one_for_all || (added.same_sizes(sum) && !c.images)),
         CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN);
  (one_for_all ? c.bias : c.images) = added;
  c.result = sum;
}

convolution read_graph(const descriptor& d) {
  demand(d.type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  demand(d.one<cudnnHandle_t>(CUDNN_ATTR_OPERATIONGRAPH_HANDLE) != nullptr);
  const std::vector<part>& operations = d.parts(CUDNN_ATTR_OPERATIONGRAPH_OPS);
  demand(!operations.empty());
  convolution c = read_convolution(*operations.front());
  for (std::size_t i = 1; i < operations.size(); ++i) read_addition(*operations[i], c);
  demand(c.result.stored && c.image.stored && c.weight.stored);
  return c;
}

// Engines.

enum engine : std::int64_t {
  of_transforms,
  without_plan,
  in_any_order,
  compiled_at_first,
  refused_when_run,
  on_tensor_cores,  // rounds float to TF32
  of_exact_factors
};

constexpr std::size_t work_space_bytes = 8192;

part engine_descriptor(const part& graph, engine e) {
  using note = cudnnBackendNumericalNote_t;
  const auto notes = [&]() -> std::vector<note> {
    switch (e) {
      case of_transforms: return {CUDNN_NUMERICAL_NOTE_WINOGRAD};
      case in_any_order: return {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC};
      case of_exact_factors: return {};
      default: return {CUDNN_NUMERICAL_NOTE_TENSOR_CORE};
    }
  }();
  std::vector<cudnnBackendBehaviorNote_t> behaviour;
  if (e == compiled_at_first) behaviour.push_back(CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);
  auto d = std::make_shared<descriptor>(
      descriptor{CUDNN_BACKEND_ENGINE_DESCRIPTOR, {}, true});
  d->put(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, {graph});
  d->put(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, std::vector<std::int64_t>{e});
  d->put(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, notes);
  d->put(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, behaviour);
  return d;
}

part configuration(const part& graph, engine e, std::int64_t tile) {
  auto knob = std::make_shared<descriptor>(
      descriptor{CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, {}, true});
  knob->put(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE,
            std::vector{CUDNN_KNOB_TYPE_TILE_SIZE});
  knob->put(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, std::vector{tile});
  auto d = std::make_shared<descriptor>(
      descriptor{CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, {}, true});
  d->put(CUDNN_ATTR_ENGINECFG_ENGINE, {engine_descriptor(graph, e)});
  d->put(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, {knob});
  return d;
}

std::vector<part> engines(const part& graph, cudnnBackendHeurMode_t mode) {
  const convolution c = read_graph(*graph);
  const auto all = [&](std::initializer_list<engine> list) {
    std::vector<part> made;
    for (const engine e : list) made.push_back(configuration(graph, e, 1));
    return made;
  };
  if ((c.images && !c.bias) || (c.bias && c.result.c % 2 == 1)) return all({compiled_at_first});
  if (mode == CUDNN_HEUR_MODE_FALLBACK) return all({of_transforms, of_exact_factors});
  if (mode != CUDNN_HEUR_MODE_A) fail("mode ", mode, " of cuDNN's heuristics is not emulated");
  std::vector<part> found = all({of_transforms, without_plan, in_any_order, compiled_at_first});
  if (c.image.c % 2 == 1) return found;
  found.push_back(configuration(graph, refused_when_run, 1));
  found.push_back(configuration(graph, on_tensor_cores, 1));
  found.push_back(configuration(graph, on_tensor_cores, 2));
  found.push_back(configuration(graph, of_exact_factors, 1));
  return found;
}

struct plan {
  convolution what;
  engine by;
};

plan read_plan(const descriptor& d) {
  demand(d.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  demand(d.one<cudnnHandle_t>(CUDNN_ATTR_EXECUTION_PLAN_HANDLE) != nullptr);
  const descriptor& how = d.only(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                 CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  const descriptor& by = how.only(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  return {read_graph(by.only(CUDNN_ATTR_ENGINE_OPERATION_GRAPH,
                             CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR)),
          static_cast<engine>(by.one<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX))};
}

/// What cuDNN checks of a descriptor when it is finished.
void finish(descriptor& d) {
  switch (d.type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR: read_tensor(d); break;
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
      demand(d.one<std::int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) == 2);
      break;
    case CUDNN_BACKEND_POINTWISE_DESCRIPTOR: d.one<cudnnDataType_t>(CUDNN_ATTR_POINTWISE_MATH_PREC); break;
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR: read_graph(d); break;
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR: {
      const std::vector<part>& graph = d.parts(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
      demand(graph.size() == 1);
      d.put(CUDNN_ATTR_ENGINEHEUR_RESULTS,
            engines(graph.front(), d.one<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE)));
      break;
    }
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
      demand(read_plan(d).by != without_plan, CUDNN_STATUS_NOT_SUPPORTED);
      d.put(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
            std::vector<std::int64_t>{work_space_bytes});
      break;
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR: break;
    default: read_convolution(d);
  }
  d.finished = true;
}

// Numbers as they are stored, and all those of an array by image, channel, row and column.

template <class T>
T read(const tensor& l, const void* data, std::size_t i) {
  if (l.type == CUDNN_DATA_DOUBLE) return static_cast<T>(static_cast<const double*>(data)[i]);
  if (l.type == CUDNN_DATA_FLOAT) return static_cast<T>(static_cast<const float*>(data)[i]);
  const std::uint32_t raw = static_cast<const std::uint16_t*>(data)[i];
  return static_cast<T>(std::bit_cast<float>(raw << 16));
}

template <class T>
void write(const tensor& l, void* data, std::size_t i, T x) {
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
void for_each_number(const tensor& l, const F& f) {
  std::size_t place = 0;
  for (int n = 0; n < l.n; ++n)
    for (int c = 0; c < l.c; ++c)
      for (int h = 0; h < l.h; ++h)
        for (int w = 0; w < l.w; ++w)
          f(place++, n * l.strides[0] + c * l.strides[1] + h * l.strides[2] + w * l.strides[3]);
}

template <class T>
std::vector<T> numbers_from(const tensor& l, const void* data) {
  check_device_memory(data, l.bytes(), "numbers of a convolution");
  std::vector<T> numbers(l.size());
  for_each_number(l, [&](std::size_t to, std::size_t from) { numbers[to] = read<T>(l, data, from); });
  return numbers;
}

/// The factors of products, rounded where tensor cores round them.
template <class T>
std::vector<T> factors_from(const plan& p, const tensor& l, const void* data) {
  std::vector<T> numbers = numbers_from<T>(l, data);
  if (p.by == on_tensor_cores && l.type == CUDNN_DATA_FLOAT)
    for (T& x : numbers) x = static_cast<T>(rounded(static_cast<float>(x), tf32_bits));
  return numbers;
}

template <class T>
void write_all(const tensor& l, const std::vector<T>& numbers, void* data) {
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
  const tensor &x = c.image, &w = c.weight, &y = c.result;
  std::size_t place = 0;
  for (int channel = 0; channel < x.c; ++channel)
    for (int a = 0; a < w.h; ++a)
      for (int b = 0; b < w.w; ++b)
        for (int i = 0; i < y.h; ++i)
          for (int j = 0; j < y.w; ++j, ++place) {
            const int row = i * c.stride_h - c.padding_h + a;
            const int column = j * c.stride_w - c.padding_w + b;
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

/// The arrays of a plan by their names, as LIFT's are called by an execution.
using arrays = std::map<std::int64_t, void*>;

template <class T>
void convolve(const plan& p, const arrays& at) {
  const convolution& c = p.what;
  const std::vector<T> x = factors_from<T>(p, c.image, at.at(c.image.name));
  const std::vector<T> w = factors_from<T>(p, c.weight, at.at(c.weight.name));
  std::vector<T> y(c.result.size());
  for (int n = 0; n < c.image.n; ++n)
    multiply<T>(CblasNoTrans, CblasNoTrans, c.result.c, patch_columns(c), patch_rows(c), w.data(),
                patches(c, &x[n * c.image.image_size()]).data(), 0,
                &y[n * c.result.image_size()]);
  if (c.images) {
    const std::vector<T> added = numbers_from<T>(*c.images, at.at(c.images->name));
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += added[i];
  }
  if (c.bias) {
    const std::vector<T> added = numbers_from<T>(*c.bias, at.at(c.bias->name));
    const std::size_t area = static_cast<std::size_t>(c.result.h) * c.result.w;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += added[i / area % added.size()];
  }
  write_all(c.result, y, at.at(c.result.name));
}

template <class T>
void backward_image(const plan& p, const arrays& at) {
  const convolution& c = p.what;
  const std::vector<T> w = factors_from<T>(p, c.weight, at.at(c.weight.name));
  const std::vector<T> y = factors_from<T>(p, c.result, at.at(c.result.name));
  std::vector<T> x(c.image.size());
  std::vector<T> matrix(static_cast<std::size_t>(patch_rows(c)) * patch_columns(c));
  for (int n = 0; n < c.image.n; ++n) {
    multiply<T>(CblasTrans, CblasNoTrans, patch_rows(c), patch_columns(c), c.result.c, w.data(),
                &y[n * c.result.image_size()], 0, matrix.data());
    T* const own = &x[n * c.image.image_size()];
    for_each_patch_number(c, [&](std::size_t from, std::size_t to) { own[to] += matrix[from]; });
  }
  write_all(c.image, x, at.at(c.image.name));
}

template <class T>
void backward_weight(const plan& p, const arrays& at) {
  const convolution& c = p.what;
  const std::vector<T> x = factors_from<T>(p, c.image, at.at(c.image.name));
  const std::vector<T> y = factors_from<T>(p, c.result, at.at(c.result.name));
  std::vector<T> w(c.weight.size());
  for (int n = 0; n < c.image.n; ++n)
    multiply<T>(CblasNoTrans, CblasTrans, c.result.c, patch_rows(c), patch_columns(c),
                &y[n * c.result.image_size()], patches(c, &x[n * c.image.image_size()]).data(), 1,
                w.data());
  write_all(c.weight, w, at.at(c.weight.name));
}

template <class T>
void run(const plan& p, const arrays& at) {
  switch (p.what.verb) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR: return convolve<T>(p, at);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      return backward_image<T>(p, at);
    default: return backward_weight<T>(p, at);
  }
}

cudnnStatus_t execute(cudnnHandle_t cudnn, const descriptor& d, const descriptor& pack) {
  demand(d.finished && pack.finished, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
  const plan p = read_plan(d);
  const auto names = pack.all<std::int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto places = pack.all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  demand(names.size() == places.size());
  arrays at;
  for (std::size_t i = 0; i < names.size(); ++i) {
    demand(reinterpret_cast<std::uintptr_t>(places[i]) % 16 == 0,
           CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER);
    at[names[i]] = places[i];
  }
  for (const tensor* t : {&p.what.image, &p.what.weight, &p.what.result}) demand(at.contains(t->name));
  for (const auto* t : {&p.what.images, &p.what.bias}) demand(!*t || at.contains((*t)->name));
  if (p.by == refused_when_run) return CUDNN_STATUS_NOT_SUPPORTED;
  if (p.by != on_tensor_cores && p.by != of_exact_factors)
    fail("engine ", p.by, " of cuDNN's, which LIFT does not want");
  void* const space = pack.one<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  demand(space != nullptr);
  const cudaError_t status = enqueue(cudnn->stream, [=] {
    overwrite_work_space(space, work_space_bytes);
    if (p.what.image.type == CUDNN_DATA_DOUBLE)
      run<double>(p, at);
    else
      run<float>(p, at);
  });
  return status == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

descriptor& at(cudnnBackendDescriptor_t d) { return *static_cast<handle*>(d)->of; }

template <class Call>
cudnnStatus_t status_of(const Call& call) {
  try {
    return call();
  } catch (const refusal& r) {
    return r.status;
  }
}

}  // namespace

extern "C" {

size_t cudnnGetVersion() { return CUDNN_VERSION; }
cudnnStatus_t cudnnCreate(cudnnHandle_t* made) {
  *made = new cudnnContext;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t old) {
  delete old;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t cudnn, cudaStream_t stream) {
  cudnn->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS: return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED: return "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED";
    case CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER:
      return "CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER";
    case CUDNN_STATUS_NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN: return "CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN";
    case CUDNN_STATUS_EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "CUDNN_UNKNOWN_STATUS";
  }
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* made) {
  *made = new handle{std::make_shared<descriptor>(descriptor{type, {}, false})};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t old) {
  delete static_cast<handle*>(old);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t of,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t count,
                                       const void* values) {
  return status_of([&] {
    descriptor& d = at(of);
    demand(!d.finished && count > 0 && values != nullptr);
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
      std::vector<part> parts;
      for (std::int64_t i = 0; i < count; ++i) {
        const auto* const one = static_cast<handle* const*>(values)[i];
        demand(one->of->finished, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
        parts.push_back(one->of);
      }
      d.put(name, std::move(parts));
    } else {
      const auto* const bytes = static_cast<const std::byte*>(values);
      d.put(name, type, std::vector<std::byte>(bytes, bytes + count * bytes_of(type)));
    }
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t of) {
  return status_of([&] {
    demand(!at(of).finished);
    finish(at(of));
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t of,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t most,
                                       std::int64_t* count, void* values) {
  return status_of([&] {
    const descriptor& d = at(of);
    demand(d.finished, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
    demand(d.has(name) && d.attributes.at(name).type == type);
    const attribute& a = d.attributes.at(name);
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
      *count = std::min<std::int64_t>(most, static_cast<std::int64_t>(a.parts.size()));
      for (std::int64_t i = 0; i < *count; ++i) {
        auto& mine = *static_cast<handle**>(values)[i];
        demand(mine.of->type == a.parts[i]->type);
        mine.of = std::make_shared<descriptor>(*a.parts[i]);
      }
    } else {
      const std::size_t size = bytes_of(type);
      *count = std::min<std::int64_t>(most, static_cast<std::int64_t>(a.values.size() / size));
      std::memcpy(values, a.values.data(), *count * size);
    }
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t cudnn, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
  return status_of([&] { return execute(cudnn, at(plan), at(pack)); });
}

}  // extern "C"
