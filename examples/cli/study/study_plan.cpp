// SPDX-License-Identifier: MIT

#include "study_plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include <lift/core/digits.hpp>
#include <lift/core/error.hpp>
#include <lift/io/checksum.hpp>
#include <lift/model/any_architecture.hpp>

#include "../model_file.hpp"
#include "../network_path.hpp"
#include "../options.hpp"
#include "../policy_options.hpp"

namespace lift::cli {
namespace {

using job = study_part::job;

/// Flags that would have a part end early or go on with another one's files.
const std::vector<std::string> refused = {"help", "steps", "time-limit", "resume", "overwrite",
                                          "keep", "json",  "quiet",      "threads"};

/// The measures of `lift measure` that a study makes.
constexpr std::string_view study_measures[] = {"frechet", "kid", "precision-recall", "diversity"};

void plain(study_part& part, const std::string& flag, const std::string& value) {
  part.words.push_back({part_word::plain, "--" + flag});
  part.words.push_back({part_word::plain, value});
}
void inside(study_part& part, const std::string& flag, const std::string& file) {
  part.words.push_back({part_word::plain, "--" + flag});
  part.words.push_back({part_word::inside, file});
}

void data(study_part& part, const study_config& config) {
  part.words.push_back({part_word::plain, "--data"});
  part.words.push_back({part_word::data, config.data.string()});
}

study_part begun(job does, const std::string& name, const arguments& command) {
  study_part part{.does = does, .name = name, .words = {}, .makes = {}, .needs = {}};
  for (const std::string& word : command) part.words.push_back({part_word::plain, word});
  return part;
}

/// A number in a flag, for an estimate of the work; `otherwise` where it is not given or no number.
double number_in(const std::vector<flag>& flags, const std::string& name, double otherwise) {
  const auto given = find_text(flags, name);
  const double value = given ? std::strtod(given->c_str(), nullptr) : 0;
  return value > 0 ? value : otherwise;
}

/// Whether what a flag says is the name of a file that is there.
bool names_file(const CLI::Option& option, const std::string& value) {
  const std::string kind = option.get_type_name();
  std::error_code unknown;
  return (kind == "TEXT" || kind.find("FILE") != kind.npos) &&
         std::filesystem::is_regular_file(value, unknown);
}

std::string policy_of(const named_flags& path) {
  return path.text_of("policy").value_or("log-snr");
}

}  // namespace

std::string sample_set::name() const {
  return text(model, "/", epoch, "/", path, "/", sampler, "/", steps, "/", seed);
}

std::string model_folder(const std::string& model) { return "models/" + model; }
std::string heatmap_file(const std::string& model, std::size_t epoch, bool losses) {
  return text("heatmaps/", model, "/", epoch, losses ? "-losses" : "", ".json");
}
std::string path_file(const std::string& model, std::size_t epoch, const std::string& path,
                      std::size_t steps) {
  return text("paths/", model, "/", epoch, "/", path, "/", steps, ".json");
}
std::string samples_folder(const sample_set& set) { return "samples/" + set.name(); }
std::string grid_file(const sample_set& set) { return "grids/" + set.name() + ".png"; }
std::string strip_file(const sample_set& set) { return "strips/" + set.name() + ".png"; }
std::string measure_file(const sample_set& set, const std::string& measure) {
  return "measures/" + set.name() + "/" + measure + ".json";
}
bool follows_network(const named_flags& path) {
  return !path.given_steps() && looks_at_heatmap(policy_of(path));
}
bool follows_losses(const named_flags& path) {
  return follows_network(path) && policy_of(path).starts_with("path-kl");
}
std::string error_test_file(const std::string& model) { return "error-tests/" + model + ".json"; }

study_plan::study_plan(const study_config& config) : config_(config) {
  check_all(config.heatmap, {"heatmap"});
  check_all(config.error_test, {"measure", "mse"});
  for (const named_flags& model : config.models) check_all(model.flags, {"train"});
  for (const named_flags& path : config.paths)
    check_all(path.flags, {path.given_steps() ? "generate" : "path"}, {"of"});
  for (const named_flags& sampler : config.samplers) check_all(sampler.flags, {"generate"});
  // What measures compare with comes first, as weights that they want may be missing.
  for (const named_flags& how : config.measures) {
    const auto kind = how.text_of("measure");
    require(kind && std::ranges::find(study_measures, *kind) != std::end(study_measures),
            text(how.where, ": measure of ", how.name), kind ? quote_name(*kind) : "nothing",
            "frechet, kid, precision-recall or diversity");
    check_all(how.flags, {"measure", *kind}, {"measure"});
    if (find_option(*program_, {"measure", *kind}, "--against")) reference(how);
  }
  for (const named_flags& model : config.models) train(model.name);
  for (const study_table& table : config.tables)
    for (const std::size_t epoch : table.epochs)
      for (const std::size_t steps : table.steps)
        for (const std::uint64_t seed : table.seeds)
          for (const table_row& row : table.rows)
            for (const std::string& training : row.trainings) {
              const sample_set set{row.of(training), epoch, steps, seed};
              generate(set);
              for (const std::string& name : table.measures) measure(set, name);
            }
  if (config.has_error_test)
    for (const named_flags& model : config.models) error_test(model.name);
}

/// Throws lift::error, naming the file and line, for what can only be made of itself.
void study_plan::begin(const std::string& makes, const std::vector<named_flags>& all,
                       const std::string& name) {
  if (!begun_.insert(makes).second)
    throw error(text(study_config::named(all, name).where, ": ", name,
                     " can only be made of itself: want another file for one of its flags"));
}

std::size_t study_plan::add(study_part part) {
  const auto [known, is_new] = numbers_.try_emplace(part.makes, parts_.size());
  if (is_new) parts_.push_back(std::move(part));
  return known->second;
}

void study_plan::check(const flag& f, const arguments& command) const {
  if (std::ranges::find(refused, f.name) != refused.end())
    throw error(text(f.where, ": ", f.name, ": the study sets it, or cannot have it"));
  if (!find_option(*program_, command, "--" + f.name))
    throw error(text(f.where, ": unknown flag ", f.name, ", want one of `lift ",
                     CLI::detail::join(command, " "), " --help`"));
}

void study_plan::check_all(const std::vector<flag>& flags, const arguments& command,
                           const std::vector<std::string>& except) const {
  for (const flag& f : flags)
    if (std::ranges::find(except, f.name) == except.end()) check(f, command);
}

void study_plan::give(study_part& part, const std::vector<flag>& flags, const arguments& command,
                      const std::vector<std::string>& except) {
  for (const flag& f : flags) {
    if (std::ranges::find(except, f.name) != except.end()) continue;
    check(f, command);
    if (std::ranges::find(part.words, "--" + f.name, &part_word::text) != part.words.end())
      throw error(text(f.where, ": ", f.name, ": the study sets it, or cannot have it"));
    if (const auto* const made = std::get_if<made_file>(&f.value)) {
      give_file(part, f.name, *made);
      continue;
    }
    const std::string name = "--" + f.name;
    part.words.push_back({part_word::plain, name});
    if (const auto* const value = std::get_if<std::string>(&f.value))
      part.words.push_back({names_file(*find_option(*program_, command, name), *value)
                                ? part_word::file
                                : part_word::plain,
                            *value});
  }
}

void study_plan::give_file(study_part& part, const std::string& name, const made_file& made) {
  const std::size_t epoch = made.epoch == 0 ? config_.epochs : made.epoch;
  if (made.path.empty()) {
    part.needs.push_back(train(made.model));
    part.words.push_back({part_word::plain, "--" + name});
    part.words.push_back({part_word::checkpoint, made.model, epoch});
  } else {
    part.needs.push_back(path(made.model, epoch, made.path, made.steps));
    inside(part, name, parts_[part.needs.back()].makes);
  }
}

void study_plan::give_network(study_part& part, const std::string& model, std::size_t epoch) {
  part.model = model;
  part.needs.push_back(train(model));
  part.words.push_back({part_word::plain, "--checkpoint"});
  part.words.push_back({part_word::checkpoint, model, epoch});
}

void study_plan::give_backend(study_part& part, const arguments& command) {
  if (!config_.backend.empty() && find_option(*program_, command, "--backend"))
    plain(part, "backend", config_.backend);
}

/// Those of every model, but for the ones that it has itself.
std::vector<flag> study_plan::flags_of_model(const std::string& model) const {
  std::vector<flag> result = study_config::named(config_.models, model).flags;
  for (const flag& f : config_.train)
    if (std::ranges::find(result, f.name, &flag::name) == result.end()) result.push_back(f);
  return result;
}

/// What a flag of `lift train` says for a model; where it begins from another model's weights and
/// does not say it, what that says.
std::optional<std::string> study_plan::setting_of_model(const std::string& model,
                                                        const std::string& name) const {
  const std::vector<flag> flags = flags_of_model(model);
  if (const auto found = find_text(flags, name)) return found;
  for (const flag& f : flags)
    if (const auto* const made = std::get_if<made_file>(&f.value); made && f.name == "from")
      return setting_of_model(made->model, name);
  return std::nullopt;
}

std::size_t study_plan::scale_count(const std::string& model) const {
  const auto name = setting_of_model(model, "model"), scales = setting_of_model(model, "scales");
  if (!name && scales) return static_cast<std::size_t>(std::strtoul(scales->c_str(), nullptr, 10));
  return lift::scale_count(
      make_architecture(name.value_or(architecture_choices[0].name), unet_config{}));
}

std::size_t study_plan::epochs_between_checkpoints() const {
  std::size_t result = config_.epochs;
  for (const study_table& table : config_.tables)
    for (const std::size_t epoch : table.epochs) result = std::gcd(result, epoch);
  const auto take = [&](const std::vector<flag>& flags) {
    for (const flag& f : flags)
      if (const auto* const made = std::get_if<made_file>(&f.value))
        result = std::gcd(result, made->epoch);
  };
  take(config_.train);
  for (const auto* all : {&config_.models, &config_.paths, &config_.samplers})
    for (const named_flags& named : *all) take(named.flags);
  return result;
}

std::size_t study_plan::train(const std::string& model) {
  if (const auto known = numbers_.find(model_folder(model)); known != numbers_.end())
    return known->second;
  begin(model_folder(model), config_.models, model);
  const arguments command = {"train"};
  study_part part = begun(job::train, "train " + model, command);
  part.model = model;
  part.makes = model_folder(model);
  data(part, config_);
  plain(part, "size", config_.size);
  plain(part, "save-every", std::to_string(epochs_between_checkpoints()));
  give_backend(part, command);
  for (const flag& f : study_config::named(config_.models, model).flags)
    require(f.name != "epochs", text(f.where, ": epochs"), "a number for one model",
            "the same for all, [train] epochs");
  inside(part, "outdir", part.makes);
  std::vector<flag> flags = flags_of_model(model);
  if (!find_text(flags, "sample-every")) plain(part, "sample-every", "0");
  give(part, flags, command);
  part.work = static_cast<double>(config_.epochs);
  return add(std::move(part));
}

std::size_t study_plan::heatmap(const std::string& model, std::size_t epoch, bool losses) {
  const arguments command = {"heatmap"};
  study_part part =
      begun(job::heatmap, text("heatmap ", model, "/", epoch, losses ? " of losses" : ""), command);
  part.makes = heatmap_file(model, epoch, losses);
  give_network(part, model, epoch);
  data(part, config_);
  give_backend(part, command);
  if (losses) plain(part, "error", "loss");
  inside(part, "output", part.makes);
  give(part, config_.heatmap, command, {losses ? "error" : ""});
  part.work =
      std::pow(number_in(config_.heatmap, "points", 15), static_cast<double>(scale_count(model))) *
      number_in(config_.heatmap, "num-images", 32);
  return add(std::move(part));
}

std::size_t study_plan::path(const std::string& model, std::size_t epoch, const std::string& name,
                             std::size_t steps) {
  const arguments command = {"path"};
  const named_flags& how = study_config::named(config_.paths, name);
  const std::string makes = path_file(model, epoch, name, steps);
  if (const auto known = numbers_.find(makes); known != numbers_.end()) return known->second;
  begin(makes, config_.paths, name);
  const std::string policy = policy_of(how);
  study_part part =
      begun(job::path, text("path ", model, "/", epoch, "/", name, "/", steps), command);
  part.makes = makes;
  part.model = model;
  if (runs_network(policy)) {
    give_network(part, model, epoch);
    give_backend(part, command);
    part.work = number_in(how.flags, "search-steps", 50) * static_cast<double>(steps);
  } else if (follows_network(how)) {
    part.needs.push_back(heatmap(model, epoch, follows_losses(how)));
    inside(part, "heatmap", parts_[part.needs.back()].makes);
  } else {
    if (!how.text_of("schedule")) {
      const bool reference = setting_of_model(model, "preset") == "reference";
      plain(part, "schedule",
            setting_of_model(model, "schedule")
                .value_or(usual_schedule(reference ? preset::reference : preset::sound,
                                         setting_of_model(model, "prediction"))));
    }
    plain(part, "scales", std::to_string(scale_count(model)));
  }
  plain(part, "steps", std::to_string(steps));
  inside(part, "output", part.makes);
  give(part, how.flags, command, {"of"});
  return add(std::move(part));
}

std::size_t study_plan::generate(const sample_set& set) {
  const arguments command = {"generate"};
  study_part part = begun(job::generate, "generate " + set.name(), command);
  part.makes = samples_folder(set);
  give_network(part, set.model, set.epoch);
  const named_flags& how = study_config::named(config_.paths, set.path);
  if (const auto steps = how.given_steps()) {
    require(*steps == set.steps, text(how.where, ": steps of ", how.name), *steps,
            text(set.steps, " as of the table that it is in"));
    give(part, how.flags, command);
  } else {
    const auto other = how.text_of("of");
    part.needs.push_back(path(other.value_or(set.model), set.epoch, set.path, set.steps));
    inside(part, "path", parts_[part.needs.back()].makes);
    if (other) part.words.push_back({part_word::plain, "--foreign-path"});
  }
  give_backend(part, command);
  plain(part, "num-images", std::to_string(config_.num_images));
  plain(part, "batch-size", std::to_string(config_.batch_size));
  plain(part, "seed", std::to_string(set.seed));
  inside(part, "grid", grid_file(set));
  inside(part, "strip", strip_file(set));
  part.work = static_cast<double>(config_.num_images * set.steps);
  inside(part, "outdir", part.makes);
  give(part, study_config::named(config_.samplers, set.sampler).flags, command);
  return add(std::move(part));
}

/// What the measure compares with, kept so that it is computed once.
std::size_t study_plan::reference(const named_flags& measure) {
  const arguments command = {"measure", "statistics"};
  study_part part = begun(job::reference, "", command);
  data(part, config_);
  plain(part, "size", config_.size);
  if (config_.reference_images > 0)
    plain(part, "num-images", std::to_string(config_.reference_images));
  give_backend(part, command);
  std::vector<flag> flags;
  for (const flag& f : measure.flags)
    if (f.name == "features" || f.name == "protocol" || f.name == "weights") flags.push_back(f);
  give(part, flags, command);
  const std::string kind = *measure.text_of("measure");
  const bool keep = kind == "kid" || kind == "precision-recall";
  if (keep) part.words.push_back({part_word::plain, "--keep-features"});
  // Measures of the same features share them.
  std::string name = measure.text_of("features").value_or("haar-scattering");
  if (const auto protocol = measure.text_of("protocol")) name += "-" + *protocol;
  if (const auto weights = measure.text_of("weights")) {
    checksum sum;
    sum.add(*weights);
    name += "-" + hexadecimal(sum.value());
  }
  if (keep) name += "-each";
  part.name = text("statistics of the data (", name, ")");  // no comma: --only is cut at them
  part.makes = "reference/" + name + ".npz";
  inside(part, "output", part.makes);
  return add(std::move(part));
}

void study_plan::measure(const sample_set& set, const std::string& name) {
  const named_flags& how = study_config::named(config_.measures, name);
  const auto kind = how.text_of("measure");
  const arguments command = {"measure", *kind};
  study_part part = begun(job::measure, text("measure ", set.name(), " ", name), command);
  part.model = set.model;
  part.makes = measure_file(set, name);
  part.needs.push_back(numbers_.at(samples_folder(set)));
  inside(part, "data", samples_folder(set));
  plain(part, "size", config_.size);
  if (find_option(*program_, command, "--against")) {
    part.needs.push_back(reference(how));
    inside(part, "against", parts_[part.needs.back()].makes);
  }
  give_backend(part, command);
  plain(part, "epoch", std::to_string(set.epoch));
  plain(part, "label", set.label());
  inside(part, "output", part.makes);
  give(part, how.flags, command, {"measure"});
  part.work = static_cast<double>(config_.num_images);
  add(std::move(part));
}

void study_plan::error_test(const std::string& model) {
  const arguments command = {"measure", "mse"};
  study_part part = begun(job::error_test, "error test " + model, command);
  part.makes = error_test_file(model);
  give_network(part, model, config_.epochs);
  data(part, config_);
  give_backend(part, command);
  plain(part, "label", model);
  inside(part, "output", part.makes);
  give(part, config_.error_test, command);
  add(std::move(part));
}

}  // namespace lift::cli
