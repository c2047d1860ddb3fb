// SPDX-License-Identifier: MIT
#pragma once

#include <lift/path/any_path_policy.hpp>
#include <lift/schedule/any_schedule.hpp>

#include "any_scales.hpp"
#include "options.hpp"
#include "report.hpp"

namespace lift::cli {

inline constexpr choice<timestep_spacing> spacing_choices[] = {
    {"trailing", [] { return timestep_spacing::trailing; }},
    {"leading", [] { return timestep_spacing::leading; }},
    {"strided", [] { return timestep_spacing::strided; }},
};
inline constexpr choice<start_level> start_choices[] = {
    {"noisiest", [] { return start_level::noisiest; }},
    {"first-node", [] { return start_level::first_node; }},
};
inline constexpr choice<cost_rule> cost_choices[] = {
    {"moves", [] { return cost_rule::moves; }},
    {"nodes", [] { return cost_rule::nodes; }},
};
inline constexpr choice<path_end> end_choices[] = {
    {"fixed", [] { return path_end::fixed; }},
    {"free", [] { return path_end::free; }},
};

/// Whether a policy that runs no network looks at a heatmap.
inline bool looks_at_heatmap(const std::string& policy) {
  return policy != "diagonal" && policy != "log-snr";
}

/// The flags that name and shape a path policy, and the heatmap it looks at.
struct policy_options {
  std::string policy;
  path heatmap;
  std::size_t steps = 0;
  std::optional<std::string> spacing, start, cost, end;
  std::optional<std::size_t> max_jump;
  std::optional<double> first, stretch, lead;

  /// `others` are the names of policies that are not found here.
  CLI::Option* add(CLI::App& app, const std::vector<std::string>& others = {}) {
    option(app, "--heatmap", heatmap, "Heatmap file; every policy but diagonal, log-snr, gits and fitted looks at one");
    steps_option(app, steps);
    choice_option(app, "--spacing", spacing, names_of(spacing_choices),
                  "Timesteps of diagonal [trailing; reference: strided]");
    choice_option(app, "--start", start, names_of(start_choices),
                  "Where a path found on a heatmap begins [noisiest; reference: first-node]");
    choice_option(app, "--cost", cost, names_of(cost_choices),
                  "What dp-64 and dp-total add up [moves; reference: nodes]");
    choice_option(app, "--end", end, names_of(end_choices),
                  "Where dp-64 and dp-total may end [fixed; reference: free]");
    number_option(app, "--max-jump", max_jump, "Cells a scale may advance in a move of n-step [5]",
                  from_one);
    number_option(app, "--first-log-snr", first, "Where log-snr begins [-11, with fewer than 9 steps -10, or the schedule's lowest]",
                  range<double>{-30, 30});
    number_option(app, "--stretch", stretch,
                  "How much longer the first steps of log-snr are than the others, in steps; 0 is even [2.5, with "
                  "fewer than 9 steps down to 0; 0 if it begins above -8]",
                  range<double>{0, 100});
    number_option(app, "--lead", lead,
                  "How far every scale of log-snr is ahead of the next finer one, in log-SNR [0]",
                  range<double>{-log_snr_diagonal::lead_in, 30});
    std::vector<std::string> names = names_of(path_policy_choices);
    names.insert(names.end(), others.begin(), others.end());
    return choice_option(app, "--policy", policy, names, "Path policy [log-snr; reference: diagonal]")
        ->default_str("");
  }

  /// Takes what was not given as usual.
  void settle(preset side) {
    require_use(heatmap.empty() || !policy.empty(), "--heatmap: want --policy too");
    if (policy.empty()) policy = usual_of(side).policy;
    if (steps == 0) steps = usual_of(side).steps;
  }

  /// The policy with the flags that were given; throws `misuse` for a flag it has no use for.
  any_path_policy make(preset side) const {
    any_path_policy result = make_path_policy(policy, side);
    const auto refuse = [&](const char* flag, bool given) {
      require_use(!given, text(flag, " means nothing to policy ", policy));
    };
    const auto take = [](auto& member, const auto& given, const char* what, const auto& table) {
      if (given) member = choose(what, table, *given);
    };
    std::visit(
        [&](auto& p) {
          if constexpr (requires { p.spacing; })
            take(p.spacing, spacing, "spacing", spacing_choices);
          else
            refuse("--spacing", spacing.has_value());
          if constexpr (requires { p.start; })
            take(p.start, start, "start", start_choices);
          else
            refuse("--start", start.has_value());
          if constexpr (requires { p.rule; }) {
            take(p.rule, cost, "cost", cost_choices);
            take(p.end, end, "end", end_choices);
          } else {
            refuse("--cost", cost.has_value());
            refuse("--end", end.has_value());
          }
          if constexpr (requires { p.stretch; }) {
            p.first = first.value_or(p.first);
            p.stretch = stretch.value_or(p.stretch);
            p.lead = lead.value_or(p.lead);
          } else {
            refuse("--first-log-snr", first.has_value());
            refuse("--stretch", stretch.has_value());
            refuse("--lead", lead.has_value());
          }
          if constexpr (requires { p.max_jump; })
            p.max_jump = max_jump.value_or(p.max_jump);
          else
            refuse("--max-jump", max_jump.has_value());
        },
        result.model);
    return result;
  }

  /// The heatmap that the policy looks at; empty if it looks at none.
  path looks_at() const {
    if (policy.empty() || !looks_at_heatmap(policy)) return {};
    require_use(!heatmap.empty(), text("policy ", policy, " looks at a heatmap: give --heatmap"));
    return heatmap;
  }

  /// Throws lift::error for a heatmap of Jacobians.
  void require_losses(const path& file) const {
    const nlohmann::json document = read_json(file);
    const nlohmann::json::json_pointer error("/settings/error"), jacobian("/settings/jacobian");
    require(!document.contains(jacobian) || (document.contains(error) && document[error] == "loss"),
            text("heatmap ", file.string(), " for policy ", policy), "errors of Jacobians",
            "losses, as of `lift heatmap --error loss`");
  }

  /// The path in `steps` evaluations, of as many scales as its heatmap, or else of `scale_count`.
  any_path find(preset side, const any_schedule& schedule, std::size_t scale_count) const {
    const any_path_policy chosen = make(side);
    const path looked_at = looks_at();
    const auto path_on = [&]<std::size_t N>(const error_heatmap<N>& map) -> any_path {
      try {
        return named_path<N>{policy, chosen(map, schedule, steps)};
      } catch (const error& failure) {
        throw error(text("policy ", policy, ": ", failure.what()));
      }
    };
    if (!looked_at.empty()) {
      if (std::holds_alternative<path_kl>(chosen.model)) require_losses(looked_at);
      return std::visit(path_on, load_any_heatmap(looked_at));
    }
    return with_scale_count(scale_count, [&](auto n) { return path_on(error_heatmap<n>{}); });
  }
};

}  // namespace lift::cli
