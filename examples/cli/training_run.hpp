// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <csignal>
#include <iomanip>
#include <limits>
#include <sstream>
#include <vector>

#include <lift/io/checkpoint.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/json_file.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/train/any_regime.hpp>
#include <lift/train/trainer.hpp>

#include "images.hpp"
#include "output_folder.hpp"
#include "progress.hpp"
#include "run_record.hpp"
#include "sampling.hpp"
#include "train_settings.hpp"

namespace lift::cli {

/// The signal that asked to stop, 0 for none.
inline volatile std::sig_atomic_t interruption = 0;

/// The first `count` images of a data set, as a trainer reads them.
struct training_images {
  const image_dataset* data;
  std::size_t count;

  std::size_t size() const { return count; }
  tensor_type operator()(std::span<const std::size_t> numbers) const {
    return to_tensor(*data, numbers);
  }
};

/// One run of `lift train` with an architecture and what it predicts.
template <class Architecture, class Prediction>
class training_run {
  using objective_type = objective<any_schedule, any_regime, Prediction>;
  using trainer_type =
      trainer<Architecture, tensor_type, training_images, objective_type, cosine_annealing>;

 public:
  training_run(const train_settings& s, const Architecture& architecture,
               const training_images& images, const training_state<tensor_type>& start,
               const json& config)
      : s_(s),
        architecture_(architecture),
        config_(config),
        first_(start.step),
        trainer_(architecture, start, images,
                 objective_type{make_schedule(s.schedule), make_regime(s.regime), Prediction{}},
                 learning_rate(images), options()) {
    const std::uint64_t whole = s.epochs * trainer_.batches_per_epoch();
    last_ = s.steps == 0 ? whole : std::min<std::uint64_t>(s.steps, whole);
  }

  void run() {
    interruption = 0;
    std::signal(SIGINT, [](int number) { interruption = number; });
    std::signal(SIGTERM, [](int number) { interruption = number; });
    output_folder folder(s_.outdir, s_.resumed || s_.overwrite,
                         "--resume goes on with the run in it, --overwrite begins anew");
    if (!s_.resumed) remove_earlier();
    write_json(folder.file("config.json"), nlohmann::json(config_));
    write_json(folder.file("env.json"), nlohmann::json(environment()));
    stats_file stats(folder.file("stats.jsonl"), first_);
    if (!s_.resumed) save();  // a run can be resumed from its beginning on
    folder.keep();

    progress bar(s_, "train", last_, first_, s_.time_limit);
    const char* stopped = "done";
    while (state().step < last_) {
      const step_report r = trainer_.step();
      stats.add(r);
      const double loss = r.loss.fine + r.loss.coarse;
      average_ = r.step == first_ + 1 ? loss : 0.98 * average_ + 0.02 * loss;
      bar.update(r.step, text("epoch ", r.epoch + 1, "/", s_.epochs, "  loss ",
                              std::round(1e4 * average_) / 1e4));
      if (interruption != 0) stopped = interruption == SIGINT ? "interrupted" : "terminated";
      if (s_.time_limit > 0 && bar.seconds() >= s_.time_limit) stopped = "time limit";
      if (std::string(stopped) != "done") break;
      const bool epoch_ends = state().cursor + s_.batch_size > state().images;
      const auto due = [&](std::size_t every) {
        return epoch_ends && every > 0 && (r.epoch + 1) % every == 0;
      };
      if (due(s_.save_every)) save();
      if (due(s_.sample_every)) sample();
    }
    bar.leave_line();
    if (saved_ != state().step) save();
    if (s_.sample_every > 0 && interruption == 0) sample();
    if (interruption != 0)
      remark(s_, "Stopped by a signal after step ", state().step, "; saved, --resume goes on");
    report(s_, {{"outdir", s_.outdir.string()},
                {"checkpoint", (s_.outdir / checkpoint_name(state().step)).string()},
                {"stopped", stopped},
                {"step", state().step},
                {"of", last_},
                {"loss", average_},
                {"parameters", state().weights.scalar_count()},
                {"seconds", bar.seconds()}});
  }

 private:
  const training_state<tensor_type>& state() const { return trainer_.state(); }

  cosine_annealing learning_rate(const training_images& images) const {
    const std::size_t batches = images.size() / std::max<std::size_t>(s_.batch_size, 1);
    auto rate = cosine_annealing::over(
        s_.epochs, batches, *s_.lr_step == "epoch" ? preset::reference : preset::sound);
    rate.first = s_.lr;
    rate.last = s_.lr_schedule == "constant" ? s_.lr : s_.lr_last;
    rate.warmup = s_.warmup;
    return rate;
  }

  training_options options() const {
    training_options result;
    result.batch_size = s_.batch_size;
    result.accumulation = s_.grad_accum;
    result.max_gradient_norm = s_.clip > 0 ? s_.clip : std::numeric_limits<double>::infinity();
    result.optimiser.weight_decay = s_.weight_decay;
    result.average = {.decay = s_.ema, .warmup = *s_.ema_warmup == "on"};
    return result;
  }

  /// Writes a checkpoint, and removes those that are not to be kept.
  void save() {
    save_checkpoint(s_.outdir / checkpoint_name(state().step), architecture_, state(),
                    {{"settings", config_.dump()}});
    saved_ = state().step;
    std::vector<path> all;
    for (const auto& entry : std::filesystem::directory_iterator(s_.outdir))
      if (entry.path().filename().string().starts_with("checkpoint_") &&
          entry.path().extension() == ".safetensors")
        all.push_back(entry.path());
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i + 1 < all.size(); ++i)
      if ((s_.keep > 0 && i + s_.keep < all.size()) || all[i].filename() == checkpoint_name(0))
        std::filesystem::remove(all[i]);
  }

  /// Pictures along the diagonal, always from the same noise.
  void sample() {
    const path folder = s_.outdir / "samples";
    std::filesystem::create_directories(folder);
    const any_schedule schedule = make_schedule(s_.schedule);
    const any_network network{lift::network<Architecture, tensor_type>(architecture_,
                                                                       state().average)};
    const tensor_type images = generate_fine<Prediction>(
        network, schedule, diagonal{}({}, schedule, s_.sample_steps),
        {s_.sample_images, 3, s_.size, s_.size}, {.seed = s_.seed});
    std::ostringstream name;
    name << "step_" << std::setw(8) << std::setfill('0') << state().step << ".png";
    write_png(folder / name.str(), image_grid(images.to_host(), images.shape()));
  }

  /// The checkpoints and pictures of a run that is begun anew.
  void remove_earlier() const {
    while (const auto earlier = newest_checkpoint(s_.outdir)) std::filesystem::remove(*earlier);
    std::filesystem::remove(s_.outdir / "stats.jsonl");
    std::filesystem::remove_all(s_.outdir / "samples");
  }

  const train_settings& s_;
  Architecture architecture_;
  json config_;
  std::uint64_t first_, last_ = 0, saved_ = std::numeric_limits<std::uint64_t>::max();
  double average_ = 0;
  trainer_type trainer_;
};

}  // namespace lift::cli
