// SPDX-License-Identifier: MIT

#include <csignal>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include <png.h>

#include <lift/io/checkpoint.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/json_file.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/train/any_regime.hpp>
#include <lift/train/trainer.hpp>

#include "commands.hpp"
#include "images.hpp"
#include "output_folder.hpp"
#include "progress.hpp"
#include "sampling.hpp"
#include "train_settings.hpp"

extern "C" char* openblas_get_config() __attribute__((weak));

namespace lift::cli {
namespace {

volatile std::sig_atomic_t interruption = 0;

/// The first `count` images of a data set, as a trainer reads them.
struct training_images {
  const image_dataset* data;
  std::size_t count;

  std::size_t size() const { return count; }
  tensor_type operator()(std::span<const std::size_t> numbers) const {
    return to_tensor(*data, numbers);
  }
};

/// A number of the pixels themselves, so that a run cannot go on with other images unnoticed.
std::string fingerprint(const training_images& images) {
  checksum sum;
  for (std::size_t i = 0; i < images.count; ++i) sum.add(std::as_bytes(images.data->pixels(i)));
  std::ostringstream out;
  out << std::hex << sum.value();
  return out.str();
}

json environment() {
  return {{"lift", LIFT_VERSION},
          {"compiler", __VERSION__},
          {"backend", tensor_type::backend_type::name},
          {"instructions", xsimd::default_arch::name()},
          {"threads", default_thread_pool().size()},
          {"cores", std::thread::hardware_concurrency()},
          {"openblas", openblas_get_config ? openblas_get_config() : "another BLAS"},
          {"xsimd", text(XSIMD_VERSION_MAJOR, ".", XSIMD_VERSION_MINOR, ".", XSIMD_VERSION_PATCH)},
          {"libpng", PNG_LIBPNG_VER_STRING}};
}

/// stats.jsonl: a line for every step. A line is the same however often the run was resumed.
class stats_file {
 public:
  /// Keeps the lines of an earlier run up to `step`.
  stats_file(const path& file, std::uint64_t step) : file_(file) {
    std::string kept;
    std::ifstream before(file);
    for (std::string line; std::getline(before, line);) {
      const json entry = json::parse(line, nullptr, false);
      if (entry.is_object() && entry.value("step", std::uint64_t{0}) <= step) kept += line + "\n";
    }
    atomic_write(file, kept, durability::cached);
    out_.open(file, std::ios::app);
  }

  void add(const step_report& r) {
    out_ << json{{"step", r.step},
                 {"epoch", r.epoch},
                 {"loss", r.loss.fine + r.loss.coarse},
                 {"loss_fine", r.loss.fine},
                 {"loss_coarse", r.loss.coarse},
                 {"gradient_norm", r.gradient_norm},
                 {"learning_rate", r.learning_rate}}
                .dump()
         << std::endl;
    if (!out_) throw error(text("cannot write ", file_.string()));
  }

 private:
  path file_;
  std::ofstream out_;
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
    if (s_.clip > 0)
      result.max_gradient_norm = s_.clip;
    else
      result.max_gradient_norm = std::numeric_limits<double>::infinity();
    result.optimiser.weight_decay = s_.weight_decay;
    result.average = {.decay = s_.ema, .warmup = *s_.ema_warmup == "on"};
    return result;
  }

  /// Writes a checkpoint, and removes those that are not to be kept.
  void save() {
    save_checkpoint(s_.outdir / checkpoint_name(state().step), architecture_, state(),
                    {{"settings", config_.dump()}});
    std::filesystem::remove(state().step > 0 ? s_.outdir / checkpoint_name(0) : path());
    saved_ = state().step;
    steps_saved_.push_back(saved_);
    if (s_.keep > 0 && steps_saved_.size() > s_.keep) {
      std::filesystem::remove(s_.outdir / checkpoint_name(steps_saved_.front()));
      steps_saved_.erase(steps_saved_.begin());
    }
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
  std::vector<std::uint64_t> steps_saved_;
  double average_ = 0;
  trainer_type trainer_;
};

void train(train_settings& s) {
  s.resumed = s.given("--resume");
  std::optional<checkpoint> stored;
  json config;
  if (s.resumed) {
    const path file = find_checkpoint(s.resume.empty() || s.resume == "auto" ? s.outdir
                                                                             : path(s.resume));
    stored.emplace(file);
    const auto found = stored->metadata().find("settings");
    config = json::parse(found == stored->metadata().end() ? "" : found->second, nullptr, false);
    if (!config.is_object()) throw error(text(file.string(), ": holds no settings of a run"));
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
  const image_dataset data = reader.load(s, s.size);
  const training_images images{
      &data, s.max_images == 0 ? data.size() : std::min(data.size(), s.max_images)};
  const std::string pixels = fingerprint(images);
  if (s.resumed)
    require(config.value("data_fingerprint", "") == pixels, "fingerprint of " + s.data, pixels,
            config.value("data_fingerprint", "") + " of the images the run began with");
  config = to_json(s);
  config["data_fingerprint"] = pixels;

  std::visit(
      [&]<class Architecture, class Prediction>(const Architecture& a, Prediction) {
        const auto start =
            stored ? stored->state<tensor_type>(a)
                   : training_state<tensor_type>(network<Architecture, tensor_type>(a, s.seed)
                                                     .weights,
                                                 s.seed);
        training_run<Architecture, Prediction>(s, a, images, start, config).run();
      },
      architecture, choose("prediction", prediction_choices, s.prediction));
}

}  // namespace

void add_train(CLI::App& program) {
  const auto s = std::make_shared<train_settings>();
  CLI::App& app = add_command(
      program, "train", "Trains a network on images",
      "lift train --data emoji.zip --outdir run --hidden-dims 32,64,128 --size 32 --epochs 20\n"
      "  lift train --outdir run --resume",
      s, train);
  s->given = [&app](const std::string& flag) { return app.get_option(flag)->count() > 0; };

  option(app, "--data", s->data, "Folder, zip or tar file of PNG and JPEG images");
  option(app, "--max-bad", s->max_bad, "Unreadable images to skip before giving up");
  option(app, "--max-images", s->max_images, "Train on the first so many images; 0 = all");
  outdir_option(app, s->outdir);
  size_option(app, s->size);
  choice_option(app, "--model", s->model, names_of(architecture_choices), "Architecture");
  count_option(app, "--hidden-dims", s->hidden_dims, "Channels of each level, multiples of 8")
      ->delimiter(',');
  choice_option(app, "--regime", s->regime, names_of(regime_choices),
                "Which pairs of timesteps are trained");
  choice_option(app, "--prediction", s->prediction, names_of(prediction_choices),
                "What the network predicts");
  schedule_option(app, s->schedule);

  count_option(app, "--epochs", s->epochs, "Passes over the images; the learning rate follows them");
  count_option(app, "--steps", s->steps, "Stop after so many steps [all]")->default_str("");
  positive_option(app, "--time-limit", s->time_limit, "Stop after so many seconds [none]")
      ->default_str("");
  batch_size_option(app, s->batch_size);
  count_option(app, "--grad-accum", s->grad_accum, "Parts of a batch, one at a time");
  positive_option(app, "--lr", s->lr, "Learning rate of AdamW");
  positive_option(app, "--lr-last", s->lr_last, "Where cosine annealing ends");
  choice_option(app, "--lr-schedule", s->lr_schedule, {"cosine", "constant"}, "Learning rate over time");
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
