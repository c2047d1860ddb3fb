// SPDX-License-Identifier: MIT

#include <functional>
#include <iomanip>

#include <lift/io/image_grid.hpp>
#include <lift/io/path_file.hpp>

#include "commands.hpp"
#include "identity.hpp"
#include "images.hpp"
#include "model_file.hpp"
#include "output_folder.hpp"
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
  std::filesystem::path path, outdir, grid, strip;
  std::string coarse_input = "sampled";
  std::size_t num_images = 32, batch_size = 32;
  double eta = 0;
  std::uint64_t seed = 42;
  bool unclipped = false, overwrite = false, foreign_path = false;
  std::optional<std::string> landing, rounding;
};

/// The coarse images shown at a step to a network that samples the fine scale alone.
using coarse_source = std::function<tensor_type(std::size_t step)>;

/// Pictures of the first few samples of a run at about ten of its steps, for a strip.
class strip_recorder {
 public:
  template <class Sample>
  void operator()(const sampling_step<Sample>& step) {
    if (step.index * columns / step.count == (step.index + 1) * columns / step.count) return;
    if constexpr (requires { step.x.fine; })
      take(step.x.fine);
    else
      take(step.x);
  }

  /// A row for each image, noisy to clean.
  image picture(rounding how) const {
    std::vector<image> tiles;
    for (std::size_t row = 0; row < stages_.front().shape()[0]; ++row)
      for (const tensor_type& stage : stages_) {
        const shape& s = stage.shape();
        const auto values = stage.rows(row, row + 1).to_host();
        tiles.push_back(from_planar(std::span<const float>(values), s[1], s[2], s[3], how));
      }
    return image_grid(tiles, {.columns = stages_.size()});
  }

 private:
  static constexpr std::size_t columns = 10, rows = 4;

  void take(const tensor_type& x) { stages_.push_back(x.rows(0, std::min(rows, x.shape()[0]))); }

  std::vector<tensor_type> stages_;
};

class generator {
 public:
  explicit generator(const generate_settings& s) : s_(s), model_(s.model.load(s)) {
    const preset side = s.preset.side();
    path_ = s.path.empty() ? named_path{s.policy.policy, s.policy.find(side, model_.schedule)}
                           : load_path(s.path);
    if (const std::filesystem::path& made = s.path.empty() ? s.policy.looks_at() : s.path;
        !made.empty())
      require_same(identity_of(made), {model_.file.string(), model_.identity}, s.foreign_path);
    landing_ = s.preset.pick(s.landing, "clean", "timestep-zero");
    rounding_ = s.preset.pick(s.rounding, "nearest", "truncate");
    require_use(!model_.network.has_one_scale() || s.coarse_input == "sampled",
                "--coarse-input means nothing to the baseline, which has one scale");
    if (has_given_images()) read_coarse_images();
  }

  void run() {
    const std::size_t batches = (s_.num_images + s_.batch_size - 1) / s_.batch_size;
    progress bar(s_, "generate", batches * path_.timesteps.size());
    std::vector<image> shown;
    strip_recorder strip;
    output_folder folder(s_.outdir, s_.overwrite);
    if (s_.overwrite) remove_earlier();
    const json settings = this->settings();
    const auto how = choose("rounding", rounding_choices, rounding_);
    std::size_t evaluations = 0;
    in_batches(0, s_.num_images, s_.batch_size, [&](std::uint64_t first, std::size_t count) {
      const auto on_step = [&](const auto& step) {
        bar.update(++evaluations);
        if (first == 0) strip(step);
      };
      const tensor_type images = std::visit(
          [&]<class Prediction>(Prediction) { return batch<Prediction>(first, count, on_step); },
          model_.prediction);
      const shape& dims = images.shape();
      for (std::size_t i = 0; i < count; ++i) {
        const auto values = images.rows(i, i + 1).to_host();
        image picture = from_planar(std::span<const float>(values), dims[1], dims[2], dims[3], how);
        write_png(folder.file(text(std::setfill('0'), std::setw(5), first + i, ".png")), picture,
                  {{"Software", "lift " LIFT_VERSION},
                   {"Settings", json_text(settings)},
                   {"Image", std::to_string(first + i)}});
        if (shown.size() < 64) shown.push_back(std::move(picture));
      }
    });
    if (!s_.grid.empty()) write_png(s_.grid, image_grid(shown));
    if (!s_.strip.empty()) write_png(s_.strip, strip.picture(how));
    folder.keep();
    report(s_, {{"outdir", path_text(s_.outdir)},
                {"images", s_.num_images},
                {"policy", path_.policy},
                {"evaluations", path_.timesteps.size()},
                {"seconds", bar.seconds()}});
  }

 private:
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
      const image_dataset data = data_options{}.load(s_, source, side);
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

  template <class Prediction, class OnStep>
  tensor_type batch(std::uint64_t first, std::size_t count, const OnStep& on_step) const {
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

  json settings() const {
    json result = model_.identity;
    result.update({{"policy", path_.policy},
                   {"timesteps", to_json(path_.timesteps)},
                   {"eta", s_.eta},
                   {"landing", landing_},
                   {"clipped", !s_.unclipped},
                   {"coarse_input", path_text(s_.coarse_input)},
                   {"rounding", rounding_},
                   {"seed", s_.seed}});
    return result;
  }

  /// Numbered pictures of an earlier run would count as this one's.
  void remove_earlier() const {
    for (const auto& entry : std::filesystem::directory_iterator(s_.outdir)) {
      const std::string name = entry.path().stem().string();
      if (entry.path().extension() == ".png" && name.size() == 5 &&
          std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
        std::filesystem::remove(entry.path());
    }
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
  CLI::App& app =
      add_command(program, "generate", "Generates images along a path, as PNGs",
                  "lift generate --checkpoint run --path dp-64.json --outdir samples", s,
                  [](const generate_settings& settings) { generator(settings).run(); });
  s->model.add(app);
  s->policy.policy = "diagonal";
  CLI::Option* policy = s->policy.add(app);
  option(app, "--path", s->path, "Path file, instead of a policy")
      ->excludes(policy)
      ->excludes(app.get_option("--heatmap"));
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
         "one fixed noise, or an image, folder or zip to super-resolve")
      ->type_name("sampled|random|fixed|FILE");
  seed_option(app, s->seed);
  outdir_option(app, s->outdir);
  option(app, "--grid", s->grid, "PNG of the first 64 images side by side");
  option(app, "--strip", s->strip, "PNG of four images on their way from noise");
  app.add_flag("--overwrite", s->overwrite, "Write to a folder that is not empty");
  s->preset.add(app);
}

}  // namespace lift::cli
