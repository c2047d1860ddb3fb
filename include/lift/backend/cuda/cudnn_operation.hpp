// SPDX-License-Identifier: MIT
#pragma once

#ifdef LIFT_WITH_CUDNN

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lift/backend/cuda/cudnn_choices.hpp>

namespace lift::detail {

/// An array that an operation names, and where it lies.
struct cudnn_array {
  std::int64_t name;
  const void* data;
};

/// Whether an engine is one that is used. It
/// - adds up products of the numbers themselves, which are exact where they are small and whole, not
///   of their Winograd or Fourier transforms, and gives the same bytes every time;
/// - uses tensor cores, which round factors of float, only where they are wanted;
/// - is compiled already.
inline bool is_wanted(const cudnn_node& engine, bool tensor_cores) {
  const auto notes = engine.values<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
  for (const cudnnBackendNumericalNote_t note : notes) {
    const bool rounds = note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE ||
                        note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
    const bool harmless = note == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP || (rounds && tensor_cores);
    if (!harmless) return false;
  }
  const auto behaviour =
      engine.values<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE);
  return std::ranges::count(behaviour, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) == 0;
}

/// A graph with the plans that can do it, of which the one that was measured to be the fastest on
/// the device stays.
class cudnn_operation {
 public:
  /// No plans where there is no graph. `name` is that of the graph, sizes and types included.
  cudnn_operation(std::unique_ptr<cudnn_graph> graph, std::string name, bool tensor_cores)
      : graph_(std::move(graph)), name_(std::move(name)) {
    if (!graph_) return;
    for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
      if (plans_.empty())
        for (const cudnn_node& configuration : graph_->configurations(mode, most_listed))
          if (plans_.size() < most_timed) add(configuration, tensor_cores);
  }

  bool has_plans() const { return !plans_.empty(); }
  std::size_t plans() const { return plans_.size(); }
  const cudnn_choice& choice(std::size_t i) const { return plans_[i].choice; }

  /// Does it, by the plan that was found to be the fastest: at the first time that is asked of
  /// `choices`, or measured, unless work is recorded, and told them. False, and nothing is done,
  /// where no plan can be run.
  bool runs(const std::vector<cudnn_array>& arrays, cudnn_choices& choices) {
    for (const auto& [name, data] : arrays)
      require(reinterpret_cast<std::uintptr_t>(data) % cudnn_alignment == 0,
              "address of an array for cuDNN, modulo 16",
              reinterpret_cast<std::uintptr_t>(data) % cudnn_alignment, "0");
    if (!settled_ && !plans_.empty()) settle(arrays, choices);
    if (plans_.empty()) return false;
    const device_block space(plans_.front().space);
    check_cudnn(execute(plans_.front(), arrays, space.data()), "cudnnBackendExecute");
    return true;
  }

 private:
  static constexpr std::size_t most_listed = 64, most_timed = 8;
  static constexpr std::int64_t most_space = std::int64_t{1} << 30;

  struct candidate {
    cudnn_node node;
    cudnn_choice choice;
    std::size_t space;
  };

  void add(const cudnn_node& configuration, bool tensor_cores) {
    if (!is_wanted(engine_of(configuration), tensor_cores)) return;
    std::optional<cudnn_node> plan = graph_->plan(configuration);
    if (!plan) return;
    const auto space = plan->value<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    if (space > most_space) return;
    plans_.push_back({*std::move(plan), choice_of(configuration), static_cast<std::size_t>(space)});
  }

  static cudnnStatus_t execute(const candidate& plan, const std::vector<cudnn_array>& arrays,
                               void* space) {
    std::vector<std::int64_t> names;
    std::vector<void*> places;
    for (const auto& [name, data] : arrays) {
      names.push_back(name);
      places.push_back(const_cast<void*>(data));
    }
    cudnn_node pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, names.data(), names.size())
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, places.data(), places.size())
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, space)
        .finish();
    return cudnnBackendExecute(cudnn(), plan.node.get(), pack.get());
  }

  /// Keeps one plan, or none if none can be run. While work is recorded nothing can be tried: then
  /// the plan of a choice that is known comes first.
  void settle(const std::vector<cudnn_array>& arrays, cudnn_choices& choices) {
    const auto plan_of = [&](const cudnn_choice& choice) {
      return std::ranges::find(plans_, choice, &candidate::choice);
    };
    if (cuda_device::get().here().recording()) {
      const std::optional<cudnn_choice> known = choices.known(name_);
      if (known && plan_of(*known) != plans_.end()) std::swap(plans_.front(), *plan_of(*known));
      return;
    }
    const std::optional<cudnn_choice> best = choices.of(
        name_,
        [&](const cudnn_choice& choice) {
          const auto plan = plan_of(choice);
          return plan != plans_.end() && milliseconds(*plan, arrays, 0);
        },
        [&] { return fastest(arrays); });
    settled_ = true;
    if (!best) return plans_.clear();
    std::swap(plans_.front(), *plan_of(*best));
    plans_.erase(plans_.begin() + 1, plans_.end());
  }

  /// None where none can be run. One that cuDNN expects to be slower has to be so much faster as a
  /// measurement can tell.
  std::optional<cudnn_choice> fastest(const std::vector<cudnn_array>& arrays) const {
    constexpr float as_fast = 0.97f;
    std::optional<cudnn_choice> best;
    float least = std::numeric_limits<float>::infinity();
    for (const candidate& plan : plans_)
      if (const auto taken = milliseconds(plan, arrays, 5); taken && *taken < as_fast * least) {
        least = *taken;
        best = plan.choice;
      }
    return best;
  }

  /// What so many runs take on the device, one after the other; none where the plan cannot be run.
  static std::optional<float> milliseconds(const candidate& plan,
                                           const std::vector<cudnn_array>& arrays, int runs) {
    const execution_context& main = cuda_device::get().main();
    try {
      const pool_block<device_memory> space(main.memory, plan.space);
      const timer clock(main.stream);
      // What comes first may load what is run, and keeps the device busy while the others are asked for.
      for (int i = -3; i < runs; ++i) {
        if (i == 0) clock.start();
        if (execute(plan, arrays, space.data()) != CUDNN_STATUS_SUCCESS) {
          cudaGetLastError();  // or the next call would report what was tried
          return {};
        }
      }
      return runs > 0 ? clock.stop() : 0;
    } catch (const error&) {  // no memory for what it needs beside
      return {};
    }
  }

  /// Times on a stream.
  class timer {
   public:
    explicit timer(cudaStream_t stream) : stream_(stream) {
      for (cudaEvent_t* const event : {&start_, &stop_})
        check_cuda(cudaEventCreateWithFlags(event, cudaEventDefault), "cudaEventCreate");
    }
    ~timer() {
      for (const cudaEvent_t event : {start_, stop_}) cudaEventDestroy(event);
    }
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;
    void start() const { check_cuda(cudaEventRecord(start_, stream_), "cudaEventRecord"); }
    float stop() const {
      float taken = 0;
      check_cuda(cudaEventRecord(stop_, stream_), "cudaEventRecord");
      check_cuda(cudaEventSynchronize(stop_), "cudaEventSynchronize");
      check_cuda(cudaEventElapsedTime(&taken, start_, stop_), "cudaEventElapsedTime");
      return taken;
    }

   private:
    cudaStream_t stream_;
    cudaEvent_t start_ = nullptr, stop_ = nullptr;
  };

  std::unique_ptr<cudnn_graph> graph_;
  std::string name_;
  std::vector<candidate> plans_;
  bool settled_ = false;
};

}  // namespace lift::detail

#endif
