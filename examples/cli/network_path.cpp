// SPDX-License-Identifier: MIT

#include "network_path.hpp"

#include <cmath>

#include <lift/path/fit_path.hpp>
#include <lift/path/log_snr_spacing.hpp>
#include <lift/path/resample_path.hpp>
#include <lift/path/select_steps.hpp>
#include <lift/sample/generate.hpp>

#include "identity.hpp"
#include "interruption.hpp"
#include "progress.hpp"
#include "time_plan.hpp"

namespace lift::cli {
namespace {

/// A network, and the noise that paths are tried on.
class path_finder {
 public:
  path_finder(const session& s, const network_path_options& o, const std::string& solver)
      : session_(s),
        o_(o),
        solver_(choose("solver", solver_choices, solver)),
        model_(o.model.load(s)),
        scales_(model_.model->scale_count()) {
    if (o.along.empty()) return;
    along_ = load_any_path(o.along);
    require_same(identity_of(o.along), {model_.file.string(), model_.identity}, true);
    require(along_.scale_count() == scales_, "scales of the path " + o.along.string(), along_.scale_count(),
            text(scales_, " as the network has"));
  }

  const model_file& model() const { return model_; }

  /// The steps of a fine run that are worth most; also gives that run's images where they are asked for.
  template <std::size_t N>
  timestep_path<N> select(std::size_t steps, std::vector<float>* images = nullptr) const {
    const timestep_path<N> fine = course<N>(o_.reference_steps);
    progress bar(session_, "reference", batches() * fine.size());
    std::size_t done = 0;
    grid<> errors(fine.size() + 1, fine.size() + 1);
    each_batch(fine, [&](const generation& job) {
      const reference_run part =
          model_.model->run_reference(job, [&](const generated_step&) { bar.update(++done); });
      const double share = static_cast<double>(job.fine[0]) / static_cast<double>(o_.num_images);
      for (std::size_t i = 0; i < errors.size(); ++i) errors.values()[i] += share * part.errors.values()[i];
      if (images) images->insert(images->end(), part.fine.values.begin(), part.fine.values.end());
    });
    return select_steps(fine, errors, steps, o_.growth);
  }

  /// The path that gets nearest to a fine run, from the better of those selected and even steps of the way. Also
  /// says how far its images are from that run's, before and after: the mean squared difference of the fine ones.
  template <std::size_t N>
  timestep_path<N> fit(std::size_t steps, json& told) const {
    timestep_path<N> guess = course<N>(steps);
    for (const double t : guess.front()) {
      const double level = log_snr_at(model_.schedule, t);
      require(std::isfinite(level), "log-SNR of the first step of " + o_.along.string(), level,
              "a finite number for policy fitted");
    }
    const bool one_clock = on_one_clock(guess), free = o_.clocks ? *o_.clocks == "free" : !one_clock;
    std::vector<float> wanted;
    const timestep_path<N> selected = select<N>(steps, &wanted);
    const std::size_t moved = steps * ((one_clock || !free ? 1 : 0) + (free ? N : 0));
    progress bar(session_, "paths", 2 + (o_.search_steps + 1) * (2 * moved + 1));
    std::size_t tried = 0;
    const auto distance = [&](const timestep_path<N>& path) {
      const std::vector<float> made = images_along(path);
      double sum = 0;
      for (std::size_t i = 0; i < made.size(); ++i)
        sum += (double{made[i]} - wanted[i]) * (double{made[i]} - wanted[i]);
      bar.update(++tried);
      return sum / static_cast<double>(made.size());
    };
    const double of_even = distance(guess), of_selected = distance(selected);
    if (of_selected < of_even) guess = selected;
    const auto fit_on = [&](const timestep_path<N>& from, bool one) {
      return fit_path(model_.schedule, from, distance,
                      {.most_steps = o_.search_steps, .tolerance = 1e-3, .one_clock = one, .difference = 1e-2});
    };
    fitted_path<N> found = fit_on(guess, one_clock || !free);
    if (one_clock && free && N > 1) found = fit_on(found.path, false);  // from the best of one clock it is not far
    bar.set_total(tried);
    bar.update(tried);
    told.update({{"distance_even", of_even}, {"distance_selected", of_selected}, {"distance", found.distance}});
    return found.path;
  }

 private:
  /// So many steps of the way that is followed.
  template <std::size_t N>
  timestep_path<N> course(std::size_t steps) const {
    if (o_.along.empty()) return log_snr_diagonal{}(error_heatmap<N>{}, model_.schedule, steps);
    return resample_path(along_.of<N>().timesteps, steps);
  }

  template <std::size_t N>
  static bool on_one_clock(const timestep_path<N>& way) {
    for (const scales<double, N>& point : way)
      for (const double t : point)
        if (t != point[0]) return false;
    return true;
  }

  std::size_t batches() const { return (o_.num_images + o_.batch_size - 1) / o_.batch_size; }

  /// The fine images of all batches.
  template <std::size_t N>
  std::vector<float> images_along(const timestep_path<N>& path) const {
    std::vector<float> all;
    each_batch(path, [&](const generation& job) {
      const std::vector<float> made = model_.model->generate(job, [](const generated_step&) {}).values;
      all.insert(all.end(), made.begin(), made.end());
    });
    return all;
  }

  template <std::size_t N, class Work>
  void each_batch(const timestep_path<N>& path, const Work& work) const {
    in_batches(0, o_.num_images, o_.batch_size, [&](std::uint64_t first, std::size_t count) {
      interruption::check();
      work(generation{.path = any_path(named_path<N>{"", path}).timesteps,
                      .fine = {count, 3, model_.size.height, model_.size.width},
                      .solver = solver_,
                      .options = {.seed = o_.seed, .first_sample = first}});
    });
  }

  const session& session_;
  const network_path_options& o_;
  solver_kind solver_;
  model_file model_;
  std::size_t scales_;
  any_path along_;
};

}  // namespace

void network_path_options::add(CLI::App& app) {
  model.add(app);
  app.get_option("--checkpoint")->required(false);
  option(app, "--along", along, "Path file whose way gits and fitted follow [that of log-snr]");
  number_option(app, "--reference-steps", reference_steps, "Evaluations of the run that gits and fitted look at",
                whole(1, 100'000));
  choice_option(app, "--solver", solver, {"ddim", "heun", "dpm-2m", "dpm-3m", "unipc-2", "unipc-3"},
                "What takes the steps of that run and, with fitted, of the path [that of `lift generate`]");
  num_images_option(app, num_images)->description("Number of images that gits and fitted look at");
  batch_size_option(app, batch_size);
  seed_option(app, seed);
  number_option(app, "--growth", growth,
                "How much the error of each step of gits counts beside that of the one before it",
                range<double>{0, 1000, true});
  choice_option(app, "--clocks", clocks, {"one", "free"},
                "Whether fitted has the same course on all scales, or one on each [one, or free where that of "
                "--along is]");
  number_option(app, "--search-steps", search_steps, "Most steps of the descent of fitted", from_zero);
}

network_path_options::result network_path_options::find(const session& s, const std::string& policy,
                                                        std::size_t steps) const {
  require_use(steps <= reference_steps,
              text("--steps ", steps, " is more than --reference-steps ", reference_steps));
  const std::string by = solver.value_or(usual_solver(preset::sound, steps));
  const path_finder finder(s, *this, by);
  result found;
  found.settings = finder.model().identity;
  found.settings.update({{"along", path_text(along)},
                         {"solver", by},
                         {"reference_steps", reference_steps},
                         {"num_images", num_images},
                         {"seed", seed}});
  if (policy == "gits") found.settings["growth"] = growth;
  else found.settings.update({{"clocks", setting_value(clocks)}, {"search_steps", search_steps}});
  const stopwatch watch;
  found.path = interruptible([&] {
    return with_scale_count(finder.model().model->scale_count(), [&](auto n) -> any_path {
      return named_path<n>{policy, policy == "gits" ? finder.select<n>(steps) : finder.fit<n>(steps, found.told)};
    });
  });
  found.told["seconds"] = watch.seconds();
  return found;
}

}  // namespace lift::cli
