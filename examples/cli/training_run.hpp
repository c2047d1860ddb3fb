// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <lift/core/digits.hpp>
#include <lift/io/checkpoint.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/json_file.hpp>
#include <lift/path/any_path_policy.hpp>
#include <lift/train/any_regime.hpp>

#include "images.hpp"
#include "interruption.hpp"
#include "progress.hpp"
#include "run_folder.hpp"
#include "run_record.hpp"
#include "time_plan.hpp"
#include "train_settings.hpp"

namespace lift::cli {

/// One run of `lift train`.
class training_run {
 public:
  training_run(const train_settings& s, const training_setup& setup,
               std::unique_ptr<training> begun, const json& config, run_folder& folder)
      : s_(s),
        setup_(setup),
        config_(config),
        folder_(folder),
        training_(std::move(begun)),
        first_(training_->steps_taken()) {
    asked_ = s.epochs * training_->batches_per_epoch();
    for (const std::uint64_t fewer : {std::uint64_t{s.steps}, s.planned_steps})
      if (fewer > 0) asked_ = std::min(asked_, fewer);
    last_ = asked_;
    plan_ = {s.time_limit, first_, asked_};
    plan_.saving.every = s.save_every * training_->batches_per_epoch();
    plan_.sampling.every = s.sample_every * training_->batches_per_epoch();
  }

  /// Throws `interrupted` in the end if a signal asked to stop.
  void run() {
    begin();
    progress bar(s_, "train", last_, first_, s_.time_limit);
    try {
      while (training_->steps_taken() < last_) {
        const double before = bar.seconds();
        const any_step_report r = interruptible([&] { return training_->step(); });
        stats_->add(r);
        show(r, bar);
        if (s_.time_limit > 0 && !in_time(r.step, bar.seconds() - before, bar)) break;
        if (training_->at_end_of_epoch()) end_epoch(r.epoch + 1);
      }
    } catch (const interrupted&) {
    } catch (const unreadable_image& failure) {  // which is read before a step changes anything
      if (setup_.ranks.size() > 1 || saved_ == training_->steps_taken()) throw;
      bar.leave_line();
      save();
      throw error(text(failure.what(), "; step ", saved_, " is saved"));
    }
    bar.leave_line();
    if (saved_ != training_->steps_taken()) save();
    if (s_.sample_every > 0) sample();
    const char* ended = training_->steps_taken() < asked_ ? "time limit" : "done";
    if (const int signal = interruption::number()) {
      ended = signal == SIGINT ? "interrupted" : "terminated";
      remark(s_, "Stopped by a signal after step ", training_->steps_taken(),
             "; saved, --resume goes on");
    }
    json result = {
        {"outdir", path_text(s_.outdir)},
        {"checkpoint", path_text(s_.outdir / checkpoint_name(training_->steps_taken()))},
        {"stopped", ended},
        {"step", training_->steps_taken()},
        {"of", asked_},
        {"steps_per_epoch", training_->batches_per_epoch()},
        {"loss", training_->steps_taken() > first_ ? json(average_) : json()},
        {"parameters", training_->parameters()},
        {"seconds", bar.seconds()}};
    if (plan_.made()) result["planned"] = plan_.steps();
    report(s_, result);
    interruption::check();
  }

 private:
  void begin() {
    const auto samples = std::filesystem::symlink_status(s_.outdir / "samples");
    if (std::filesystem::exists(samples) && !std::filesystem::is_directory(samples))
      throw error(text((s_.outdir / "samples").string(), " is in the way: want a folder"));
    if (s_.resumed) {
      folder_.require_none_after(first_);
      const bool there = std::filesystem::exists(s_.outdir / checkpoint_name(first_));
      // One that is to end in time has to know how long a checkpoint takes.
      if (there && s_.time_limit > 0 && first_ < last_)
        save();
      else if (there)
        saved_ = first_;
    } else {
      save();  // a run can be resumed from its beginning on
    }
    folder_.remove_earlier();
    write_json(folder_.file("config.json"), nlohmann::json(config_));
    write_json(folder_.file("env.json"), nlohmann::json(environment(find_engine(s_.backend))));
    stats_.emplace(folder_.file("stats.jsonl"), first_);
    folder_.keep();
    if (s_.resumed) folder_.keep_newest(s_.keep);  // as the run that was stopped was about to
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

  /// Whether the time limit leaves time for another step, after a step that took so many seconds;
  /// plans how many there is time for, and has the learning rate end with the last of them.
  bool in_time(std::uint64_t step, double seconds, progress& bar) {
    if (plan_.took(step, seconds, bar.seconds())) {
      const bool first = !plan_.made();
      if (first && s_.sample_every > 0 && plan_.sampling.seconds == 0)
        plan_.sampling.seconds = seconds_of_samples();
      if (plan_.make(bar.seconds())) {
        follow_plan();
        bar.leave_line();
        bar.set_total(last_);
        remark(s_, first ? "Planned " : "Planned anew ",
               last_ < asked_ ? text(last_, " of ") : "all ", asked_, " steps: ",
               significant_digits(plan_.seconds_per_step(), 3), " s a step, ", s_.time_limit, " s");
      }
    }
    return !plan_.is_over(bar.seconds());
  }

  /// Has the training end with the plan. A learning rate that stays the same is for any number of
  /// steps, so that a later --resume goes on; another is recorded to have been planned for these.
  void follow_plan() {
    last_ = plan_.steps();
    if (s_.lr_schedule == "constant") return;
    training_->change_rate(last_ < asked_ ? setup_.rate.lasting(last_) : setup_.rate);
    if (last_ < asked_)
      config_["planned_steps"] = last_;
    else if (s_.planned_steps == 0)
      config_.erase("planned_steps");
    write_json(folder_.file("config.json"), nlohmann::json(config_));
  }

  /// Writes a checkpoint, and removes those that are not to be kept; leaves them where the weights
  /// are not finite.
  void save() {
    const stopwatch clock;
    const std::uint64_t step = training_->steps_taken();
    training_->save(folder_.file(checkpoint_name(step)), {{"settings", json_text(config_)}});
    saved_ = step;
    folder_.keep_newest(s_.keep);
    plan_.saving.seconds = clock.seconds();
  }

  /// Pictures along the usual path, of one class after another, always from the same noise; none if a
  /// signal asks to stop.
  void sample() {
    const stopwatch clock;
    const auto network = training_->average();
    try {
      const host_array images = interruptible([&] {
        return network->generate(samples(*network, *s_.sample_steps), [](const generated_step&) {});
      });
      std::filesystem::create_directories(s_.outdir / "samples");
      write_png(folder_.file(sample_name()), image_grid(images.values, images.shape));
      plan_.sampling.seconds = clock.seconds();
    } catch (const interrupted&) {
    }
  }

  /// How long sample() will take, from the first steps along a short path.
  double seconds_of_samples() {
    std::vector<double> ends;  // of steps
    const stopwatch clock;
    try {
      const auto network = training_->average();
      interruptible([&] {
        return network->generate(samples(*network, 3), [&](const generated_step& step) {
          step.fine();  // a device has then finished it
          ends.push_back(clock.seconds());
        });
      });
    } catch (const interrupted&) {
      return 0;
    }
    return ends[0] + static_cast<double>(*s_.sample_steps) * (ends[2] - ends[1]);
  }

  generation samples(const model_on_backend& network, std::size_t steps) const {
    generation job{.path = {},
                   .fine = {s_.sample_images, 3, s_.size.height, s_.size.width},
                   .options = {.seed = s_.seed}};
    for (std::size_t i = 0; i < s_.sample_images && setup_.labelled; ++i)
      job.labels.push_back(static_cast<std::int64_t>(i % s_.net.classes));
    const usual side = usual_of(s_.preset.side());
    job.solver = choose("solver", solver_choices, usual_solver(s_.preset.side(), steps));
    for (const auto& step :
         make_path_policy(side.policy)(error_heatmap<1>{}, setup_.model.schedule, steps))
      job.path.emplace_back(network.scale_count(), step.fine());
    return job;
  }

  const train_settings& s_;
  const training_setup& setup_;
  json config_;
  run_folder& folder_;
  std::unique_ptr<training> training_;
  std::optional<stats_file> stats_;
  std::uint64_t first_, asked_ = 0, last_ = 0, saved_ = std::numeric_limits<std::uint64_t>::max();
  time_plan plan_{0, 0, 0};
  double average_ = 0;
};

}  // namespace lift::cli
