// SPDX-License-Identifier: MIT

#include <utility>

#include <lift/metric/extrapolated_frechet.hpp>
#include <lift/metric/frechet.hpp>
#include <lift/metric/kernel_distance.hpp>
#include <lift/metric/precision_recall.hpp>

#include "commands.hpp"
#include "feature_options.hpp"
#include "measure_result.hpp"
#include "resuming.hpp"

namespace lift::cli {
namespace {

struct compared_settings : compared_sets {
  result_options result;
  bool extrapolate = false;
  std::uint64_t seed = 42;
  std::size_t neighbours = 3;
};

struct statistics_settings : compared_sets {
  path output;
  bool keep_features = false;
};

/// Both sets, measured; the result's file is claimed before.
struct comparison {
  std::optional<output_file> output;  // rank 0's, as the sets are
  image_features features;
  measured_set data, against;

  comparison(const compared_settings& s, bool keep_data, bool keep_against)
      : output(s.result.claim({s.data.source, s.against})),
        features(s.features.load(s.size)),
        data(s.measure(features, s.data.source, keep_data)),
        against(s.measure(features, s.against, keep_against)) {}

  /// Whether a set is known to be of fewer images than a distance wants.
  bool few() const {
    const auto lacks = [](std::size_t count) { return count > 0 && count < 2048; };
    return lacks(data.statistics.count) || lacks(against.statistics.count);
  }
  void deliver(const compared_settings& s, json numbers) {
    numbers.update(s.about(features, data, against));
    s.result.deliver(s, std::move(output), numbers);
  }
};

void measure_frechet(const compared_settings& s) {
  interruption::install();
  comparison c(s, s.extrapolate, false);
  if (!leads_ranks()) return;
  if (c.few() && !s.extrapolate)
    warn("with fewer than 2048 images the distance comes out too large; compare only with "
         "distances at the same numbers of images");
  json numbers = interruptible([&] {
    const frechet_reference reference(c.against.statistics.fitted);
    json result = {{"measure", s.features.features == inception::name ? "FID" : "Fréchet distance"},
                   {"distance", reference.distance_to(c.data.statistics.fitted)}};
    if (s.extrapolate) {
      const sample_mean limit =
          extrapolated_frechet_distance(reference, c.data.statistics.features, s.seed);
      result["extrapolated"] = {limit.mean, limit.standard_error};
    }
    return result;
  });
  c.deliver(s, std::move(numbers));
}

void measure_kernel_distance(const compared_settings& s) {
  interruption::install();
  comparison c(s, true, true);
  if (!leads_ranks()) return;
  const sample_mean distance = interruptible([&] {
    return kernel_distance(c.data.statistics.features, c.against.statistics.features);
  });
  c.deliver(s, {{"measure", s.features.features == inception::name ? "KID" : "kernel distance"},
                {"distance", distance.mean},
                {"standard_error", distance.standard_error}});
}

void measure_precision_recall(const compared_settings& s) {
  interruption::install();
  comparison c(s, true, true);
  if (!leads_ranks()) return;
  const precision_and_recall found = interruptible([&] {
    return improved_precision_recall(c.data.statistics.features, c.against.statistics.features,
                                     s.neighbours);
  });
  c.deliver(s, {{"measure", "improved precision and recall"},
                {"precision", found.precision},
                {"recall", found.recall},
                {"neighbours", s.neighbours}});
}

void write_feature_statistics(const statistics_settings& s) {
  interruption::install();
  require_not_input(s.output, {s.data.source});
  std::optional<output_file> output;
  if (leads_ranks()) output.emplace(s.output);
  const image_features features = s.features.load(s.size);
  measured_set set = s.measure(features, s.data.source, s.keep_features);
  if (!output) return;
  json about = features.about;
  about["source"] = set.source;
  set.statistics.about = about.dump();
  if (!s.keep_features) set.statistics.features.resize(0, 0);
  write_statistics(std::move(*output), set.statistics);
  about["output"] = path_text(s.output);
  report(s, about);
}

}  // namespace

void add_feature_measures(CLI::App& measure) {
  const auto add = [&](const std::string& name, const std::string& about, auto run) {
    const auto s = std::make_shared<compared_settings>();
    CLI::App& app =
        add_command(measure, name, about,
                    text("lift measure ", name, " --data samples --against emoji.zip --size 64"), s, run);
    s->add(app);
    return std::pair(&app, s);
  };
  {
    auto [app, s] = add("frechet", "Fréchet distance between two sets of images", measure_frechet);
    app->add_flag("--extrapolate", s->extrapolate,
                  "Also the distance that infinitely many of --data would have, and its standard error");
    seed_option(*app, s->seed)->description("Seed of the order in which --extrapolate takes images");
    s->result.add(*app);
  }
  {
    auto [app, s] = add("kid", "Kernel distance between two sets of images, unbiased for few of them",
                        measure_kernel_distance);
    s->result.add(*app);
  }
  {
    auto [app, s] = add("precision-recall",
                        "Shares of generated images near real ones, and of real ones near generated",
                        measure_precision_recall);
    number_option(*app, "--neighbours", s->neighbours,
                  "Neighbours within whose distance an image is near", whole(1, 1000));
    s->result.add(*app);
  }
  const auto s = std::make_shared<statistics_settings>();
  CLI::App& app = add_command(
      measure, "statistics", "Keeps the statistics of the features of a set of images (.npz)",
      "lift measure statistics --data emoji.zip --size 64 --output emoji.npz", s,
      write_feature_statistics);
  s->data.add(app);
  size_option(app, s->size);
  number_option(app, "--num-images", s->num_images, "Only the first so many; 0 = all", from_zero);
  s->features.add(app);
  app.add_flag("--keep-features", s->keep_features,
               "The features of every image too, as kid, precision-recall and --extrapolate need");
  output_option(app, s->output, "File");
}

}  // namespace lift::cli
