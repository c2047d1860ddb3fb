// SPDX-License-Identifier: MIT

#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <lift/io/image_grid.hpp>
#include <lift/sample/generate.hpp>

#include "commands.hpp"
#include "given_levels.hpp"
#include "identity.hpp"
#include "image_run.hpp"
#include "images.hpp"
#include "model_file.hpp"
#include "packed.hpp"
#include "policy_options.hpp"
#include "progress.hpp"
#include "same_on_ranks.hpp"

namespace lift::cli {
namespace {

constexpr choice<rounding> rounding_choices[] = {
    {"nearest", [] { return rounding::nearest; }},
    {"truncate", [] { return rounding::truncated; }},
};

struct generate_settings : session {
  static constexpr bool on_all_ranks = true;
  model_options model;
  policy_options policy;
  given_levels levels;
  preset_option preset;
  std::filesystem::path path, init_image;
  image_places to;
  std::string coarse_input = "sampled", clip = clipping_choices[0].name, labels;
  std::size_t num_images = 32, batch_size = 32;
  double eta = 0, guidance = 1, strength = 0.6;
  std::uint64_t seed = 42;
  bool exact = false, foreign_path = false;
  std::optional<std::string> solver, landing, rounding;
  std::function<bool(const std::string& flag)> given;  ///< whether the command line has a flag

  /// Takes what was not given as usual.
  void settle() {
    if (path.empty() && !levels.any()) policy.settle(preset.side());
  }

  /// How many images a network is shown at once.
  std::size_t images_at_once() const { return exact ? 1 : batch_size; }
};

/// One image of a batch in [−1, 1]; `number` is its own in the run. Throws lift::error, naming it,
/// unless all values are finite.
image to_picture(const host_array& images, std::size_t row, rounding how, std::uint64_t number) {
  const shape& dims = images.shape;
  const std::size_t size = dims.product(1, dims.rank());
  const auto values = std::span(images.values).subspan(row * size, size);
  for (const float value : values)
    require(std::isfinite(value), text("pixel of image ", number), value, "a finite number");
  return from_planar(values, dims[1], dims[2], dims[3], how);
}

/// So many images from number `first` on.
struct batch_range {
  std::uint64_t first, count;

  /// How many of the first images of a run, which are shown on their way, are in it.
  std::size_t shown() const {
    return first >= image_run::strip_rows
               ? 0
               : static_cast<std::size_t>(std::min(count, image_run::strip_rows - first));
  }
};

/// Pictures of the first few images of a run at about ten of its steps, for a strip.
class strip_recorder {
 public:
  strip_recorder(const batch_range& batch, rounding how)
      : first_(batch.first), how_(how), rows_(batch.shown()) {}

  /// Takes a step of the batch.
  void operator()(const generated_step& step) {
    if (rows_.empty() ||
        step.index * columns / step.count == (step.index + 1) * columns / step.count)
      return;
    const host_array images = step.fine();
    for (std::size_t i = 0; i < rows_.size(); ++i)
      rows_[i].push_back(to_picture(images, i, how_, first_ + i));
  }

  /// A row for each image, noisy to clean.
  std::vector<image> tiles() const {
    std::vector<image> result;
    for (const auto& row : rows_) result.insert(result.end(), row.begin(), row.end());
    return result;
  }

 private:
  static constexpr std::size_t columns = 10;

  std::uint64_t first_;
  rounding how_;
  std::vector<std::vector<image>> rows_;
};

/// The path of --path, none if it is not given. Throws `misuse` for a flag that would shape
/// another.
std::optional<any_path> path_of_file(const generate_settings& s) {
  const bool from_file = !s.path.empty();
  if (!from_file && !s.levels.any()) return std::nullopt;
  std::optional<any_path> result;
  if (from_file) result = load_any_path(s.path);
  for (const char* flag :
       {"--heatmap", "--steps", "--spacing", "--start", "--cost", "--end", "--max-jump",
        "--first-log-snr", "--stretch"})
    require_use(!s.given(flag),
                from_file ? text(flag, " means nothing with --path: it has ",
                                 result->timesteps.size(), " steps")
                          : text(flag, " means nothing where the steps are given"));
  return result;
}

/// The numbers of the classes that are asked for, by name or number; throws `misuse` where the
/// network knows no such class.
class_labels read_labels(const std::string& given, const model_file& model) {
  class_labels result;
  if (given.empty()) return result;
  require_use(model.classes > 0,
              text("--labels means nothing to ", model.file.string(), ": it is told no classes"));
  for (std::size_t first = 0, comma = 0; comma != given.npos; first = comma + 1) {
    comma = given.find(',', first);
    const std::string name = given.substr(first, comma - first);
    const auto& names = model.class_names;
    const auto found = std::ranges::find(names, name);
    const bool number = !name.empty() && name.find_first_not_of("0123456789") == name.npos;
    if (found == names.end() && !number && !names.empty())
      throw misuse(text("--labels: got ", quote_name(name), ", want one of ",
                        CLI::detail::join(names, ", "), ", or a number from 0 to ",
                        model.classes - 1));
    result.push_back(found != names.end() ? found - names.begin()
                                          : static_cast<std::int64_t>(read_number(
                                                "--labels", name, whole(0, model.classes - 1))));
  }
  return result;
}

class generator {
 public:
  generator(const generate_settings& s, std::optional<any_path> path)
      : s_(s), model_(s.model.load(s)), scales_(model_.model->scale_count()) {
    path_ = path             ? std::move(*path)
            : s.levels.any() ? s.levels.find(model_.schedule, scales_)
                             : s.policy.find(s.preset.side(), model_.schedule, scales_);
    if (scales_ == 1)  // of a path for more scales the baseline follows the finest
      for (auto& step : path_.timesteps) step.resize(1);
    if (const std::filesystem::path& made = s.path.empty() ? s.policy.looks_at() : s.path;
        !made.empty())
      require_same(identity_of(made), {model_.file.string(), model_.identity}, s.foreign_path);
    landing_ = s.preset.pick(s.landing, "clean", "timestep-zero");
    rounding_ = s.preset.pick(s.rounding, "nearest", "truncate");
    // Noise along the path is DDIM's.
    solver_ = s.solver.value_or(
        s.eta > 0 ? "ddim" : usual_solver(s.preset.side(), path_.timesteps.size()));
    require_use(s.eta == 0 || solver_ == "ddim", "--eta means nothing to --solver " + solver_);
    require_use(scales_ != 1 || s.coarse_input == "sampled",
                "--coarse-input means nothing to the baseline, which has one scale");
    require_use(scales_ <= 2 || s.coarse_input == "sampled",
                text("--coarse-input is for networks of two scales, not of ", scales_));
    labels_ = read_labels(s.labels, model_);
    require_use(!labels_.empty() || !s.given("--guidance"),
                "--guidance means nothing without --labels");
    require(path_.scale_count() == scales_, "scales of the path", path_.scale_count(),
            text(scales_, " as the network has"));
    if (has_given_images())
      given_ = read_images(s.coarse_input, copies{}.split<2>(fine_shape(1)).coarse());
    require_use(!s.init_image.empty() || !s.given("--strength"),
                "--strength means nothing without --init-image");
    if (!s.init_image.empty()) {
      changed_ = read_images(s.init_image, fine_shape(1));
      const auto steps = static_cast<double>(path_.timesteps.size());
      path_.timesteps.erase(path_.timesteps.begin(),
                            path_.timesteps.end() - static_cast<std::ptrdiff_t>(std::max(
                                                        1.0, std::round(s.strength * steps))));
    }
  }

  /// Makes what the run lacks. A rank that helps rank 0 has no run.
  void run(image_run* pictures) {
    const json of_pictures = settings(), of_run = run_settings();
    json all = of_pictures;
    all.update(of_run);
    require_same_on_ranks(all, model_.file);
    std::string told;
    if (pictures) {
      pictures->begin(of_pictures, of_run);
      told = packed<batch_range>(batches_to_make(*pictures));
    }
    if (rank_group* const ranks = sharing_ranks()) ranks->broadcast(told);
    const auto batches = unpacked<batch_range>(told);
    progress bar(s_, "generate", batches.size() * path_.timesteps.size());
    explaining_failure([&] { make(batches, pictures, bar); },
                       [&] { return pictures ? pictures->standing() : ""; });
    if (!pictures) return;
    json result = {{"outdir", path_text(s_.to.folder)},
                 {"images", s_.num_images},
                 {"policy", path_.policy},
                 {"solver", solver_},
                 {"steps", path_.timesteps.size()}};
    const bool guided = !labels_.empty() && s_.guidance != 0 && s_.guidance != 1;
    if (!evaluates_twice(choose("solver", solver_choices, solver_)))
      result["evaluations"] = path_.timesteps.size() * (guided ? 2 : 1);
    result["seconds"] = bar.seconds();
    report(s_, result);
  }

 private:
  /// Images that are there already are computed again where others of their batch are not, because
  /// the last bits of an image depend on its batch.
  std::vector<batch_range> batches_to_make(const image_run& pictures) const {
    std::vector<batch_range> batches;
    in_batches(0, s_.num_images, s_.images_at_once(), [&](std::uint64_t first, std::size_t count) {
      bool lacks = pictures.lacks_strip() && first < image_run::strip_rows;
      for (std::size_t i = first; i < first + count; ++i) lacks = lacks || pictures.lacks(i);
      if (lacks) batches.push_back({first, count});
    });
    return batches;
  }

  /// Whoever is free makes a batch; its pictures and then those for the strip come to the run.
  void make(const std::vector<batch_range>& batches, image_run* pictures, progress& bar) {
    const auto how = choose("rounding", rounding_choices, rounding_);
    const std::size_t steps_of_batch = path_.timesteps.size();
    std::size_t steps = 0;
    std::vector<bool> own(batches.size());
    std::vector<image> tiles[image_run::strip_rows];
    hand_out(
        batches.size(),
        [&](std::size_t b) {
          const auto& [first, count] = batches[b];
          own[b] = true;
          strip_recorder strip(batches[b], how);
          const host_array images = batch(first, count, [&](const generated_step& step) {
            bar.update(++steps);
            if (!s_.to.strip.empty()) strip(step);
          });
          std::vector<image> made;
          for (std::size_t i = 0; i < count; ++i)
            made.push_back(to_picture(images, i, how, first + i));
          const std::vector<image> on_the_way = strip.tiles();
          made.insert(made.end(), on_the_way.begin(), on_the_way.end());
          return packed_images(made);
        },
        [&](std::size_t b, const std::string& bytes) {
          if (!own[b]) bar.update(steps += steps_of_batch);
          const auto& [first, count] = batches[b];
          std::vector<image> made = unpacked_images(bytes);
          for (std::size_t i = 0; i < count; ++i)
            if (pictures->lacks(first + i)) pictures->add(first + i, std::move(made[i]));
          auto next = made.begin() + static_cast<std::ptrdiff_t>(count);
          for (std::size_t rows = batches[b].shown(), r = 0; r < rows && next != made.end(); ++r) {
            const auto end = next + (made.end() - next) / static_cast<std::ptrdiff_t>(rows - r);
            tiles[first + r].assign(next, end);
            next = end;
          }
        });
    if (!pictures) return;
    if (pictures->lacks_strip()) {
      std::vector<image> all;
      for (const auto& row : tiles) all.insert(all.end(), row.begin(), row.end());
      pictures->add_strip(image_grid(all, {.columns = tiles[0].size()}));
    }
    pictures->finish();
  }

  bool has_given_images() const {
    return s_.coarse_input != "sampled" && s_.coarse_input != "random" &&
           s_.coarse_input != "fixed";
  }

  shape fine_shape(std::size_t count) const {
    return {count, 3, model_.size.height, model_.size.width};
  }

  /// The images of a file, folder, archive or index, as many as are generated or fewer, of one image's shape.
  host_array read_images(const std::filesystem::path& source, const shape& one) const {
    const image_size size = size_of_images(one);
    if (std::filesystem::is_regular_file(source) && !holds_images(source)) {
      const image picture = resize_and_crop(read_image(source), size);
      std::vector<float> values;
      for (const std::uint8_t level : to_planar(picture)) values.push_back(from_uint8(level));
      return {one, std::move(values)};
    }
    const image_dataset data =
        interruptible([&] { return data_options{}.load(s_, source, size); });
    std::vector<std::size_t> numbers(std::min(data.size(), s_.num_images));
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    return to_array(data, numbers);
  }

  /// Of given images those for images first, first + 1, …, repeated where there are fewer.
  static host_array in_turn(const host_array& given, std::uint64_t first, std::size_t count) {
    const std::size_t rows = given.shape[0], size = given.values.size() / rows;
    host_array result{given.shape, {}};
    result.shape[0] = count;
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = std::span(given.values).subspan((first + i) % rows * size, size);
      result.values.insert(result.values.end(), row.begin(), row.end());
    }
    return result;
  }

  host_array batch(std::uint64_t first, std::size_t count,
                   const std::function<void(const generated_step&)>& on_step) const {
    generation job{.path = path_.timesteps,
                   .fine = fine_shape(count),
                   .solver = choose("solver", solver_choices, solver_),
                   .options = {.solver = {s_.eta},
                               .clip = choose("clipping", clipping_choices, s_.clip),
                               .landing = choose("landing", landing_choices, landing_),
                               .seed = s_.seed,
                               .first_sample = first}};
    job.labels = labels_in_turn(labels_, first, count);
    job.guidance = s_.guidance;
    if (!changed_.values.empty()) job.changed = in_turn(changed_, first, count);
    if (has_given_images()) {
      job.coarse = coarse_input::given;
      job.given = in_turn(given_, first, count);
      for (auto& step : job.path) step.back() = 0;  // they are clean
    } else if (s_.coarse_input != "sampled") {
      job.coarse = s_.coarse_input == "random" ? coarse_input::random : coarse_input::fixed;
    }
    try {
      return interruptible([&] { return model_.model->generate(job, on_step); });
    } catch (const interrupted&) {
      throw;
    } catch (const error& failure) {
      throw error(text("images ", first, " to ", first + count - 1, ": ", failure.what()));
    }
  }

  /// What it takes to make a picture again, but for the last bits that depend on its batch.
  json settings() const {
    json result = model_.identity;
    result.update({{"policy", path_.policy},
                   {"timesteps", to_json(path_)},
                   {"solver", solver_},
                   {"eta", s_.eta},
                   {"landing", landing_},
                   {"clip", s_.clip},
                   {"coarse_input", path_text(s_.coarse_input)},
                   {"rounding", rounding_},
                   {"exact", s_.exact},
                   {"seed", s_.seed}});
    if (!labels_.empty()) result.update({{"labels", labels_}, {"guidance", s_.guidance}});
    if (!s_.init_image.empty()) result["init_image"] = path_text(s_.init_image);
    return result;
  }

  /// What else decides a picture's bytes, or which pictures there are.
  json run_settings() const {
    json result = {{"lift", LIFT_VERSION},
                   {"backend", s_.model.backend},
                   {"batch_size", s_.images_at_once()},
                   {"num_images", s_.num_images}};
    if (has_given_images()) result["coarse_images"] = fingerprint(given_.values);
    if (!changed_.values.empty()) result["init_images"] = fingerprint(changed_.values);
    return result;
  }

  const generate_settings& s_;
  model_file model_;
  std::size_t scales_;
  any_path path_;
  std::string solver_, landing_, rounding_;
  class_labels labels_;  // of image i the entry i mod their number
  host_array given_, changed_;
};

}  // namespace

void add_generate(CLI::App& program) {
  const auto s = std::make_shared<generate_settings>();
  CLI::App& app = add_command(program, "generate", "Generates images along a path, as PNGs",
                              "lift generate --checkpoint run --path dp-64.json --outdir samples",
                              s, [](generate_settings& settings) {
                                settings.settle();
                                interruption::install();
                                for (const auto& to : {settings.to.grid, settings.to.strip})
                                  require_not_input(to, {settings.model.checkpoint, settings.path,
                                                         settings.policy.heatmap, settings.init_image});
                                auto path = path_of_file(settings);
                                std::optional<image_run> pictures;
                                if (leads_ranks()) pictures.emplace(settings.to, settings.num_images);
                                generator(settings, std::move(path)).run(pictures ? &*pictures : nullptr);
                              });
  s->given = [&app](const std::string& flag) { return app.get_option(flag)->count() > 0; };
  s->model.add(app);
  CLI::Option* policy = s->policy.add(app);
  CLI::Option* file =
      option(app, "--path", s->path, "Path file, instead of a policy")->excludes(policy);
  s->levels.add(app, file, policy);
  app.add_flag("--foreign-path", s->foreign_path,
               "Take a path or heatmap that was made for a network of another size, prediction or "
               "number of scales, or trained on other images");
  num_images_option(app, s->num_images);
  batch_size_option(app, s->batch_size);
  choice_option(app, "--solver", s->solver, names_of(solver_choices),
                "What takes a step [unipc-3, below 9 steps unipc-2, with --eta ddim; reference: ddim]: ddim, of first order; heun and "
                "dpm-2s (DPM-Solver++), of second, with two evaluations a step; dpm-2m and dpm-3m, DPM-Solver++ of "
                "second and third order with one; unipc-2 and unipc-3, UniPC with a corrector, one order higher, "
                "with one too; with noise on the way: churned-heun, of two evaluations, sde-dpm-2m, and "
                "localisation, Euler steps of stochastic localisation")
      ->default_str("");
  number_option(app, "--eta", s->eta, "Noise added along the path: 0 = DDIM, 1 = ancestral",
                zero_to_one);
  choice_option(app, "--landing", s->landing, names_of(landing_choices),
                "Where the last step goes [clean; reference: timestep-zero]");
  choice_option(app, "--clip", s->clip, names_of(clipping_choices),
                "What is done with denoised images that leave [-1, 1]: kept within, dynamic thresholding, or "
                "nothing");
  choice_option(app, "--rounding", s->rounding, names_of(rounding_choices),
                "To 8 bits [nearest; reference: truncate]");
  option(app, "--labels", s->labels,
         "Classes of the images, by name or else number, one after another and from the start again; "
         "for a network that was trained with --labels [none is told]")
      ->type_name("NAME,...");
  number_option(app, "--guidance", s->guidance,
                "How much the class counts: 1 = as trained, more = classifier-free guidance, by two "
                "evaluations a step",
                range<double>{0, 1000});
  option(app, "--coarse-input", s->coarse_input,
         "What the coarse scale of two is: sampled along with the fine one, random noise at every step, "
         "one fixed noise, or an image, folder, zip or tar file to super-resolve")
      ->type_name("sampled|random|fixed|FILE");
  option(app, "--init-image", s->init_image,
         "Image, folder, zip or tar file to change: sampling begins with these images and noise, within the "
         "path")
      ->type_name("FILE");
  number_option(app, "--strength", s->strength,
                "How much of the path is taken with --init-image: the last part of its steps",
                range<double>{0, 1, true});
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
