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

/// Whether an engine adds up products of the numbers themselves, which are exact where they are
/// small and whole, not of their Winograd or Fourier transforms; gives the same bytes every time; is
/// compiled already; and rounds factors only where it may.
inline bool takes_plain_sums(const cudnn_node& engine, bool may_round) {
  const auto compiled = engine.values<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE);
  const auto notes = engine.values<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
  return std::ranges::count(compiled, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) == 0 &&
         std::ranges::all_of(notes, [may_round](cudnnBackendNumericalNote_t note) {
           const bool rounds = note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE ||
                               note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
           return note == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP || (rounds && may_round);
         });
}

/// A graph with the plans that can do it, of which the one that was measured to be the fastest on
/// the device stays.
class cudnn_operation {
 public:
  /// No plans where there is no graph. `name` is that of the graph, sizes and types included.
  cudnn_operation(std::unique_ptr<cudnn_graph> graph, std::string name, bool may_round)
      : graph_(std::move(graph)), name_(std::move(name)) {
    if (!graph_) return;
    for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
      if (plans_.empty())
        for (const cudnn_node& configuration : graph_->configurations(mode, most_listed))
          if (plans_.size() < most_timed) add(configuration, may_round);
  }

  bool has_plans() const { return !plans_.empty(); }
  std::size_t plans() const { return plans_.size(); }
  const cudnn_choice& choice(std::size_t i) const { return plans_[i].choice; }

  /// Does it, by the plan that was found to be the fastest: at the first time, unless work is
  /// recorded, that is asked of `choices`, else measured and told them.
  void run(const std::vector<cudnn_array>& arrays, cudnn_choices& choices) {
    for (const auto& [name, data] : arrays)
      require(reinterpret_cast<std::uintptr_t>(data) % cudnn_alignment == 0,
              "address of an array for cuDNN, modulo 16",
              reinterpret_cast<std::uintptr_t>(data) % cudnn_alignment, "0");
    if (!settled_ && !cuda_device::get().here().recording()) settle(arrays, choices);
    check_cudnn(execute(plans_.front(), arrays), "cudnnBackendExecute");
  }

 private:
  static constexpr std::size_t most_listed = 64, most_timed = 8;
  static constexpr std::int64_t most_space = std::int64_t{1} << 30;

  struct candidate {
    cudnn_node node;
    cudnn_choice choice;
    std::size_t space;
  };

  void add(const cudnn_node& configuration, bool may_round) {
    if (!takes_plain_sums(engine_of(configuration), may_round)) return;
    std::optional<cudnn_node> plan = graph_->plan(configuration);
    if (!plan) return;
    const auto space = plan->value<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    if (space > most_space) return;
    plans_.push_back({*std::move(plan), choice_of(configuration), static_cast<std::size_t>(space)});
  }

  static cudnnStatus_t execute(const candidate& plan, const std::vector<cudnn_array>& arrays) {
    const device_block space(plan.space);
    std::vector<std::int64_t> names;
    std::vector<void*> places;
    for (const auto& [name, data] : arrays) {
      names.push_back(name);
      places.push_back(const_cast<void*>(data));
    }
    cudnn_node pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, names.data(), names.size())
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, places.data(), places.size())
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, space.data())
        .finish();
    return cudnnBackendExecute(cudnn(), plan.node.get(), pack.get());
  }

  void settle(const std::vector<cudnn_array>& arrays, cudnn_choices& choices) {
    const auto plan_of = [&](const cudnn_choice& choice) {
      return std::ranges::find(plans_, choice, &candidate::choice);
    };
    const cudnn_choice best = choices.of(
        name_, [&](const cudnn_choice& choice) { return plan_of(choice) != plans_.end(); },
        [&] { return fastest(arrays); });
    std::swap(plans_.front(), *plan_of(best));
    plans_.erase(plans_.begin() + 1, plans_.end());
    settled_ = true;
  }

  cudnn_choice fastest(const std::vector<cudnn_array>& arrays) const {
    const candidate* best = nullptr;
    float least = std::numeric_limits<float>::infinity();
    for (const candidate& plan : plans_)
      if (const auto taken = milliseconds(plan, arrays); taken && *taken < least) {
        least = *taken;
        best = &plan;
      }
    if (!best) throw error(text("no engine of cuDNN's could run ", name_));
    return best->choice;
  }

  /// The least of some times; none where the plan cannot be run.
  static std::optional<float> milliseconds(const candidate& plan,
                                           const std::vector<cudnn_array>& arrays) {
    constexpr int times = 3;
    const timer clock(cuda_device::get().stream());
    float least = std::numeric_limits<float>::infinity();
    for (int i = 0; i <= times; ++i) {
      clock.start();
      if (execute(plan, arrays) != CUDNN_STATUS_SUCCESS) {
        cudaGetLastError();  // or the next call would report what was tried
        return {};
      }
      const float taken = clock.stop();
      if (i > 0) least = std::min(least, taken);  // the first may load what is run
    }
    return least;
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
