// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <lift/core/digits.hpp>
#include <lift/io/checkpoint.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/json_file.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/train/any_regime.hpp>

#include "images.hpp"
#include "interruption.hpp"
#include "progress.hpp"
#include "run_folder.hpp"
#include "run_record.hpp"
#include "train_settings.hpp"

namespace lift::cli {

/// One run of `lift train`.
class training_run {
 public:
  training_run(const train_settings& s, const training_setup& setup,
               std::optional<checkpoint> start, const json& config, run_folder& folder)
      : s_(s),
        setup_(setup),
        config_(config),
        folder_(folder),
        training_(find_engine(s.backend).train(setup, std::move(start))),
        first_(training_->steps_taken()) {
    const std::uint64_t whole = s.epochs * training_->batches_per_epoch();
    last_ = s.steps == 0 ? whole : std::min<std::uint64_t>(s.steps, whole);
  }

  /// Throws `interrupted` in the end if a signal asked to stop.
  void run() {
    begin();
    progress bar(s_, "train", last_, first_, s_.time_limit);
    const char* ended = "done";
    try {
      while (training_->steps_taken() < last_) {
        const any_step_report r = interruptible([&] { return training_->step(); });
        stats_->add(r);
        show(r, bar);
        if (s_.time_limit > 0 && bar.seconds() >= s_.time_limit) {
          ended = "time limit";
          break;
        }
        if (training_->at_end_of_epoch()) end_epoch(r.epoch + 1);
      }
    } catch (const interrupted&) {
    }
    bar.leave_line();
    if (saved_ != training_->steps_taken()) save();
    if (s_.sample_every > 0) sample();
    if (const int signal = interruption::number()) {
      ended = signal == SIGINT ? "interrupted" : "terminated";
      remark(s_, "Stopped by a signal after step ", training_->steps_taken(),
             "; saved, --resume goes on");
    }
    report(s_, {{"outdir", path_text(s_.outdir)},
                {"checkpoint", path_text(s_.outdir / checkpoint_name(training_->steps_taken()))},
                {"stopped", ended},
                {"step", training_->steps_taken()},
                {"of", last_},
                {"loss", training_->steps_taken() > first_ ? json(average_) : json()},
                {"parameters", training_->parameters()},
                {"seconds", bar.seconds()}});
    interruption::check();
  }

 private:
  void begin() {
    const auto samples = std::filesystem::symlink_status(s_.outdir / "samples");
    if (std::filesystem::exists(samples) && !std::filesystem::is_directory(samples))
      throw error(text((s_.outdir / "samples").string(), " is in the way: want a folder"));
    if (s_.resumed) {
      folder_.require_none_after(first_);
      if (std::filesystem::exists(s_.outdir / checkpoint_name(first_))) saved_ = first_;
    } else {
      save();  // a run can be resumed from its beginning on
    }
    folder_.remove_earlier();
    write_json(folder_.file("config.json"), nlohmann::json(config_));
    write_json(folder_.file("env.json"), nlohmann::json(environment(s_.backend)));
    stats_.emplace(folder_.file("stats.jsonl"), first_);
    folder_.keep();
    // A signal may have come between an epoch's checkpoint and its pictures.
    const std::uint64_t epochs = first_ / std::max<std::uint64_t>(training_->batches_per_epoch(), 1);
    if (s_.resumed && first_ < last_ && training_->at_end_of_epoch() && s_.sample_every > 0 &&
        epochs > 0 && epochs % s_.sample_every == 0 &&
        !std::filesystem::exists(s_.outdir / sample_name()))
      sample();
  }

  std::string sample_name() const {
    return "samples/step_" + decimal(training_->steps_taken(), 8) + ".png";
  }

  void show(const any_step_report& r, progress& bar) {
    const double loss = total_loss(r);
    average_ = r.step == first_ + 1 ? loss : 0.98 * average_ + 0.02 * loss;
    bar.update(r.step, text("epoch ", r.epoch + 1, "/", s_.epochs, "  loss ",
                            std::round(1e4 * average_) / 1e4));
  }

  void end_epoch(std::uint64_t epochs) {
    if (s_.save_every > 0 && epochs % s_.save_every == 0) save();
    if (s_.sample_every > 0 && epochs % s_.sample_every == 0) sample();
  }

  /// Writes a checkpoint, and removes those that are not to be kept; leaves them where the weights
  /// are not finite.
  void save() {
    const std::uint64_t step = training_->steps_taken();
    training_->save(folder_.file(checkpoint_name(step)), {{"settings", json_text(config_)}});
    saved_ = step;
    folder_.keep_newest(s_.keep);
  }

  /// Pictures along the diagonal, of one class after another, always from the same noise; none if a signal asks to stop.
  void sample() {
    const auto network = training_->average();
    generation job{.path = {},
                   .fine = {s_.sample_images, 3, s_.size.height, s_.size.width},
                   .options = {.seed = s_.seed}};
    for (std::size_t i = 0; i < s_.sample_images && setup_.labelled; ++i)
      job.labels.push_back(static_cast<std::int64_t>(i % s_.net.classes));
    const auto& schedule = setup_.model.schedule;
    for (const auto& step : diagonal{}(error_heatmap<1>{}, schedule, s_.sample_steps))
      job.path.emplace_back(network->scale_count(), step.fine());
    try {
      const host_array images =
          interruptible([&] { return network->generate(job, [](const generated_step&) {}); });
      std::filesystem::create_directories(s_.outdir / "samples");
      write_png(folder_.file(sample_name()), image_grid(images.values, images.shape));
    } catch (const interrupted&) {
    }
  }

  const train_settings& s_;
  const training_setup& setup_;
  json config_;
  run_folder& folder_;
  std::unique_ptr<training> training_;
  std::optional<stats_file> stats_;
  std::uint64_t first_, last_ = 0, saved_ = std::numeric_limits<std::uint64_t>::max();
  double average_ = 0;
};

}  // namespace lift::cli
