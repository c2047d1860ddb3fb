// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <lift/core/thread_pool.hpp>
#include <lift/io/feature_weights.hpp>
#include <lift/metric/lpips.hpp>
#include <lift/metric/pooled_activations.hpp>
#include <lift/model/guided.hpp>
#include <lift/model/model.hpp>
#include <lift/model/recorded_network.hpp>
#include <lift/model/stored_network.hpp>
#include <lift/pipeline/dataset_images.hpp>
#include <lift/sample/any_solver.hpp>
#include <lift/sample/generate.hpp>
#include <lift/sample/truncation_errors.hpp>
#include <lift/train/trainer.hpp>

#include "engine.hpp"
#include "with_solver.hpp"

namespace lift::cli {

template <class Tensor>
Tensor to_backend(const host_array& x) {
  return Tensor(x.shape, x.values);
}
template <class Tensor>
host_array to_host(const Tensor& x) {
  return {x.shape(), x.to_host()};
}

template <class Architecture, class Tensor>
class model_of final : public model_on_backend {
  static constexpr std::size_t n = Architecture::scale_count;

 public:
  model_of(const model_setup& setup, network<Architecture, Tensor> net)
      : model_{recorded(evaluated(std::move(net))), setup.prediction, setup.schedule} {}

  std::size_t scale_count() const override { return n; }

  host_array generate(const generation& job,
                      const std::function<void(const generated_step&)>& on_step) const override {
    const auto [options, path, start] = begin(job);
    return to_host(pyramid().join(
        sample(told(job), model_.schedule, path, start, options, tell(on_step), held(job))));
  }

  reference_run run_reference(
      const generation& job,
      const std::function<void(const generated_step&)>& on_step) const override {
    const auto [options, path, start] = begin(job);
    const auto along =
        reference_trajectory(told(job), model_.schedule, path, start, options, tell(on_step));
    return {truncation_errors(along), to_host(pyramid().join(along.x.back()))};
  }

  any_heatmap measure_heatmap(const host_array& images, const heatmap_axis& axis,
                              const error_heatmap_options& options,
                              const heatmap_progress& progress,
                              const any_heatmap_cells& cells) const override {
    using blocks = typename heatmap_cells<n>::blocks;
    return compute_error_heatmap<n>(
        model_, model_.schedule, to_backend<Tensor>(images), axis, options, progress,
        heatmap_cells<n>{[&](const cell<n>& at) -> std::optional<blocks> {
                           const auto known = cells.find(std::span(at.begin(), n));
                           if (!known) return std::nullopt;
                           return make_scales<n>([&](std::size_t output) {
                             return make_scales<n>(
                                 [&](std::size_t input) { return known->at(output * n + input); });
                           });
                         },
                         [&](const cell<n>& at, const blocks& measured) {
                           any_heatmap_cells::blocks all;
                           for (const auto& of_output : measured)
                             all.insert(all.end(), of_output.begin(), of_output.end());
                           cells.keep(std::span(at.begin(), n), all);
                         }},
        pyramid());
  }

  any_denoising_errors measure_errors(const host_array& images,
                                      const denoising_error_options& options) const override {
    return measure_denoising_errors<n>(model_, model_.schedule, to_backend<Tensor>(images), options,
                                       pyramid());
  }

 private:
  using evaluated = evaluated_network<network<Architecture, Tensor>>;
  using recorded = recorded_network<evaluated, Tensor, n>;
  using model_type = model<recorded, any_schedule>;

  /// What a run begins with.
  struct beginning {
    sampling_options<any_solver<Tensor, n>, any_pyramid> options;
    timestep_path<n> path;
    scales<Tensor, n> start;
  };
  beginning begin(const generation& job) const {
    const sampling_options<>& o = job.options;
    using any = any_solver<Tensor, n>;
    beginning result{
        {with_solver(job.solver, o.solver, [](const auto& solver) { return any(solver); }), o.clip,
         o.landing, o.seed, o.first_sample, pyramid()},
        path_of(job),
        {}};
    result.start = job.changed.values.empty()
                       ? initial_noises<Tensor, n>(job.fine, result.options)
                       : noised_images<n>(model_.schedule, result.path.front(),
                                          to_backend<Tensor>(job.changed), result.options);
    return result;
  }
  guided<const model_type&> told(const generation& job) const {
    return {model_, {job.labels}, job.guidance};
  }
  std::function<void(const sampling_step<Tensor, n>&)> tell(
      const std::function<void(const generated_step&)>& on_step) const {
    return [this, &on_step](const sampling_step<Tensor, n>& step) {
      on_step({step.index, step.count, [&] { return to_host(pyramid().join(step.x)); }});
    };
  }

  static timestep_path<n> path_of(const generation& job) {
    any_path path;
    path.timesteps = job.path;
    return path.of<n>().timesteps;
  }

  any_pyramid pyramid() const { return pyramid_of(model_.network.plain().architecture); }

  scales<held_images<Tensor>, n> held(const generation& job) const {
    scales<held_images<Tensor>, n> result;
    if (job.coarse == coarse_input::sampled) return result;
    require(n == 2, "scales of a network whose coarse images are given or noise", n, 2);
    const shape coarse = pyramid().template split<n>(job.fine).coarse();
    const auto& [seed, first] = std::pair(job.options.seed, job.options.first_sample);
    if (job.coarse == coarse_input::random)
      result.coarse() = fresh_noise<Tensor>{coarse, 1, seed, first};
    else if (job.coarse == coarse_input::fixed)
      result.coarse() = fixed_images<Tensor>{initial_noise<Tensor>(coarse, 1, job.options)};
    else
      result.coarse() = fixed_images<Tensor>{
          pyramid().template split<n>(enlarged(to_backend<Tensor>(job.given), job.fine)).coarse()};
    return result;
  }

  /// Every pixel as 2×2 pixels, so that these are its means.
  static Tensor enlarged(const Tensor& x, const shape& to) {
    return scaled(op::downsample{}.transpose(x, to), 4);
  }

  model_type model_;
};

/// What sums a training's tensors over its ranks.
template <class Tensor>
struct summed_by {
  using communicator = ranks_of_training;
  static communicator of(const ranks_of_training& ranks) { return ranks; }
};

template <class Architecture, class Tensor>
class training_on final : public training {
 public:
  training_on(const training_setup& setup, const Architecture& architecture,
              const training_state<Tensor>& start)
      : setup_(setup),
        images_(images_of(setup)),
        architecture_(architecture),
        trainer_(architecture, start, images_,
                 objective_type{.schedule = setup.model.schedule,
                                .regime = setup.regime,
                                .prediction = setup.model.prediction,
                                .pyramid = pyramid_of(architecture),
                                .label_dropout = setup.label_dropout,
                                .weighting = setup.weighting},
                 setup.rate, setup.options, summed_by<Tensor>::of(setup.ranks)) {}

  any_step_report step() override {
    const auto r = trainer_.step();
    return {r.step,          r.epoch,         {r.loss.begin(), r.loss.end()},
            r.gradient_norm, r.learning_rate, r.images_per_second};
  }
  std::uint64_t steps_taken() const override { return trainer_.state().step; }
  bool at_end_of_epoch() const override {
    return trainer_.state().cursor + setup_.options.batch_size > trainer_.state().images;
  }
  std::uint64_t batches_per_epoch() const override { return trainer_.batches_per_epoch(); }
  std::size_t parameters() const override { return trainer_.state().weights.scalar_count(); }
  void change_rate(const cosine_annealing& rate) override { trainer_.change_rate(rate); }
  void save(const std::filesystem::path& file,
            const std::map<std::string, std::string>& settings) override {
    save_checkpoint(file, architecture_, trainer_.whole_state(), settings);
  }
  void help_save() override { trainer_.whole_state(); }
  std::shared_ptr<const model_on_backend> average() const override {
    return std::make_shared<model_of<Architecture, Tensor>>(
        setup_.model, network<Architecture, Tensor>(architecture_, trainer_.state().average));
  }

 private:
  using objective_type = objective<any_schedule, any_regime, any_pyramid>;

  static dataset_images<Tensor> images_of(const training_setup& setup) {
    dataset_images<Tensor> images{setup.data, setup.labelled, setup.images};
    if constexpr (uploading_backend<typename Tensor::backend_type>) images.keep_on_backend();
    return images;
  }

  training_setup setup_;
  dataset_images<Tensor> images_;
  Architecture architecture_;
  trainer<Architecture, Tensor, dataset_images<Tensor>, objective_type, cosine_annealing,
          any_optimiser, typename summed_by<Tensor>::communicator>
      trainer_;
};

template <class Tensor>
std::shared_ptr<const model_on_backend> load_on(const checkpoint& stored, const model_setup& setup,
                                                weight_kind kind) {
  return std::visit(
      [&]<class Architecture>(const Architecture& a) -> std::shared_ptr<const model_on_backend> {
        return std::make_shared<model_of<Architecture, Tensor>>(
            setup, network<Architecture, Tensor>(a, stored.weights<Tensor>(a, kind)));
      },
      setup.architecture);
}

template <class Tensor>
std::unique_ptr<training> train_on(const training_setup& setup, std::optional<checkpoint> start) {
  return std::visit(
      [&]<class Architecture>(const Architecture& a) -> std::unique_ptr<training> {
        const auto begun = [&](const parameters<Tensor>& weights) {
          return training_state(weights, setup.seed, setup.options.optimiser);
        };
        const auto state = !start ? begun(network<Architecture, Tensor>(a, setup.seed).weights)
                           : setup.from ? begun(start->weights<Tensor>(a, *setup.from))
                                        : start->state<Tensor>(a);
        start.reset();  // training needs the memory
        return std::make_unique<training_on<Architecture, Tensor>>(setup, a, state);
      },
      setup.model.architecture);
}

template <class Tensor>
extract_features features_on(const any_feature_network& chosen, const safetensors& weights,
                             const input_preparation& preparation) {
  return std::visit(
      [&]<class Network>(const Network& network) -> extract_features {
        return pooled_activations<Network, Tensor>(feature_weights<Tensor>(weights, network),
                                                   network, preparation);
      },
      chosen);
}

template <class Tensor>
compare_images lpips_on(const any_feature_network& chosen, const safetensors& weights) {
  return std::visit(
      [&]<class Network>(const Network& network) -> compare_images {
        return lpips<Network, Tensor>(feature_weights<Tensor>(weights, network), network);
      },
      chosen);
}

/// The engine of a backend, in float32.
template <class Backend, class Tensor = tensor<Backend, float>>
constexpr engine engine_on{
    .name = Backend::name,
    .compiled_for = LIFT_PROCESSOR,
    .load = load_on<Tensor>,
    .train = train_on<Tensor>,
    .features = features_on<Tensor>,
    .lpips = lpips_on<Tensor>,
    .use_threads = [](std::size_t n) {  // a library has a default pool of its own
      if (default_thread_pool().size() != n) default_thread_pool().resize(n);
    }};

}  // namespace lift::cli
