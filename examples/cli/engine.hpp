// SPDX-License-Identifier: MIT
#pragma once

// What the command has a backend do: evaluate networks and train them. Images cross in host memory,
// so that nothing here depends on a backend's types; each backend's engine is compiled in a file of
// its own (engine_*.cpp, engine_cuda.cu) from engine_on.hpp.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lift/io/checkpoint.hpp>
#include <lift/pyramid/scales.hpp>
#include <lift/schedule/any_schedule.hpp>
#include <lift/train/any_regime.hpp>
#include <lift/train/trainer.hpp>

#include "any_architecture.hpp"

namespace lift::cli {

/// A tensor in host memory.
struct host_array {
  lift::shape shape;
  std::vector<float> values;
};
/// A dual in host memory.
struct host_dual {
  host_array primal, tangent;
};

/// A network on a backend.
class evaluator {
 public:
  virtual ~evaluator() = default;
  /// Both scales, alone or with tangents; throws lift::error for a network of one scale.
  virtual scales<host_array> operator()(const scales<host_array>& x,
                                        const scales<timesteps>& t) const = 0;
  virtual scales<host_dual> operator()(const scales<host_dual>& x,
                                       const scales<timesteps>& t) const = 0;
  /// One scale; throws lift::error for a network of two.
  virtual host_array operator()(const host_array& x, const timesteps& t) const = 0;
};

/// What a training is given.
struct training_setup {
  any_architecture architecture;
  any_prediction prediction;
  any_schedule schedule;
  any_regime regime;
  cosine_annealing rate;
  training_options options;
  std::uint64_t seed;
  std::optional<weight_kind> from = {};  ///< begin from these weights instead of a state
  std::size_t images;       ///< of the data set
  lift::shape image_shape;  ///< (C, S, S)
  /// Writes the images of those numbers, in [−1, 1], one after the other.
  std::function<void(std::span<const std::size_t>, std::span<float>)> read;
};

/// A training on a backend.
class training {
 public:
  virtual ~training() = default;
  virtual step_report step() = 0;
  virtual std::uint64_t steps_taken() const = 0;
  /// Whether the next step begins another epoch.
  virtual bool at_end_of_epoch() const = 0;
  virtual std::uint64_t batches_per_epoch() const = 0;
  virtual std::size_t parameters() const = 0;
  virtual void save(const std::filesystem::path& file,
                    const std::map<std::string, std::string>& settings) const = 0;
  /// The network with the moving average of the weights, as they are now.
  virtual std::shared_ptr<const evaluator> average() const = 0;
};

/// A backend that this build of the command has.
struct engine {
  const char* name;
  std::shared_ptr<const evaluator> (*load)(const checkpoint& stored, const any_architecture&,
                                           weight_kind);
  /// Goes on from a checkpoint or, where the setup says so, begins from its weights; begins afresh
  /// where there is none.
  std::unique_ptr<training> (*train)(const training_setup&, std::optional<checkpoint> start);
  /// Null where threads are those of the default pool, or a device's.
  void (*use_threads)(std::size_t count) = nullptr;
};

/// The backends of this build; the CPU's is the first.
std::span<const engine> engines();
std::vector<std::string> engine_names();
/// The backend of that name, which from now on uses as many threads as the default pool; throws
/// lift::error where there is none.
const engine& find_engine(const std::string& name);

}  // namespace lift::cli
