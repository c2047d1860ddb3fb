// SPDX-License-Identifier: MIT

#include <cmath>
#include <functional>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include <lift/io/path_file.hpp>

#include "commands.hpp"
#include "identity.hpp"
#include "image_run.hpp"
#include "images.hpp"
#include "model_file.hpp"
#include "policy_options.hpp"
#include "progress.hpp"
#include "sampling.hpp"

namespace lift::cli {
namespace {

constexpr choice<landing> landing_choices[] = {
    {"clean", [] { return landing::clean; }},
    {"timestep-zero", [] { return landing::timestep_zero; }},
};
constexpr choice<rounding> rounding_choices[] = {
    {"nearest", [] { return rounding::nearest; }},
    {"truncate", [] { return rounding::truncated; }},
};

struct generate_settings : session {
  model_options model;
  policy_options policy;
  preset_option preset;
  std::filesystem::path path;
  image_places to;
  std::string coarse_input = "sampled";
  std::size_t num_images = 32, batch_size = 32;
  double eta = 0;
  std::uint64_t seed = 42;
  bool unclipped = false, exact = false, foreign_path = false;
  std::optional<std::string> landing, rounding;
  std::function<bool(const std::string& flag)> given;  ///< whether the command line has a flag

  /// How many images a network is shown at once.
  std::size_t images_at_once() const { return exact ? 1 : batch_size; }
};

/// The coarse images shown at a step to a network that samples the fine scale alone.
using coarse_source = std::function<tensor_type(std::size_t step)>;

/// One image of a batch in [−1, 1]; `number` is its own in the run. Throws lift::error, naming it,
/// unless all values are finite.
image to_picture(const tensor_type& images, std::size_t row, rounding how, std::uint64_t number) {
  const shape& dims = images.shape();
  const auto values = images.rows(row, row + 1).to_host();
  for (const float value : values)
    require(std::isfinite(value), text("pixel of image ", number), value, "a finite number");
  return from_planar(std::span<const float>(values), dims[1], dims[2], dims[3], how);
}

/// Pictures of the first few images of a run at about ten of its steps, for a strip.
class strip_recorder {
 public:
  strip_recorder(std::size_t images, rounding how)
      : rows_(std::min(images, image_run::strip_rows)), how_(how) {}

  /// Takes a step of the batch whose first image has this number.
  template <class Sample>
  void operator()(const sampling_step<Sample>& step, std::uint64_t first) {
    if (step.index * columns / step.count == (step.index + 1) * columns / step.count) return;
    if constexpr (requires { step.x.fine; })
      take(step.x.fine, first);
    else
      take(step.x, first);
  }

  /// A row for each image, noisy to clean.
  image picture() const {
    std::vector<image> tiles;
    for (const auto& row : rows_) tiles.insert(tiles.end(), row.begin(), row.end());
    return image_grid(tiles, {.columns = rows_.front().size()});
  }

 private:
  static constexpr std::size_t columns = 10;

  void take(const tensor_type& x, std::uint64_t first) {
    for (std::size_t i = first; i < std::min<std::size_t>(first + x.shape()[0], rows_.size()); ++i)
      rows_[i].push_back(to_picture(x, i - first, how_, i));
  }

  std::vector<std::vector<image>> rows_;
  rounding how_;
};

/// The path of --path, none if it is not given. Throws `misuse` for a flag that would shape
/// another.
std::optional<named_path> path_of_file(const generate_settings& s) {
  if (s.path.empty()) return std::nullopt;
  named_path result = load_path(s.path);
  for (const char* flag :
       {"--heatmap", "--steps", "--spacing", "--start", "--cost", "--end", "--max-jump"})
    require_use(!s.given(flag), text(flag, " means nothing with --path: it has ",
                                     result.timesteps.size(), " steps"));
  return result;
}

class generator {
 public:
  generator(const generate_settings& s, std::optional<named_path> path)
      : s_(s), model_(s.model.load(s)) {
    path_ = path ? std::move(*path)
                 : named_path{s.policy.policy, s.policy.find(s.preset.side(), model_.schedule)};
    if (const std::filesystem::path& made = s.path.empty() ? s.policy.looks_at() : s.path;
        !made.empty())
      require_same(identity_of(made), {model_.file.string(), model_.identity}, s.foreign_path);
    landing_ = s.preset.pick(s.landing, "clean", "timestep-zero");
    rounding_ = s.preset.pick(s.rounding, "nearest", "truncate");
    require_use(!model_.network.has_one_scale() || s.coarse_input == "sampled",
                "--coarse-input means nothing to the baseline, which has one scale");
    if (has_given_images()) read_coarse_images();
  }

  void run(image_run& pictures) {
    pictures.begin(settings(), run_settings());
    std::vector<std::pair<std::uint64_t, std::size_t>> batches;
    in_batches(0, s_.num_images, s_.images_at_once(), [&](std::uint64_t first, std::size_t count) {
      bool lacks = pictures.lacks_strip() && first < image_run::strip_rows;
      for (std::size_t i = first; i < first + count; ++i) lacks = lacks || pictures.lacks(i);
      if (lacks) batches.emplace_back(first, count);
    });
    progress bar(s_, "generate", batches.size() * path_.timesteps.size());
    explaining_failure([&] { make(batches, pictures, bar); }, [&] { return pictures.standing(); });
    report(s_, {{"outdir", path_text(s_.to.folder)},
                {"images", s_.num_images},
                {"policy", path_.policy},
                {"evaluations", path_.timesteps.size()},
                {"seconds", bar.seconds()}});
  }

 private:
  /// Images that are there already are computed again where others of their batch are not, because
  /// the last bits of an image depend on its batch.
  void make(const std::vector<std::pair<std::uint64_t, std::size_t>>& batches, image_run& pictures,
            progress& bar) {
    const auto how = choose("rounding", rounding_choices, rounding_);
    strip_recorder strip(s_.num_images, how);
    std::size_t evaluations = 0;
    for (const auto& [first, count] : batches) {
      const auto on_step = [&, number = first](const auto& step) {
        bar.update(++evaluations);
        if (pictures.lacks_strip()) strip(step, number);
      };
      const tensor_type images = batch(first, count, on_step);
      for (std::size_t i = 0; i < count; ++i)
        if (pictures.lacks(first + i))
          pictures.add(first + i, to_picture(images, i, how, first + i));
    }
    if (pictures.lacks_strip()) pictures.add_strip(strip.picture());
    pictures.finish();
  }

  bool has_given_images() const {
    return s_.coarse_input != "sampled" && s_.coarse_input != "random" &&
           s_.coarse_input != "fixed";
  }

  void read_coarse_images() {
    const std::filesystem::path source = s_.coarse_input;
    const std::size_t side = model_.size / 2;
    if (std::filesystem::is_regular_file(source) && !is_archive(source)) {
      const image picture = resize_and_crop(read_image(source), side);
      std::vector<float> values;
      for (const std::uint8_t level : to_planar(picture)) values.push_back(from_uint8(level));
      given_ = tensor_type({1, 3, side, side}, values);
    } else {
      const image_dataset data =
          interruptible([&] { return data_options{}.load(s_, source, side); });
      std::vector<std::size_t> numbers(std::min(data.size(), s_.num_images));
      std::iota(numbers.begin(), numbers.end(), std::size_t{0});
      given_ = to_tensor(data, numbers);
    }
  }

  /// The given coarse images for images first, first + 1, …, repeated where there are fewer.
  tensor_type given_batch(std::uint64_t first, std::size_t count) const {
    std::vector<tensor_type> rows;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t row = (first + i) % given_.shape()[0];
      rows.push_back(given_.rows(row, row + 1));
    }
    return stacked(std::span<const tensor_type>(rows));
  }

  template <class OnStep>
  tensor_type batch(std::uint64_t first, std::size_t count, const OnStep& on_step) const {
    const auto make = [&]<class Prediction>(Prediction) {
      return sample<Prediction>(first, count, on_step);
    };
    try {
      return interruptible([&] { return std::visit(make, model_.prediction); });
    } catch (const interrupted&) {
      throw;
    } catch (const error& failure) {
      throw error(text("images ", first, " to ", first + count - 1, ": ", failure.what()));
    }
  }

  template <class Prediction, class OnStep>
  tensor_type sample(std::uint64_t first, std::size_t count, const OnStep& on_step) const {
    sampling_options<> options{.stepper = {s_.eta},
                               .clip = !s_.unclipped,
                               .landing = choose("landing", landing_choices, landing_),
                               .seed = s_.seed,
                               .first_sample = first};
    const shape fine{count, 3, model_.size, model_.size}, coarse = coarsen(fine);
    const auto& [net, schedule] = std::tie(model_.network, model_.schedule);
    if (s_.coarse_input == "sampled")
      return generate_fine<Prediction>(net, schedule, path_.timesteps, fine, options, on_step);
    const auto noise = initial_noise<tensor_type>(fine, 0, options);
    if (has_given_images()) {
      std::vector<std::size_t> fine_timesteps;
      for (const timestep_pair& t : path_.timesteps) fine_timesteps.push_back(t.fine);
      return super_resolve<Prediction>(net, schedule, fine_timesteps, noise,
                                       given_batch(first, count), options, on_step);
    }
    const coarse_source shown =
        s_.coarse_input == "random"
            ? coarse_source(random_coarse<tensor_type>{coarse, s_.seed, first})
            : coarse_source(
                  fixed_coarse<tensor_type>{initial_noise<tensor_type>(coarse, 1, options)});
    return sample_fine<Prediction>(net, schedule, path_.timesteps, noise, shown, options, on_step);
  }

  /// What it takes to make a picture again, but for the last bits that depend on its batch.
  json settings() const {
    json result = model_.identity;
    result.update({{"policy", path_.policy},
                   {"timesteps", to_json(path_.timesteps)},
                   {"eta", s_.eta},
                   {"landing", landing_},
                   {"clipped", !s_.unclipped},
                   {"coarse_input", path_text(s_.coarse_input)},
                   {"rounding", rounding_},
                   {"exact", s_.exact},
                   {"seed", s_.seed}});
    return result;
  }

  /// What else decides a picture's bytes, or which pictures there are.
  json run_settings() const {
    json result = {{"lift", LIFT_VERSION},
                   {"backend", s_.model.backend},
                   {"batch_size", s_.images_at_once()},
                   {"num_images", s_.num_images}};
    if (has_given_images()) result["coarse_images"] = fingerprint(given_);
    return result;
  }

  const generate_settings& s_;
  model_file model_;
  named_path path_;
  std::string landing_, rounding_;
  tensor_type given_;
};

}  // namespace

void add_generate(CLI::App& program) {
  const auto s = std::make_shared<generate_settings>();
  CLI::App& app = add_command(program, "generate", "Generates images along a path, as PNGs",
                              "lift generate --checkpoint run --path dp-64.json --outdir samples",
                              s, [](const generate_settings& settings) {
                                interruption::install();
                                for (const auto& to : {settings.to.grid, settings.to.strip})
                                  require_not_input(to, {settings.model.checkpoint, settings.path,
                                                         settings.policy.heatmap});
                                auto path = path_of_file(settings);
                                image_run pictures(settings.to, settings.num_images);
                                generator(settings, std::move(path)).run(pictures);
                              });
  s->given = [&app](const std::string& flag) { return app.get_option(flag)->count() > 0; };
  s->model.add(app);
  s->policy.policy = "diagonal";
  CLI::Option* policy = s->policy.add(app);
  option(app, "--path", s->path, "Path file, instead of a policy")->excludes(policy);
  app.add_flag("--foreign-path", s->foreign_path,
               "Take a path or heatmap that was made for a network of another size, prediction or "
               "number of scales, or trained on other images");
  num_images_option(app, s->num_images);
  batch_size_option(app, s->batch_size);
  number_option(app, "--eta", s->eta, "Noise added along the path: 0 = DDIM, 1 = ancestral",
                zero_to_one);
  choice_option(app, "--landing", s->landing, names_of(landing_choices),
                "Where the last step goes [clean; reference: timestep-zero]");
  app.add_flag("--unclipped", s->unclipped, "Do not keep the denoised image within [-1, 1]");
  choice_option(app, "--rounding", s->rounding, names_of(rounding_choices),
                "To 8 bits [nearest; reference: truncate]");
  option(app, "--coarse-input", s->coarse_input,
         "What the coarse scale is: sampled along with the fine one, random noise at every step, "
         "one fixed noise, or an image, folder, zip or tar file to super-resolve")
      ->type_name("sampled|random|fixed|FILE");
  seed_option(app, s->seed);
  app.add_flag("--exact", s->exact,
               "The same bytes for every --batch-size: the network is shown one image at a time, "
               "which takes longer");
  outdir_option(app, s->to.folder);
  option(app, "--grid", s->to.grid, "PNG of the first 64 images side by side");
  option(app, "--strip", s->to.strip, "PNG of the first four images on their way from noise");
  CLI::Option* resume = app.add_flag(
      "--resume", s->to.resume, "Go on with the run in --outdir, whose settings must be the same");
  app.add_flag("--overwrite", s->to.overwrite,
               "Write to a folder that is not empty: over files of the same names; what else a run "
               "before made goes in the end")
      ->excludes(resume);
  s->preset.add(app);
}

}  // namespace lift::cli
