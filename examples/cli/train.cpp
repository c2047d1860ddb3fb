// SPDX-License-Identifier: MIT

#include <sstream>

#include "commands.hpp"
#include "model_file.hpp"
#include "training_run.hpp"

namespace lift::cli {
namespace {

/// A number of the pixels themselves, so that a run cannot go on with other images unnoticed.
std::string fingerprint(const image_dataset& data, std::size_t count) {
  checksum sum;
  for (std::size_t i = 0; i < count; ++i) sum.add(std::as_bytes(data.pixels(i)));
  std::ostringstream out;
  out << std::hex << sum.value();
  return out.str();
}

cosine_annealing learning_rate(const train_settings& s, std::size_t images) {
  auto rate = cosine_annealing::over(
      s.epochs, images / std::max<std::size_t>(s.batch_size, 1),
      *s.lr_step == "epoch" ? preset::reference : preset::sound);
  rate.first = s.lr;
  rate.last = s.lr_schedule == "constant" ? s.lr : s.lr_last;
  rate.warmup = s.warmup;
  return rate;
}

training_options options_of(const train_settings& s) {
  training_options result;
  result.batch_size = s.batch_size;
  result.accumulation = s.grad_accum;
  result.max_gradient_norm = s.clip > 0 ? s.clip : std::numeric_limits<double>::infinity();
  result.optimiser.weight_decay = s.weight_decay;
  result.average = {.decay = s.ema, .warmup = *s.ema_warmup == "on"};
  return result;
}

void train(train_settings& s) {
  interruption::install();
  s.resumed = s.given("--resume");
  run_folder output(s);
  std::optional<checkpoint> stored;
  json config;
  if (s.resumed) {
    const path file = find_checkpoint(s.resume.empty() || s.resume == "auto" ? s.outdir
                                                                             : path(s.resume));
    stored.emplace(file);
    config = read_settings(*stored, file);
    adopt(s, config, file.string());
    remark(s, "Resuming from ", file.string());
  }
  require_use(!s.data.empty(), "--data is required");
  s.lr_step = s.preset.pick(s.lr_step, "iteration", "epoch");
  s.ema_warmup = s.preset.pick(s.ema_warmup, "on", "off");
  const any_architecture architecture =
      choose("model", architecture_choices, s.model, s.hidden_dims);
  std::visit([&](const auto& a) { require_unet_size(a.hidden_dims, s.size); }, architecture);

  remark(s, "Reading ", s.data);
  data_options reader{s.data, s.max_bad};
  const image_dataset data = interruptible([&] { return reader.load(s, s.size); });
  const std::size_t count =
      s.max_images == 0 ? data.size() : std::min(data.size(), s.max_images);
  const std::string pixels = fingerprint(data, count);
  if (s.resumed)
    require(config.value("data_fingerprint", "") == pixels, "fingerprint of " + s.data, pixels,
            config.value("data_fingerprint", "") + " of the images the run began with");
  config = to_json(s);
  config["data_fingerprint"] = pixels;

  const training_setup setup{
      .architecture = architecture,
      .prediction = choose("prediction", prediction_choices, s.prediction),
      .schedule = make_schedule(s.schedule),
      .regime = make_regime(s.regime),
      .rate = learning_rate(s, count),
      .options = options_of(s),
      .seed = s.seed,
      .images = count,
      .image_shape = {3, s.size, s.size},
      .read = [&](std::span<const std::size_t> numbers,
                  std::span<float> values) { read_images(data, numbers, values); }};
  training_run(s, setup, std::move(stored), config, output).run();
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
  s->given = [&app](const std::string& flag) { return app.get_option(flag)->count() > 0; };

  option(app, "--data", s->data, "Folder, zip or tar file of PNG and JPEG images");
  option(app, "--max-bad", s->max_bad, "Unreadable images to skip before giving up");
  option(app, "--max-images", s->max_images, "Train on the first so many images; 0 = all");
  outdir_option(app, s->outdir);
  size_option(app, s->size);
  choice_option(app, "--model", s->model, names_of(architecture_choices), "Architecture");
  count_option(app, "--hidden-dims", s->hidden_dims, "Channels of each level, multiples of 8")
      ->delimiter(',');
  backend_option(app, s->backend);
  choice_option(app, "--regime", s->regime, names_of(regime_choices),
                "Which pairs of timesteps are trained");
  choice_option(app, "--prediction", s->prediction, names_of(prediction_choices),
                "What the network predicts");
  schedule_option(app, s->schedule);

  count_option(app, "--epochs", s->epochs,
               "Passes over the images; the learning rate follows them");
  count_option(app, "--steps", s->steps, "Stop after so many steps [all]")->default_str("");
  positive_option(app, "--time-limit", s->time_limit, "Stop after so many seconds [none]")
      ->default_str("");
  batch_size_option(app, s->batch_size);
  count_option(app, "--grad-accum", s->grad_accum, "Parts of a batch, one at a time");
  positive_option(app, "--lr", s->lr, "Learning rate of AdamW");
  positive_option(app, "--lr-last", s->lr_last, "Where cosine annealing ends");
  choice_option(app, "--lr-schedule", s->lr_schedule, {"cosine", "constant"},
                "Learning rate over time");
  choice_option(app, "--lr-step", s->lr_step, {"iteration", "epoch"},
                "When it changes [iteration; reference: epoch, so that it hardly falls]");
  option(app, "--warmup", s->warmup, "Steps over which the learning rate rises to --lr");
  option(app, "--weight-decay", s->weight_decay, "Weight decay of AdamW");
  option(app, "--clip", s->clip, "Largest norm of the gradient; 0 = no clipping");
  fraction_option(app, "--ema", s->ema, "Decay of the moving average of the weights; 0 = off");
  choice_option(app, "--ema-warmup", s->ema_warmup, {"on", "off"},
                "Average over fewer steps at first [on; reference: off]");
  seed_option(app, s->seed);

  option(app, "--save-every", s->save_every, "Epochs between checkpoints; 0 = only at the end");
  option(app, "--keep", s->keep, "Newest checkpoints to keep; 0 = all");
  option(app, "--sample-every", s->sample_every, "Epochs between sample grids; 0 = none");
  count_option(app, "--sample-images", s->sample_images, "Images of a sample grid");
  count_option(app, "--sample-steps", s->sample_steps, "Steps along the diagonal to make one");
  CLI::Option* resume =
      app.add_option("--resume", s->resume,
                     "Go on with the newest checkpoint of --outdir, or with FILE; flags that are "
                     "not given are as they were")
          ->expected(0, 1)
          ->type_name("[auto|FILE]");
  app.add_flag("--overwrite", s->overwrite, "Begin anew in a folder that is not empty")
      ->excludes(resume);
  s->preset.add(app);
}

}  // namespace lift::cli
