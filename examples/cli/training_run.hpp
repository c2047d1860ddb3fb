// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
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
#include "interruption.hpp"
#include "output_folder.hpp"
#include "progress.hpp"
#include "run_record.hpp"
#include "sampling.hpp"
#include "train_settings.hpp"

namespace lift::cli {

/// One run of `lift train`.
class training_run {
 public:
  training_run(const train_settings& s, const training_setup& setup,
               std::optional<checkpoint> start, const json& config)
      : s_(s),
        setup_(setup),
        config_(config),
        training_(find_engine(s.backend).train(setup, std::move(start))),
        first_(training_->steps_taken()) {
    const std::uint64_t whole = s.epochs * training_->batches_per_epoch();
    last_ = s.steps == 0 ? whole : std::min<std::uint64_t>(s.steps, whole);
  }

  void run() {
    interruption::install();
    output_folder folder(s_.outdir, s_.resumed || s_.overwrite,
                         "--resume goes on with the run in it, --overwrite begins anew");
    if (!s_.resumed) remove_earlier();
    write_json(folder.file("config.json"), nlohmann::json(config_));
    write_json(folder.file("env.json"), nlohmann::json(environment(s_.backend)));
    stats_file stats(folder.file("stats.jsonl"), first_);
    if (!s_.resumed) save();  // a run can be resumed from its beginning on
    folder.keep();

    progress bar(s_, "train", last_, first_, s_.time_limit);
    const char* stopped = "done";
    while (training_->steps_taken() < last_) {
      const step_report r = training_->step();
      stats.add(r);
      const double loss = r.loss.fine + r.loss.coarse;
      average_ = r.step == first_ + 1 ? loss : 0.98 * average_ + 0.02 * loss;
      bar.update(r.step, text("epoch ", r.epoch + 1, "/", s_.epochs, "  loss ",
                              std::round(1e4 * average_) / 1e4));
      if (interruption::number() != 0) stopped = "interrupted";
      if (s_.time_limit > 0 && bar.seconds() >= s_.time_limit) stopped = "time limit";
      if (std::string(stopped) != "done") break;
      const bool epoch_ends = training_->at_end_of_epoch();
      const auto due = [&](std::size_t every) {
        return epoch_ends && every > 0 && (r.epoch + 1) % every == 0;
      };
      if (due(s_.save_every)) save();
      if (due(s_.sample_every)) sample();
    }
    bar.leave_line();
    if (saved_ != training_->steps_taken()) save();
    if (s_.sample_every > 0 && interruption::number() == 0) sample();
    if (interruption::number() != 0)
      remark(s_, "Stopped by a signal after step ", training_->steps_taken(),
             "; saved, --resume goes on");
    report(s_, {{"outdir", s_.outdir.string()},
                {"checkpoint", (s_.outdir / checkpoint_name(training_->steps_taken())).string()},
                {"stopped", stopped},
                {"step", training_->steps_taken()},
                {"of", last_},
                {"loss", average_},
                {"parameters", training_->parameters()},
                {"seconds", bar.seconds()}});
    interruption::check();
  }

 private:
  /// Writes a checkpoint, and removes those that are not to be kept.
  void save() {
    training_->save(s_.outdir / checkpoint_name(training_->steps_taken()),
                    {{"settings", config_.dump()}});
    saved_ = training_->steps_taken();
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
    const any_network network{setup_.architecture, training_->average()};
    const tensor_type images = std::visit(
        [&]<class Prediction>(Prediction) {
          return generate_fine<Prediction>(network, setup_.schedule,
                                           diagonal{}({}, setup_.schedule, s_.sample_steps),
                                           {s_.sample_images, 3, s_.size, s_.size},
                                           {.seed = s_.seed});
        },
        setup_.prediction);
    std::ostringstream name;
    name << "step_" << std::setw(8) << std::setfill('0') << training_->steps_taken() << ".png";
    write_png(folder / name.str(), image_grid(images.to_host(), images.shape()));
  }

  /// The checkpoints and pictures of a run that is begun anew.
  void remove_earlier() const {
    while (const auto earlier = newest_checkpoint(s_.outdir)) std::filesystem::remove(*earlier);
    std::filesystem::remove(s_.outdir / "stats.jsonl");
    std::filesystem::remove_all(s_.outdir / "samples");
  }

  const train_settings& s_;
  const training_setup& setup_;
  json config_;
  std::unique_ptr<training> training_;
  std::uint64_t first_, last_ = 0, saved_ = std::numeric_limits<std::uint64_t>::max();
  double average_ = 0;
};

}  // namespace lift::cli
