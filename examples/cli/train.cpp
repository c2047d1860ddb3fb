// SPDX-License-Identifier: MIT

#include <set>

#include "commands.hpp"
#include "identity.hpp"
#include "model_file.hpp"
#include "same_on_ranks.hpp"
#include "shared_training.hpp"
#include "training_run.hpp"

namespace lift::cli {
namespace {

cosine_annealing learning_rate(const train_settings& s, std::size_t images) {
  auto rate = cosine_annealing::over(
      s.epochs, images / std::max<std::size_t>(s.batch_size, 1),
      *s.lr_step == "epoch" ? preset::reference : preset::sound);
  rate.first = s.lr;
  rate.last = s.lr_schedule == "constant" ? s.lr : s.lr_last;
  rate.warmup = s.warmup;
  if (rate.steps > 0)
    require(s.warmup < rate.steps, "--warmup", s.warmup,
            text("fewer than the ", rate.steps, " steps of --epochs ", s.epochs));
  return s.planned_steps > 0 ? rate.lasting(s.planned_steps) : rate;
}

/// Of one of so many ranks, which share the parts of a batch.
training_options<any_optimiser> options_of(const train_settings& s, std::size_t ranks) {
  training_options<any_optimiser> result;
  result.batch_size = s.batch_size;
  result.accumulation = ceil_div(s.grad_accum, ranks);
  result.max_gradient_norm = s.clip > 0 ? s.clip : std::numeric_limits<double>::infinity();
  result.optimiser = make_optimiser(s.optimiser);
  std::visit(
      [&](auto& o) {
        o.weight_decay = s.weight_decay;
        if constexpr (requires { o.momentum; }) o.momentum = *s.momentum;
      },
      result.optimiser.model);
  result.shard_states = s.shard_states;
  result.average = {.decay = s.ema, .warmup = *s.ema_warmup == "on"};
  return result;
}

/// Throws lift::error where the path of --regime-path is of other scales or another schedule.
any_regime regime_of(const train_settings& s) {
  if (s.regime == ratio_regime::name) return {ratio_regime(s.regime_ratio)};
  if (!s.follows_path()) return make_regime(s.regime);
  if (!s.regime_file.empty())
    require_same(identity_of(s.regime_file), {"--schedule", {{"schedule", *s.schedule}}}, true);
  any_path along;
  along.timesteps = s.regime_path;
  const std::size_t n = scale_count(choose("model", architecture_choices, s.model, s.net));
  const std::size_t longest = make_schedule(*s.schedule).num_timesteps();
  return with_scale_count(n, [&](auto count) -> any_regime {
    const auto& steps = along.of<count>().timesteps;
    if (s.regime == aligned_regime::name) return {aligned_regime(steps, longest)};
    return {path_regime(steps, longest, s.regime_jitter)};
  });
}

/// A run to go on with.
checkpoint resume(train_settings& s, json& config, path& file) {
  file = find_checkpoint(s.resume.empty() || s.resume == "auto" ? s.outdir : path(s.resume));
  checkpoint stored(file);
  if (!stored.resumable())
    throw error(text(file.string(),
                     ": holds weights alone, so no training can be resumed from it; "
                     "--from starts one from them"));
  config = stored_settings<json>(stored);
  adopt(s, config, file.string());
  remark(s, "Resuming from ", file.string());
  return stored;
}

/// Weights to begin with; their model, configuration, labels and prediction are taken, and size and
/// schedule unless given.
stored_network begin_from(train_settings& s) {
  model_options options{.checkpoint = s.from, .weights = s.from_weights};
  if (s.given("--size")) options.size = s.size;
  if (s.given("--prediction")) options.prediction = s.prediction;
  if (s.given("--schedule")) options.schedule = s.schedule;
  stored_network stored = options.read(s);
  const auto same = [&](const char* flag, const json& given, const json& of_file) {
    if (s.given(flag))
      require(given == of_file, text(flag, " of a training from ", stored.file.string()), given,
              of_file);
  };
  same("--model", s.model, stored.weights.architecture());
  const unet_config& config = config_of(stored.architecture);
  json given;
  unet_config::for_each_field(s.net, [&](const char* name, const auto& value) {
    given[name] = setting_value(value);
  });
  unet_config::for_each_field(config, [&](const char* name, const auto& value) {
    same(flag_of(name).c_str(), given[name], setting_value(value));
  });
  same("--labels", s.labels, config.classes > 0);
  if (s.prediction)
    same("--prediction", *s.prediction,
         stored.settings.value("prediction", json(*s.prediction)));
  s.model = stored.weights.architecture();
  s.net = config;
  s.labels = config.classes > 0;
  s.prediction = stored.told.prediction;
  s.size = stored.told.size;
  s.schedule = stored.told.schedule;
  remark(s, "Beginning from the weights (", stored.identity["weights"].get<std::string>(), ") of ",
         stored.file.string());
  return stored;
}

/// Where the images of a run are: given, or where they were, or as they lay to the run's folder.
path find_data(const train_settings& s, const json& config, const path& folder) {
  if (s.given("--data") || !config.contains("data_absolute")) return s.data;
  const auto recorded = [&](const char* name) {
    return path_from_text(json_field<std::string>(config, folder.string(), name));
  };
  const path places[] = {recorded("data_absolute"), folder / recorded("data_from_run")};
  std::error_code unknown;
  for (const path& place : places)
    if (std::filesystem::exists(place, unknown)) return place;
  throw error(text("the images of this run are not at ", places[0].string(), " nor at ",
                   places[1].lexically_normal().string(), ": give --data"));
}

/// Records where images are, so that a run finds them from another folder, and when both are moved.
void record_places(json& config, const path& data, const path& outdir) {
  const auto whole = [](const path& place) {
    return std::filesystem::absolute(place).lexically_normal();
  };
  config["data_absolute"] = path_text(whole(data));
  config["data_from_run"] = path_text(whole(data).lexically_relative(whole(outdir)));
}

/// Says so where the epochs end before --steps, and where all steps were taken before: then also
/// how the run can go on.
void remark_on_length(const train_settings& s, std::uint64_t steps_taken, std::size_t images) {
  const std::uint64_t whole = s.epochs * (images / s.batch_size);
  if (s.steps > whole)
    remark(s, "--epochs ", s.epochs, " ends after ", whole, " steps, before --steps ", s.steps);
  const std::uint64_t planned = s.planned_steps > 0 ? s.planned_steps : whole;
  const bool cut = s.steps != 0 && s.steps < planned;
  if (whole == 0 || steps_taken < (cut ? s.steps : planned)) return;
  const std::string taken =
      text("Nothing to do: all ", steps_taken, " steps of ",
           cut                   ? text("--steps ", s.steps)
           : s.planned_steps > 0 ? text("a plan within a time limit")
                                 : text("--epochs ", s.epochs),
           " are taken");
  if (cut || s.lr_schedule == "constant")
    remark(s, taken, "; a greater number goes on");
  else
    remark(s, taken, " and the learning rate has come to --lr-last ", s.lr_last,
           " as planned; --from starts another training from the weights");
}

/// Takes the model for --scales of a run that begins afresh; throws `misuse` where the model has
/// another number of them.
void adopt_scales(train_settings& s, bool afresh) {
  if (!s.given("--scales")) return;
  if (afresh && !s.given("--model"))
    for (const auto& row : architecture_choices)
      if (scale_count(row.make(s.net)) == s.scales) {
        s.model = row.name;
        break;
      }
  const std::size_t of_model =
      scale_count(choose("model", architecture_choices, s.model, s.net));
  require_use(of_model == s.scales,
              text("--scales: got ", s.scales, ", but model ", s.model, " has ", of_model));
}

/// Takes the classes of the first `count` images of the data set; throws lift::error where they are
/// not in folders of all of them, or are others than the weights that are trained on were told.
void adopt_classes(train_settings& s, const image_dataset& data, std::size_t count,
                   const json& before) {
  if (!s.labels) return;
  data.require_labels();
  std::set<std::size_t> seen;
  for (std::size_t i = 0; i < count; ++i) seen.insert(*data.label(i));
  require(seen.size() == data.classes().size(), "classes of the images of --max-images",
          seen.size(), text("all ", data.classes().size()));
  s.class_names = data.classes();
  const json now = s.class_names;
  if (before.contains("class_names"))
    require(now == before["class_names"], "classes of the images", now,
            text(before["class_names"], " as the network was told"));
  if (s.net.classes > 0)
    require(data.classes().size() == s.net.classes, "classes of the images",
            data.classes().size(), text(s.net.classes, " as the network was told"));
  s.net.classes = data.classes().size();
}

void train(train_settings& s) {
  interruption::install();
  s.resumed = s.given("--resume");
  if (!s.regime_file.empty()) s.regime_path = load_any_path(s.regime_file).timesteps;
  rank_group* const ranks = sharing_ranks();
  const bool leads = leads_ranks();
  std::optional<run_folder> output;
  if (leads) output.emplace(s);
  std::optional<checkpoint> stored;
  std::optional<weight_kind> from;
  // Those of the run that goes on, and of the weights it begins with; where these come from.
  json earlier = json::object(), before = json::object(), origin;
  path begun_from;
  if (s.resumed) {
    stored = resume(s, earlier, begun_from);
    before = earlier;
    origin = earlier.value("from", json());
  } else if (!s.from.empty()) {
    stored_network begun = begin_from(s);
    from = begun.kind;
    begun_from = begun.file;
    before = begun.settings;
    origin = {{"checkpoint", begun.identity["checkpoint"]},
              {"step", begun.identity["step"]},
              {"weights", begun.identity["weights"]}};
    stored = std::move(begun.weights);
  }
  adopt_scales(s, !stored);
  require_use(!s.data.empty(), "--data is required");
  const usual side = usual_of(s.preset.side());
  s.prediction = s.prediction.value_or(side.prediction);
  if (!s.schedule) s.schedule = usual_schedule(s.preset.side(), s.prediction);
  s.sample_steps = s.sample_steps.value_or(side.steps);
  s.lr_step = s.preset.pick(s.lr_step, "iteration", "epoch");
  s.ema_warmup = s.preset.pick(s.ema_warmup, "on", "off");
  if (!s.momentum) s.momentum = s.optimiser == sgd::name ? sgd{}.momentum : 0;
  check(s);
  const device_sums_library* const between_devices =
      ranks && !find_engine(s.backend).instructions ? &sums_between_devices() : nullptr;
  if (ranks) {
    const std::size_t parts = round_up(s.grad_accum, ranks->size());
    require(s.batch_size % parts == 0, text("--batch-size on ", ranks->size(), " ranks"),
            s.batch_size, text("a multiple of ", parts, ", the parts it is cut into"));
  }
  const any_regime regime = regime_of(s);

  const path source = find_data(s, earlier, begun_from.parent_path());
  remark(s, "Reading ", source.string());
  const data_options reader{source, s.max_bad};
  const image_dataset data = interruptible([&] { return reader.load(s, s.size); });
  const std::size_t count =
      s.max_images == 0 ? data.size() : std::min(data.size(), s.max_images);
  const std::string pixels = fingerprint(data, count, s.labels);
  if (s.resumed) {
    const auto begun = json_field<std::string>(earlier, s.outdir.string(), "data_fingerprint");
    require(begun == pixels, "fingerprint of " + source.string(), pixels,
            begun + " of the images the run began with");
  }
  adopt_classes(s, data, count, before);
  remark_on_length(s, s.resumed ? stored->counter("step") : 0, count);
  json config = to_json(s);
  config["data_fingerprint"] = pixels;
  if (!origin.is_null()) config["from"] = origin;
  if (s.planned_steps > 0) config["planned_steps"] = s.planned_steps;
  require_same_on_ranks(config, begun_from);
  record_places(config, source, s.outdir);

  const training_setup setup{
      .model = {choose("model", architecture_choices, s.model, s.net),
                make_prediction(*s.prediction), make_schedule(*s.schedule)},
      .regime = regime,
      .rate = learning_rate(s, count),
      .options = options_of(s, ranks ? ranks->size() : 1),
      .seed = s.seed,
      .from = from,
      .data = &data,
      .images = count,
      .labelled = s.labels,
      .label_dropout = s.label_dropout,
      .weighting = make_loss_weighting(s.loss_weighting),
      .ranks = {ranks, between_devices}};
  std::unique_ptr<training> begun = find_engine(s.backend).train(setup, std::move(stored));
  if (ranks) ranks->barrier();  // all have read what rank 0 may now write
  if (!leads) return follow_training(*begun, *ranks);
  if (ranks) begun = std::make_unique<led_training>(std::move(begun), *ranks);
  training_run(s, setup, std::move(begun), config, *output).run();
}

}  // namespace

void add_train(CLI::App& program) {
  const auto s = std::make_shared<train_settings>();
  CLI::App& app = add_command(
      program, "train", "Trains a network on images",
      "lift train --data emoji.zip --outdir run --hidden-dims 32,64,128 --size 32 --epochs 20\n"
      "  lift train --outdir run --resume",
      s, train);
  app.footer(app.get_footer() +
             "\nSIGINT (Ctrl-C), SIGTERM and SIGHUP save the last whole step and end with exit code "
             "130, 143 or 129;\na second one ends at once.");
  s->given = [&app](const std::string& flag) {
    const CLI::Option* known = app.get_option_no_throw(flag);
    return known != nullptr && known->count() > 0;
  };

  option(app, "--data", s->data, data_help);
  max_bad_option(app, s->max_bad);
  number_option(app, "--max-images", s->max_images, "Train on the first so many images; 0 = all",
                from_zero);
  outdir_option(app, s->outdir);
  size_option(app, s->size);
  choice_option(app, "--model", s->model, names_of(architecture_choices), "Architecture");
  number_option(app, "--scales", s->scales,
                "Resolutions of one image, each half the one before; 1 is the baseline [that of "
                "--model]",
                whole(1, 3))
      ->default_str("");
  choice_option(app, "--pyramid", s->net.pyramid, names_of(pyramid_choices),
                "How an image becomes scales: copies, each half the one before, or Haar's orthonormal parts");
  number_option(app, "--hidden-dims", s->net.hidden_dims, "Channels of each level, multiples of 8",
                whole(1, 65536));
  number_option(app, "--blocks", s->net.blocks, "Residual blocks of a level", whole(1, 64));
  number_option(app, "--attention-levels", s->net.attention_levels,
                "Levels with attention, 0 the finest, or none [those of at least 128 channels]",
                whole(0, 15))
      ->type_name("UINT,...|none");
  number_option(app, "--heads", s->net.heads, "Heads of attention", whole(1, 65536));
  choice_option(app, "--told-timesteps", s->net.told_timesteps, names_of(told_timesteps_choices),
                "Whose timesteps the network is told: each scale's, the fine one's, for each output its own, none");
  app.add_flag("--labels", s->labels,
               "Tell the network the class of each image, its folder; `lift generate --labels` then "
               "asks for one");
  number_option(app, "--label-dropout", s->label_dropout,
                "Share of the images whose class is not told, for guidance", zero_to_one);
  backend_option(app, s->backend);
  choice_option(app, "--regime", s->regime, names_of(regime_choices),
                "Which timesteps of the scales are trained together");
  option(app, "--regime-path", s->regime_file,
         "Path of --regime path or aligned, as of `lift path` [the diagonal]")
      ->type_name("FILE");
  number_option(app, "--regime-jitter", s->regime_jitter,
                "Timesteps to either side of that of --regime path", real_from_zero);
  number_option(app, "--regime-ratio", s->regime_ratio,
                "A coarser timestep over the next finer one, of --regime ratio", zero_to_one);
  choice_option(app, "--prediction", s->prediction, names_of(prediction_choices),
                "What the network predicts [clean; reference: noise]");
  choice_option(app, "--loss-weighting", s->loss_weighting, names_of(loss_weighting_choices),
                "How much the losses of noise levels count");
  schedule_option(app, s->schedule)
      ->description("Noise schedule [cosine-ztsnr, which ends at pure noise, or for noise and edm predictions "
                    "cosine; reference: cosine]");

  number_option(app, "--epochs", s->epochs,
                "Passes over the images; the learning rate follows them", from_one);
  number_option(app, "--steps", s->steps, "Stop after so many steps [all]", from_one)
      ->default_str("");
  number_option(app, "--time-limit", s->time_limit,
                "Train for so many seconds at most: plans how many steps fit, and has the learning "
                "rate end with them [none]",
                real_above_zero)
      ->default_str("");
  batch_size_option(app, s->batch_size);
  number_option(app, "--grad-accum", s->grad_accum, "Parts of a batch, one at a time on each rank", from_one);
  app.add_flag("--shard-states", s->shard_states,
               "Under mpirun: each rank keeps a share of the optimiser's states, for less memory and more to send");
  choice_option(app, "--optimiser", s->optimiser, names_of(optimiser_choices),
                "What steps are taken by");
  number_option(app, "--lr", s->lr, "Learning rate; sgd wants a far greater one than adamw",
                real_above_zero);
  number_option(app, "--lr-last", s->lr_last, "Where cosine annealing ends", real_above_zero);
  choice_option(app, "--lr-schedule", s->lr_schedule, {"cosine", "constant"},
                "Learning rate over time");
  choice_option(app, "--lr-step", s->lr_step, {"iteration", "epoch"},
                "When it changes [iteration; reference: epoch, so that it hardly falls]");
  number_option(app, "--warmup", s->warmup, "Steps over which the learning rate rises to --lr",
                from_zero);
  number_option(app, "--momentum", s->momentum, "Momentum of sgd, below 1 [0.9]", zero_to_one)
      ->default_str("");
  number_option(app, "--weight-decay", s->weight_decay,
                "Weight decay, times the learning rate a step", real_from_zero);
  number_option(app, "--clip", s->clip, "Largest norm of the gradient; 0 = no clipping",
                real_from_zero);
  number_option(app, "--ema", s->ema, "Decay of the moving average of the weights; 0 = off",
                zero_to_one);
  choice_option(app, "--ema-warmup", s->ema_warmup, {"on", "off"},
                "Average over fewer steps at first [on; reference: off]");
  seed_option(app, s->seed);

  number_option(app, "--save-every", s->save_every,
                "Epochs between checkpoints; 0 = only at the end", from_zero);
  number_option(app, "--keep", s->keep, "Newest checkpoints to keep; 0 = all", from_zero);
  number_option(app, "--sample-every", s->sample_every, "Epochs between sample grids; 0 = none",
                from_zero);
  number_option(app, "--sample-images", s->sample_images, "Images of a sample grid", from_one);
  number_option(app, "--sample-steps", s->sample_steps, "Steps to make one [18; reference: 50]",
                from_one)
      ->default_str("");
  CLI::Option* resume =
      app.add_option("--resume", s->resume,
                     "Go on with the newest checkpoint of --outdir, or with FILE; flags that are "
                     "not given are as they were")
          ->expected(0, 1)
          ->type_name("[auto|FILE]");
  CLI::Option* from = option(app, "--from", s->from,
                             "Begin from the weights of FILE, or of the newest checkpoint of a "
                             "folder; model, prediction, and unless given size and schedule are "
                             "as they were")
                          ->type_name("FILE")
                          ->excludes(resume);
  choice_option(app, "--weights", s->from_weights, {"ema", "raw"},
                "Which of them [ema where there is one]")
      ->needs(from);
  app.add_flag("--overwrite", s->overwrite, "Begin anew in a folder that is not empty")
      ->excludes(resume);
  s->preset.add(app);
}

}  // namespace lift::cli
