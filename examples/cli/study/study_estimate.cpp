// SPDX-License-Identifier: MIT

#include "study_estimate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include <lift/io/json_file.hpp>

#include "../captured_output.hpp"
#include "../interruption.hpp"
#include "../time_plan.hpp"

namespace lift::cli {
namespace {

namespace fs = std::filesystem;
using job = study_part::job;

/// A folder for temporary files, removed in the end.
class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (fs::temp_directory_path() / "lift-study-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw_errno("make folder", name);
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

/// A command line with other values of its flags.
class changed_command {
 public:
  explicit changed_command(arguments words) : words_(std::move(words)) {}
  changed_command& set(const std::string& flag, const std::string& value) {
    drop(flag);
    words_.insert(words_.end(), {flag, value});
    return *this;
  }
  changed_command& drop(const std::string& flag) {
    if (const auto at = std::ranges::find(words_, flag); at != words_.end())
      words_.erase(at, at + 2);
    return *this;
  }
  /// Runs it; what it answers, and the seconds that all of it took.
  std::pair<json, double> run(const session& s) const {
    arguments words = words_;
    words.insert(words.end(), {"--json", "--quiet"});
    if (s.threads > 0) words.insert(words.end(), {"--threads", std::to_string(s.threads)});
    const command_result result = captured([&] { cli::run(words); });
    return {json::parse(result.output), result.seconds};
  }

 private:
  arguments words_;
};

/// Runs a little of parts, for the seconds that a unit of their work takes.
class rehearsal {
 public:
  rehearsal(const session& s, const study_config& config, const study_plan& plan,
            const study_run& run)
      : session_(s), config_(config), plan_(plan), run_(run) {}

  /// None where nothing little can be run of the part, or not before others are there.
  std::optional<double> rate(std::size_t number) {
    const study_part& part = plan_.parts()[number];
    switch (part.does) {
      case job::train:
        return can_run(part) ? std::optional(train(number)) : std::nullopt;
      case job::generate:
        return can_run(part) ? std::optional(generate(number)) : std::nullopt;
      case job::heatmap:
        return can_run(part) ? std::optional(heatmap(number)) : std::nullopt;
      case job::measure:
        for (const std::size_t need : part.needs)
          if (plan_.parts()[need].does == job::reference) return reference(need);
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

 private:
  double train(std::size_t number) {
    constexpr std::size_t steps = 5;
    const std::string& model = plan_.parts()[number].model;
    const json told = command(number)
                          .set("--outdir", folder_.file(model))
                          .set("--save-every", "0")
                          .set("--sample-every", "0")
                          .set("--steps", std::to_string(steps))
                          .run(session_)
                          .first;
    trained_.insert(model);
    return told.at("seconds").get<double>() / steps * told.at("steps_per_epoch").get<double>();
  }

  /// From two lengths, so that what is done once for all images does not count.
  double generate(std::size_t number) {
    const std::size_t images = std::min(config_.num_images, config_.batch_size);
    const auto seconds = [&](std::size_t steps) {
      return network(number)
          .drop("--path")
          .drop("--timesteps")
          .drop("--sigmas")
          .drop("--log-snrs")
          .drop("--grid")
          .drop("--strip")
          .set("--policy", "log-snr")
          .set("--steps", std::to_string(steps))
          .set("--num-images", std::to_string(images))
          .set("--outdir", folder_.file(text("samples-", number, "-", steps)))
          .run(session_)
          .second;
    };
    return std::max(seconds(7) - seconds(2), 0.0) / (5 * static_cast<double>(images));
  }

  double heatmap(std::size_t number) {
    const json told = network(number)
                          .set("--points", "2")
                          .set("--num-images", "2")
                          .set("--output", folder_.file(text("heatmap-", number, ".json")))
                          .run(session_)
                          .first;
    const auto scales = static_cast<int>(plan_.scale_count(plan_.parts()[number].model));
    return told.at("seconds").get<double>() / (2 * std::pow(2, scales));
  }

  /// The seconds of an image, of which a distance is most.
  double reference(std::size_t number) {
    constexpr std::size_t images = 64;
    if (!references_.contains(number))
      references_[number] = command(number)
                                .set("--num-images", std::to_string(images))
                                .set("--output", folder_.file(text("reference-", number, ".npz")))
                                .run(session_)
                                .second /
                            images;
    return references_[number];
  }

  changed_command command(std::size_t number) const {
    return changed_command(run_.command(number));
  }
  changed_command network(std::size_t number) const {
    changed_command result = command(number);
    const std::string& model = plan_.parts()[number].model;
    if (trained_.contains(model)) result.set("--checkpoint", folder_.file(model));
    return result;
  }
  /// Whether what a part needs is there, or not needed for a little of it.
  bool can_run(const study_part& part) const {
    const bool trained = part.does != job::train && trained_.contains(part.model);
    return (trained || run_.has_checkpoints(part)) &&
           std::ranges::all_of(part.needs, [&](std::size_t need) {
             return run_.state(need) == part_state::done || part.does == job::generate ||
                    (trained && plan_.parts()[need].does == job::train);
           });
  }

  const session& session_;
  const study_config& config_;
  const study_plan& plan_;
  const study_run& run_;
  temporary_folder folder_;
  std::set<std::string> trained_;
  std::map<std::size_t, double> references_;
};

}  // namespace

/// The median of what parts took for their work, as one may have waited for a suspended machine.
void study_estimate::learn() {
  std::map<kind, std::vector<double>> rates;
  for (const study_part& part : plan_.parts()) {
    const auto took = run_.times().find(part.name);
    if (took == run_.times().end()) continue;
    rates[{part.does, part.model}].push_back(took->second / part.work);
  }
  for (auto& [what, all] : rates) {
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::ranges::nth_element(all, middle);
    rates_[what] = *middle;
  }
}

std::optional<double> study_estimate::seconds(const study_part& part) const {
  if (const auto same = rates_.find({part.does, part.model}); same != rates_.end())
    return same->second * part.work;
  for (const auto& [what, rate] : rates_)  // of another model: nearer than nothing
    if (what.first == part.does) return rate * part.work;
  return std::nullopt;
}

std::pair<double, bool> study_estimate::seconds(std::span<const std::size_t> parts) const {
  std::pair<double, bool> result{0, true};
  for (const std::size_t i : parts) {
    const auto expected = seconds(plan_.parts()[i]);
    result.first += expected.value_or(0);
    result.second = result.second && expected;
  }
  return result;
}

void study_estimate::rehearse(const session& s, const study_config& config,
                              const std::vector<std::size_t>& to_do) {
  rehearsal little(s, config, plan_, run_);
  for (const std::size_t i : to_do) {
    const study_part& part = plan_.parts()[i];
    const kind what{part.does, part.model};
    if (rates_.contains(what)) continue;
    try {
      if (const auto rate = little.rate(i)) rates_[what] = *rate;
    } catch (const interrupted&) {
      throw;
    } catch (const error&) {  // what is wrong will be said when the part is made
    }
  }
}

}  // namespace lift::cli
