// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include <lift/io/image_grid.hpp>

#include "model_file.hpp"
#include "options.hpp"
#include "report.hpp"

namespace lift::cli {

/// What `lift train` is told.
struct train_settings : session {
  static constexpr bool on_all_ranks = true;
  std::string model = "lift", regime = "independent", loss_weighting = "none", lr_schedule = "cosine",
              optimiser = optimiser_choices[0].name,
              backend = engine_names().front();
  path data;
  image_size size = 64;
  std::size_t max_images = 0;
  unet_config net;
  std::size_t epochs = 100, steps = 0, batch_size = 64, grad_accum = 1, warmup = 0;
  double lr = 1e-4, lr_last = 1e-6, weight_decay = 0.01, clip = 1, ema = 0, time_limit = 0;
  bool labels = false, shard_states = false;
  double label_dropout = 0.1;
  std::optional<std::string> prediction, schedule, lr_step, ema_warmup;
  std::optional<double> momentum;
  std::size_t save_every = 10, sample_every = 10, sample_images = 16, keep = 0;
  std::optional<std::size_t> sample_steps;
  std::uint64_t seed = 42;
  preset_option preset;

  path regime_file;                              ///< that of --regime-path
  std::vector<std::vector<double>> regime_path;  ///< its timesteps
  double regime_jitter = 0, regime_ratio = ratio_regime().ratio();

  /// Whether the regime is told a path.
  bool follows_path() const {
    return regime == path_regime::name || regime == aligned_regime::name;
  }

  path outdir, from;
  std::string resume;
  std::optional<std::string> from_weights;
  std::size_t max_bad = 0;
  std::size_t scales = 2;  ///< names a model where --model does not
  bool resumed = false, overwrite = false;
  /// Steps after which the learning rate's annealing ends, where a time limit planned fewer than
  /// --epochs; 0: those of --epochs. A run that is resumed has them from the checkpoint.
  std::uint64_t planned_steps = 0;
  std::vector<std::string> class_names;  ///< of the data set, where the network is told labels
  std::function<bool(const std::string& flag)> given;  ///< whether the command line has a flag
};

/// Whether a resumed run must go on with the value it was begun with: always, never, or where its
/// learning rate follows the length of the training; `defaulted` is as fixed, and the default in
/// runs that do not tell it.
enum class setting_kind { fixed, free, length, defaulted };

/// Calls visit(name, member, kind) for each setting that config.json and a checkpoint record; the
/// flag is the name with dashes.
template <class Settings, class Visit>
void for_each_setting(Settings& s, const Visit& visit) {
  using enum setting_kind;
  visit("model", s.model, fixed);
  unet_config::for_each_field(s.net, [&](const char* name, auto& value) {
    visit(name, value, std::string_view(name) == "hidden_dims" ? fixed : defaulted);
  });
  visit("labels", s.labels, defaulted);
  visit("label_dropout", s.label_dropout, defaulted);
  visit("backend", s.backend, setting_kind::free);
  visit("data", s.data, setting_kind::free);
  visit("max_bad", s.max_bad, setting_kind::free);
  visit("size", s.size, fixed);
  visit("max_images", s.max_images, fixed);
  visit("regime", s.regime, fixed);
  visit("regime_path", s.regime_path, defaulted);
  visit("regime_jitter", s.regime_jitter, defaulted);
  visit("regime_ratio", s.regime_ratio, defaulted);
  visit("prediction", s.prediction, fixed);
  visit("loss_weighting", s.loss_weighting, defaulted);
  visit("schedule", s.schedule, fixed);
  visit("epochs", s.epochs, length);
  visit("steps", s.steps, setting_kind::free);
  visit("batch_size", s.batch_size, fixed);
  visit("grad_accum", s.grad_accum, fixed);
  visit("optimiser", s.optimiser, defaulted);
  visit("lr", s.lr, fixed);
  visit("lr_last", s.lr_last, fixed);
  visit("lr_schedule", s.lr_schedule, fixed);
  visit("lr_step", s.lr_step, fixed);
  visit("warmup", s.warmup, fixed);
  visit("momentum", s.momentum, fixed);
  visit("weight_decay", s.weight_decay, fixed);
  visit("clip", s.clip, fixed);
  visit("ema", s.ema, fixed);
  visit("ema_warmup", s.ema_warmup, fixed);
  visit("seed", s.seed, fixed);
  visit("save_every", s.save_every, setting_kind::free);
  visit("keep", s.keep, setting_kind::free);
  visit("sample_every", s.sample_every, setting_kind::free);
  visit("sample_images", s.sample_images, setting_kind::free);
  visit("sample_steps", s.sample_steps, setting_kind::free);
  visit("preset", s.preset.name, setting_kind::free);
}

/// The flag of a setting.
inline std::string flag_of(std::string name) {
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

inline json to_json(const train_settings& s) {
  json result = json::object();
  for_each_setting(s, [&](const char* name, const auto& value, setting_kind) {
    result[name] = setting_value(value);
  });
  if (s.labels) result["class_names"] = s.class_names;
  return result;
}

/// Takes from a run what the command line does not say; throws lift::error where it says otherwise
/// than a run can go on with.
inline void adopt(train_settings& s, json stored, const std::string& run) {
  if (!stored.contains("momentum")) stored["momentum"] = 0.0;  // AdamW has none
  const train_settings defaults;
  for_each_setting(defaults, [&](const char* name, const auto& value, setting_kind kind) {
    if (kind == setting_kind::defaulted && !stored.contains(name))
      stored[name] = setting_value(value);
  });
  if (stored.contains("planned_steps"))
    s.planned_steps = json_field<std::uint64_t>(stored, run, "planned_steps");
  const bool planned = stored.value("lr_schedule", json()) != "constant";
  for_each_setting(s, [&]<class Value>(const char* name, Value& value, setting_kind kind) {
    const std::string flag = flag_of(name);
    if (!stored.contains(name)) {
      if (kind == setting_kind::free) return;
      throw error(text(run, ": no setting '", name, "'"));
    }
    if (!s.given(flag)) {
      if constexpr (std::is_same_v<Value, path>)
        value = path_from_text(json_field<std::string>(stored, run, name));
      else if constexpr (requires { value.has_value(); }) {
        if (kind == setting_kind::defaulted && stored[name].is_null())
          value.reset();
        else
          value = json_field<typename Value::value_type>(stored, run, name);
      }
      else
        value = json_field<Value>(stored, run, name);
    }
    if (kind == setting_kind::fixed || kind == setting_kind::defaulted ||
        (kind == setting_kind::length && planned))
      require(setting_value(value) == stored[name], text(flag, " of a resumed run"),
              setting_value(value),
              text(stored[name], " as in ", run,
                   kind == setting_kind::length
                       ? ", over which cosine annealing was planned; --from starts a training of "
                         "another length from its weights"
                       : ""));
  });
}

/// Throws `misuse` where flags contradict each other, and lift::error where what a run was begun
/// with does: every such fault that can be known before the images are read.
inline void check(const train_settings& s) {
  using flags = std::initializer_list<const char*>;
  const auto demand = [&](bool holds, flags involved, const std::string& message) {
    if (holds) return;
    if (std::any_of(involved.begin(), involved.end(), s.given)) throw misuse(message);
    throw error(message);
  };
  // What a resumed run takes from its checkpoint was checked by no flag.
  const auto within = [&](const char* flag, auto value, auto least, auto most) {
    demand(value >= least && value <= most, {flag},
           text(flag, ": got ", value, ", want ", least, " to ", most));
  };
  constexpr std::size_t one = 1, many = 1'000'000'000;
  for (const std::size_t side : {s.size.width, s.size.height})
    within("--size", side, one, max_image_side);
  within("--epochs", s.epochs, one, many);
  within("--batch-size", s.batch_size, one, many);
  within("--grad-accum", s.grad_accum, one, many);
  within("--sample-images", s.sample_images, one, many);
  within("--sample-steps", *s.sample_steps, one, many);
  within("--ema", s.ema, 0.0, 1.0);
  within("--momentum", *s.momentum, 0.0, 1.0);
  demand(*s.momentum < 1, {"--momentum"}, "--momentum: got 1, want less");
  make_optimiser(s.optimiser);
  for (const auto& [flag, value] : {std::pair("--lr", s.lr), std::pair("--lr-last", s.lr_last),
                                    std::pair("--weight-decay", s.weight_decay),
                                    std::pair("--clip", s.clip)})
    within(flag, value, 0.0, 1e30);

  find_engine(s.backend);
  const std::string undefined = undefined_estimate(*s.prediction, *s.schedule);
  demand(undefined.empty(), {"--prediction", "--schedule"}, undefined);
  try {
    s.net.require_size(s.size);
    const std::size_t n = scale_count(choose("model", architecture_choices, s.model, s.net));
    require_multiple(text("image size for ", n, " scales"), s.size, std::size_t{1} << (n - 1));
  } catch (const error& problem) {
    demand(false, {"--hidden-dims", "--size", "--heads", "--blocks", "--attention-levels"},
           problem.what());
  }
  within("--label-dropout", s.label_dropout, 0.0, 1.0);
  if (s.sample_every > 0) {
    const std::size_t longest = make_schedule(*s.schedule).num_timesteps();
    demand(*s.sample_steps <= longest, {"--sample-steps"},
           text("--sample-steps: got ", *s.sample_steps, ", want at most ", longest));
    const std::size_t margin = grid_options{}.margin;
    const std::size_t longer = std::max(s.size.width, s.size.height);
    const std::size_t side = (max_image_side - margin) / (longer + margin);
    demand(s.sample_images <= side * side, {"--sample-images", "--size"},
           text("--sample-images: got ", s.sample_images, ", want at most ", side * side));
  }

  if (s.resumed) return;  // the rest is as it was checked then
  demand(s.labels || !s.given("--label-dropout"), {"--label-dropout"},
         "--label-dropout means nothing without --labels");
  demand(s.model != baseline_unet::name || s.regime == independent_regime::name ||
             s.regime == path_regime::name,
         {"--model", "--regime"},
         text("--regime ", s.regime, " means nothing to the baseline, which has one scale"));
  demand(s.model != baseline_unet::name || s.net.pyramid == copies::name, {"--model", "--pyramid"},
         text("--pyramid ", s.net.pyramid, " means nothing to the baseline, which has one scale"));

  const bool of_one_timestep =
      s.model == baseline_unet::name || s.model == lift_unet_shared_timestep::name;
  const told_timesteps told = make_told_timesteps(s.net.told_timesteps);
  demand(!of_one_timestep || told == told_timesteps::each || told == told_timesteps::none,
         {"--model", "--told-timesteps"},
         text("--told-timesteps ", s.net.told_timesteps, " means nothing to ", s.model,
              ", which is told one timestep"));

  for (const auto& [flag, meant] :
       {std::pair("--regime-path", s.follows_path()),
        std::pair("--regime-jitter", s.regime == path_regime::name),
        std::pair("--regime-ratio", s.regime == ratio_regime::name)})
    demand(meant || !s.given(flag), {flag}, text(flag, " means nothing to --regime ", s.regime));

  demand(
      s.batch_size % s.grad_accum == 0, {"--batch-size", "--grad-accum"},
      text("--grad-accum: got ", s.grad_accum, ", want a divisor of --batch-size ", s.batch_size));
  demand(s.max_images == 0 || s.batch_size <= s.max_images, {"--batch-size", "--max-images"},
         text("--batch-size: got ", s.batch_size, ", want at most --max-images ", s.max_images));

  demand(s.optimiser == sgd::name || !s.given("--momentum"), {"--momentum"},
         text("--momentum means nothing to ", s.optimiser));
  const bool constant = s.lr_schedule == "constant";
  demand(constant || s.lr_last <= s.lr, {"--lr", "--lr-last", "--lr-schedule"},
         text("--lr-last: got ", s.lr_last, ", want at most --lr ", s.lr));
  for (const char* flag : {"--lr-last", "--lr-step"})
    demand(!constant || !s.given(flag), {flag},
           text(flag, " means nothing to a constant learning rate"));
  demand(s.ema < 1 || s.ema_warmup != "off", {"--ema", "--ema-warmup"},
         "--ema 1 without warm-up leaves the average at the first weights");
  demand(s.ema > 0 || !s.given("--ema-warmup"), {"--ema-warmup"},
         "--ema-warmup means nothing without --ema");
}

}  // namespace lift::cli
