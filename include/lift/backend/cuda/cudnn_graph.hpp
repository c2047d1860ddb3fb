// SPDX-License-Identifier: MIT
#pragma once

// cuDNN's graph interface, where the build found it: operations between arrays, the engines that can
// do them, and plans that run on a device.
#ifdef LIFT_WITH_CUDNN

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <cudnn.h>

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

/// cuDNN's name for numbers that are stored as T.
template <class T>
extern const cudnnDataType_t cudnn_type;
template <>
inline constexpr cudnnDataType_t cudnn_type<float> = CUDNN_DATA_FLOAT;
template <>
inline constexpr cudnnDataType_t cudnn_type<double> = CUDNN_DATA_DOUBLE;
template <>
inline constexpr cudnnDataType_t cudnn_type<bfloat16> = CUDNN_DATA_BFLOAT16;

/// Every array that cuDNN works on begins at a multiple of so many bytes.
inline constexpr std::int64_t cudnn_alignment = 16;

/// cuDNN's name for the type of an attribute.
constexpr auto cudnn_attribute(std::int64_t) { return CUDNN_TYPE_INT64; }
constexpr auto cudnn_attribute(bool) { return CUDNN_TYPE_BOOLEAN; }
constexpr auto cudnn_attribute(float) { return CUDNN_TYPE_FLOAT; }
constexpr auto cudnn_attribute(double) { return CUDNN_TYPE_DOUBLE; }
constexpr auto cudnn_attribute(char) { return CUDNN_TYPE_CHAR; }
constexpr auto cudnn_attribute(void*) { return CUDNN_TYPE_VOID_PTR; }
constexpr auto cudnn_attribute(cudnnHandle_t) { return CUDNN_TYPE_HANDLE; }
constexpr auto cudnn_attribute(cudnnDataType_t) { return CUDNN_TYPE_DATA_TYPE; }
constexpr auto cudnn_attribute(cudnnConvolutionMode_t) { return CUDNN_TYPE_CONVOLUTION_MODE; }
constexpr auto cudnn_attribute(cudnnPointwiseMode_t) { return CUDNN_TYPE_POINTWISE_MODE; }
constexpr auto cudnn_attribute(cudnnBackendHeurMode_t) { return CUDNN_TYPE_HEUR_MODE; }
constexpr auto cudnn_attribute(cudnnBackendKnobType_t) { return CUDNN_TYPE_KNOB_TYPE; }
constexpr auto cudnn_attribute(cudnnBackendNumericalNote_t) { return CUDNN_TYPE_NUMERICAL_NOTE; }
constexpr auto cudnn_attribute(cudnnBackendBehaviorNote_t) { return CUDNN_TYPE_BEHAVIOR_NOTE; }

/// A descriptor of cuDNN's graph interface: attributes by name, then finished.
class cudnn_node {
 public:
  explicit cudnn_node(cudnnBackendDescriptorType_t type) {
    check_cudnn(cudnnBackendCreateDescriptor(type, &node_), "cudnnBackendCreateDescriptor");
  }
  cudnn_node(cudnn_node&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  cudnn_node& operator=(cudnn_node&& other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~cudnn_node() {
    if (node_) cudnnBackendDestroyDescriptor(node_);
  }

  template <class T>
  cudnn_node& set(cudnnBackendAttributeName_t name, const T& value) {
    return set(name, &value, 1);
  }
  template <class T, std::size_t N>
  cudnn_node& set(cudnnBackendAttributeName_t name, const std::array<T, N>& values) {
    return set(name, values.data(), N);
  }
  cudnn_node& set(cudnnBackendAttributeName_t name, const std::string& characters) {
    return set(name, characters.c_str(), characters.size() + 1);
  }
  cudnn_node& set(cudnnBackendAttributeName_t name, const cudnn_node& part) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &part.node_, 1);
  }
  template <class Nodes>
  cudnn_node& set_all(cudnnBackendAttributeName_t name, const Nodes& parts) {
    std::vector<cudnnBackendDescriptor_t> all;
    for (const cudnn_node& part : parts) all.push_back(part.node_);
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, all.data(), all.size());
  }
  template <class T>
  cudnn_node& set(cudnnBackendAttributeName_t name, const T* values, std::size_t count) {
    return set(name, cudnn_attribute(T()), values, count);
  }

  /// Whether cuDNN takes what was set. Throws where cuDNN itself is not whole.
  bool finishes() {
    const cudnnStatus_t status = cudnnBackendFinalize(node_);
    if (status / 1000 == 1) check_cudnn(status, "cudnnBackendFinalize");
    const bool taken = status == CUDNN_STATUS_SUCCESS;
    if (!taken) cudaGetLastError();  // or the next call would report what was tried
    return taken;
  }
  cudnn_node& finish() {
    check_cudnn(cudnnBackendFinalize(node_), "cudnnBackendFinalize");
    return *this;
  }

  template <class T>
  T value(cudnnBackendAttributeName_t name) const {
    T found{};
    std::int64_t count = 0;
    get(name, cudnn_attribute(T()), 1, count, &found);
    return found;
  }
  /// As many as there are, up to 64.
  template <class T>
  std::vector<T> values(cudnnBackendAttributeName_t name) const {
    std::array<T, 64> found;
    std::int64_t count = 0;
    get(name, cudnn_attribute(T()), found.size(), count, found.data());
    return {found.begin(), found.begin() + count};
  }
  /// The descriptors of a type that an attribute holds, up to so many.
  std::vector<cudnn_node> parts(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                                std::size_t most) const {
    std::vector<cudnn_node> found;
    std::vector<cudnnBackendDescriptor_t> all;
    for (std::size_t i = 0; i < most; ++i) all.push_back(found.emplace_back(type).node_);
    std::int64_t count = 0;
    get(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, all.size(), count, all.data());
    while (found.size() > static_cast<std::size_t>(count)) found.pop_back();
    return found;
  }

  cudnnBackendDescriptor_t get() const { return node_; }

 private:
  cudnn_node& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                  const void* values, std::size_t count) {
    check_cudnn(cudnnBackendSetAttribute(node_, name, type, static_cast<std::int64_t>(count), values),
                "cudnnBackendSetAttribute");
    return *this;
  }
  void get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t most,
           std::int64_t& count, void* values) const {
    check_cudnn(cudnnBackendGetAttribute(node_, name, type, static_cast<std::int64_t>(most), &count,
                                         values),
                "cudnnBackendGetAttribute");
  }

  cudnnBackendDescriptor_t node_ = nullptr;
};

/// What plans are for: the device of a handle, or one that is described where none is at hand.
class cudnn_target {
 public:
  explicit cudnn_target(cudnnHandle_t handle) : handle_(handle) {}
  /// A device as cuDNN writes its properties down, in JSON.
  explicit cudnn_target(const std::string& json)
      : described_(std::in_place, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR) {
    described_->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, json).finish();
  }

  void tell_graph(cudnn_node& graph) const {
    if (handle_) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle_);
  }
  void tell_heuristics(cudnn_node& heuristics) const {
    if (described_) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *described_);
  }
  void tell_plan(cudnn_node& plan) const {
    if (handle_) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle_);
    if (described_) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *described_);
  }

 private:
  cudnnHandle_t handle_ = nullptr;
  std::optional<cudnn_node> described_;
};

/// An engine of cuDNN's with its settings: how operations are done.
struct cudnn_choice {
  std::int64_t engine = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> knobs;  ///< type and value

  friend bool operator==(const cudnn_choice&, const cudnn_choice&) = default;
};

/// Operations between arrays of a device: a plan is made of them by choosing an engine.
class cudnn_graph {
 public:
  explicit cudnn_graph(const cudnn_target& target) : target_(target) {}

  /// Keeps a part that operations name, finished.
  const cudnn_node& add(cudnn_node part) {
    part.finish();
    return parts_.emplace_back(std::move(part));
  }
  void add_operation(cudnn_node operation) {
    operation.finish();
    operations_.push_back(std::move(operation));
  }
  /// No more operations come. False where cuDNN has no such graphs.
  bool finishes() {
    target_.tell_graph(graph_);
    return graph_.set_all(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations_).finishes();
  }

  /// Engines with their settings, up to so many: by the time that cuDNN expects them to take
  /// (CUDNN_HEUR_MODE_A), or those that do the most cases
  /// (CUDNN_HEUR_MODE_FALLBACK).
  std::vector<cudnn_node> configurations(cudnnBackendHeurMode_t mode, std::size_t most) const {
    cudnn_node heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph_)
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
    target_.tell_heuristics(heuristics);
    if (!heuristics.finishes()) return {};
    return heuristics.parts(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, most);
  }

  /// A plan that does the operations so; none where the engine cannot.
  std::optional<cudnn_node> plan(const cudnn_node& configuration) const {
    cudnn_node made(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    target_.tell_plan(made);
    if (!made.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration).finishes()) return {};
    return made;
  }

 private:
  const cudnn_target& target_;
  std::deque<cudnn_node> parts_;
  std::vector<cudnn_node> operations_;
  cudnn_node graph_{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};
};

/// The engine of a configuration.
inline cudnn_node engine_of(const cudnn_node& configuration) {
  return std::move(configuration.parts(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR,
                                       1)
                       .front());
}

/// What a configuration is of.
inline cudnn_choice choice_of(const cudnn_node& configuration) {
  constexpr std::size_t most = 64;
  cudnn_choice found{engine_of(configuration).value<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX), {}};
  for (const cudnn_node& knob : configuration.parts(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                                    CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, most))
    found.knobs.emplace_back(
        knob.value<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE),
        knob.value<std::int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
  return found;
}

}  // namespace lift::detail

#endif
