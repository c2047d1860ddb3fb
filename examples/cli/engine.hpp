// SPDX-License-Identifier: MIT
#pragma once

// What the command has a backend do, a job at a time: generate, measure, train. Images and results
// cross in host memory, so that nothing here depends on a backend's types; each backend's engine is
// compiled in a file of its own (engine_*.cpp, engine_cuda.cu) from engine_on.hpp. The CPU's is a
// shared library, of which the loader takes the one for the processor; CUDA's is one that is opened
// when it is asked for, since CUDA's own libraries take long to load and are not on every machine.
// What they share with the command beside arguments and results is listed in cmake/lift_levels.map.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/io/checkpoint.hpp>
#include <lift/io/dataset.hpp>
#include <lift/io/safetensors.hpp>
#include <lift/metric/alexnet.hpp>
#include <lift/metric/denoising_error.hpp>
#include <lift/metric/inception.hpp>
#include <lift/metric/squeezenet.hpp>
#include <lift/metric/vgg16.hpp>
#include <lift/model/any_architecture.hpp>
#include <lift/sample/sampling_options.hpp>
#include <lift/schedule/any_schedule.hpp>
#include <lift/train/any_optimiser.hpp>
#include <lift/train/any_regime.hpp>
#include <lift/train/learning_rate.hpp>
#include <lift/train/loss_weighting.hpp>
#include <lift/train/training_options.hpp>

#include "any_scales.hpp"
#include "rank_group.hpp"

namespace lift::cli {

/// A tensor in host memory.
struct host_array {
  lift::shape shape;
  std::vector<float> values;
};

/// The solvers by name.
enum class solver_kind {
  ddim,
  heun,
  churned_heun,
  dpm_2s,
  dpm_2m,
  dpm_3m,
  uni_pc_2,
  uni_pc_3,
  sde_dpm_2m,
  localisation
};
inline constexpr choice<solver_kind> solver_choices[] = {
    {"ddim", [] { return solver_kind::ddim; }},
    {"heun", [] { return solver_kind::heun; }},
    {"churned-heun", [] { return solver_kind::churned_heun; }},
    {"dpm-2s", [] { return solver_kind::dpm_2s; }},
    {"dpm-2m", [] { return solver_kind::dpm_2m; }},
    {"dpm-3m", [] { return solver_kind::dpm_3m; }},
    {"unipc-2", [] { return solver_kind::uni_pc_2; }},
    {"unipc-3", [] { return solver_kind::uni_pc_3; }},
    {"sde-dpm-2m", [] { return solver_kind::sde_dpm_2m; }},
    {"localisation", [] { return solver_kind::localisation; }},
};
/// Whether its steps, but for one to a clean image, evaluate the network twice.
constexpr bool evaluates_twice(solver_kind kind) {
  return kind == solver_kind::heun || kind == solver_kind::churned_heun ||
         kind == solver_kind::dpm_2s;
}

inline constexpr choice<landing> landing_choices[] = {
    {"clean", [] { return landing::clean; }},
    {"timestep-zero", [] { return landing::timestep_zero; }},
};

inline constexpr choice<clipping> clipping_choices[] = {
    {"fixed", [] { return clipping::fixed; }},
    {"dynamic", [] { return clipping::dynamic; }},
    {"none", [] { return clipping::none; }},
};

/// What a network of two scales is shown as the coarse one.
enum class coarse_input { sampled, random, fixed, given };

/// A batch of images to generate.
struct generation {
  std::vector<std::vector<double>> path;  ///< of each step a timestep for every scale
  lift::shape fine;                       ///< (B, C, H, W)
  solver_kind solver = solver_kind::ddim;
  sampling_options<> options = {};
  class_labels labels = {};  ///< of every image of the batch, or none
  double guidance = 1;
  coarse_input coarse = coarse_input::sampled;
  host_array given = {};  ///< the coarse images of this batch, where they are given
  host_array changed = {};  ///< the clean images that are noised to begin with; none begins with noise
};

/// A step of it; `fine()` copies the fine images.
struct generated_step {
  std::size_t index, count;
  std::function<host_array()> fine;
};

/// What is known of a run along a fine path: lift::truncation_errors, and its fine images.
struct reference_run {
  grid<> errors;
  host_array fine;
};

/// The cells of a heatmap in any number of scales: a block is output · N + input.
struct any_heatmap_cells {
  using blocks = std::vector<sample_mean>;
  std::function<std::optional<blocks>(std::span<const std::size_t> cell)> find;
  std::function<void(std::span<const std::size_t> cell, const blocks&)> keep;
};

using any_denoising_errors =
    std::variant<denoising_errors<1>, denoising_errors<2>, denoising_errors<3>>;

/// A network with what it predicts and its schedule, on a backend. Every job runs there from its
/// first random number to its results.
class model_on_backend {
 public:
  virtual ~model_on_backend() = default;
  virtual std::size_t scale_count() const = 0;
  /// The fine images; throws lift::error as lift::generate.
  virtual host_array generate(const generation& job,
                              const std::function<void(const generated_step&)>& on_step) const = 0;
  virtual reference_run run_reference(const generation& job,
                                      const std::function<void(const generated_step&)>& on_step) const = 0;
  virtual any_heatmap measure_heatmap(const host_array& images, const heatmap_axis& axis,
                                      const error_heatmap_options& options,
                                      const heatmap_progress& progress,
                                      const any_heatmap_cells& cells) const = 0;
  virtual any_denoising_errors measure_errors(const host_array& images,
                                              const denoising_error_options& options) const = 0;
};

/// What a network is beside its weights.
struct model_setup {
  any_architecture architecture;
  lift::prediction prediction;
  any_schedule schedule;
};

/// What a training is given.
struct training_setup {
  model_setup model;
  any_regime regime;
  cosine_annealing rate;
  training_options<any_optimiser> options;
  std::uint64_t seed;
  std::optional<weight_kind> from = {};  ///< begin from these weights instead of a state
  const image_dataset* data;
  std::size_t images;  ///< how many of its first are trained on
  bool labelled = false;
  double label_dropout = 0.1;
  loss_weighting weighting = {};
  ranks_of_training ranks = {};  ///< that share each batch
};

/// What a training step tells of itself: as lift::step_report.
struct any_step_report {
  std::uint64_t step, epoch;
  std::vector<double> loss;  ///< of each scale
  double gradient_norm, learning_rate, images_per_second;
};

/// A training on a backend.
class training {
 public:
  virtual ~training() = default;
  virtual any_step_report step() = 0;
  virtual std::uint64_t steps_taken() const = 0;
  /// Whether the next step begins another epoch.
  virtual bool at_end_of_epoch() const = 0;
  virtual std::uint64_t batches_per_epoch() const = 0;
  virtual std::size_t parameters() const = 0;
  /// Takes the learning rates of the steps to come from another schedule.
  virtual void change_rate(const cosine_annealing& rate) = 0;
  /// On rank 0, while the others help.
  virtual void save(const std::filesystem::path& file,
                    const std::map<std::string, std::string>& settings) = 0;
  virtual void help_save() = 0;
  /// The network with the moving average of the weights, as they are now.
  virtual std::shared_ptr<const model_on_backend> average() const = 0;
};

/// A network whose activations describe images.
using any_feature_network = std::variant<vgg16, alexnet, squeezenet, inception>;

/// The features of images, each image's in a row, row by row.
using extract_features = std::function<std::vector<float>(const image_batch_view&)>;
/// The distances of images k of two batches.
using compare_images =
    std::function<std::vector<double>(const image_batch_view&, const image_batch_view&)>;

/// A backend that this build of the command has.
struct engine {
  const char* name;
  const char* compiled_for;  ///< native, a level as x86-64-v3, or OFF for the compiler's default
  std::shared_ptr<const model_on_backend> (*load)(const checkpoint& stored, const model_setup&,
                                                  weight_kind);
  /// Goes on from a checkpoint or, where the setup says so, begins from its weights; begins afresh
  /// where there is none.
  std::unique_ptr<training> (*train)(const training_setup&, std::optional<checkpoint> start);
  /// Of the network's last stage; weights as lift::feature_weights.
  extract_features (*features)(const any_feature_network&, const safetensors& weights,
                               const input_preparation&);
  /// LPIPS.
  compare_images (*lpips)(const any_feature_network&, const safetensors& weights);
  void (*use_threads)(std::size_t count);  ///< of the host, from now on
  const char* instructions = nullptr;  ///< of the vectors that it computes with; null on a device
};

/// The backends of this build; the CPU's is the first.
std::vector<std::string> engine_names();
/// The backend of that name, which from now on uses as many threads as the default pool; throws
/// lift::error where there is none, or where a library that it needs cannot be loaded.
const engine& find_engine(const std::string& name);

}  // namespace lift::cli

/// The engine of that name for CUDA, of the library liblift_engine_cuda; null where there is none.
extern "C" const lift::cli::engine* lift_cuda_engine(const char* name);
