// SPDX-License-Identifier: MIT
#pragma once

// Flags that several commands share, so that they are spelled and checked alike everywhere.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include <lift/core/choice.hpp>
#include <lift/core/preset.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/io/checkpoint_folder.hpp>
#include <lift/io/image.hpp>
#include <lift/sample/suited_solver.hpp>
#include <lift/schedule/any_schedule.hpp>

#include "number_option.hpp"
#include "ranks.hpp"

namespace lift::cli {

using std::filesystem::path;

/// The command line asks for what makes no sense: exit code 2 instead of 1.
class misuse : public error {
 public:
  using error::error;
};

/// Throws `misuse` unless the condition holds.
inline void require_use(bool condition, const std::string& message) {
  if (!condition) throw misuse(message);
}

/// What every command takes.
struct session {
  std::size_t threads = 0;
  bool quiet = false, json = false;
  double dist_timeout = 300;
  /// Whether every rank of a job runs the command, and not rank 0 alone.
  static constexpr bool on_all_ranks = false;
};

/// The names of a table of choices.
template <class Choice, std::size_t Size>
std::vector<std::string> names_of(const Choice (&table)[Size]) {
  std::vector<std::string> result;
  for (const Choice& row : table) result.emplace_back(row.name);
  return result;
}

/// A flag with a value, its default shown in the help. A path is not empty.
template <class Value>
CLI::Option* option(CLI::App& app, const std::string& flag, Value& value,
                    const std::string& about) {
  CLI::Option* const result = app.add_option(flag, value, about)->capture_default_str();
  if constexpr (std::is_same_v<Value, path>)
    result->check(CLI::Validator(
        [](std::string& given) {
          return given.empty() ? "got \"\", want the name of a file or folder" : "";
        },
        ""));
  return result;
}

/// A flag that takes one of some names; `value` is a string or an optional one.
template <class Value>
CLI::Option* choice_option(CLI::App& app, const std::string& flag, Value& value,
                           const std::vector<std::string>& allowed, const std::string& about) {
  return option(app, flag, value, about)
      ->type_name(CLI::detail::join(allowed, "|"))
      ->check(CLI::Validator(
          [=](std::string& given) {
            for (const std::string& name : allowed)
              if (given == name) return std::string();
            return text("got \"", given, "\", want one of ", CLI::detail::join(allowed, ", "));
          },
          ""));
}

/// A flag that takes some of some names, separated by commas.
inline CLI::Option* choices_option(CLI::App& app, const std::string& flag,
                                   std::vector<std::string>& value,
                                   const std::vector<std::string>& allowed,
                                   const std::string& about) {
  return app
      .add_option(
          flag,
          [=, &value](const CLI::results_t& given) {
            value = CLI::detail::split(given.front(), ',');
            for (const std::string& name : value)
              if (std::ranges::find(allowed, name) == allowed.end())
                throw CLI::ValidationError(flag, text("got \"", name, "\", want one of ",
                                                      CLI::detail::join(allowed, ", ")));
            return true;
          },
          about)
      ->type_name(CLI::detail::join(allowed, "|") + ",...")
      ->default_str(CLI::detail::join(value, ","));
}

/// Whether a path leads into a folder.
inline bool lies_in(const path& place, const path& folder) {
  std::error_code unknown;
  if (!std::filesystem::is_directory(folder, unknown)) return false;
  const path relative = std::filesystem::weakly_canonical(place).lexically_relative(std::filesystem::canonical(folder));
  return !relative.empty() && *relative.begin() != "..";
}

/// Throws `misuse` where a file to write is one of those to read, by whatever name; a folder among
/// these stands for the checkpoints in it.
inline void require_not_input(const path& output, const std::vector<path>& inputs) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  for (const path& input : inputs) {
    const bool same =
        fs::is_directory(input, unknown)
            ? checkpoint_step(output.filename().string()) &&
                  fs::equivalent(fs::absolute(output).parent_path(), input, unknown)
            : fs::equivalent(output, input, unknown);
    require_use(!same, text("output ", output.string(), " is a file that is read: want another"));
  }
}

inline CLI::Option* output_option(CLI::App& app, path& value, const std::string& what) {
  return option(app, "--output", value, what + " to write")->required();
}
inline CLI::Option* outdir_option(CLI::App& app, path& value) {
  return option(app, "--outdir", value, "Folder to write to")->required();
}
inline CLI::Option* steps_option(CLI::App& app, std::size_t& value) {
  return number_option(app, "--steps", value,
                       "Evaluations of the network along the path [18; reference: 50]",
                       whole(1, 100'000))
      ->default_str("");
}
template <class Value>
CLI::Option* size_option(CLI::App& app, Value& value) {
  return number_option(app, "--size", value,
                       "Side of the fine images in pixels, or both sides, WIDTHxHEIGHT",
                       whole(1, max_image_side));
}
inline CLI::Option* num_images_option(CLI::App& app, std::size_t& value) {
  return number_option(app, "--num-images", value, "Number of images", whole(1, 100'000'000));
}
inline CLI::Option* batch_size_option(CLI::App& app, std::size_t& value) {
  return number_option(app, "--batch-size", value, "Images at a time", from_one);
}
inline CLI::Option* max_bad_option(CLI::App& app, std::size_t& value) {
  return number_option(app, "--max-bad", value, "Unreadable images to skip before giving up",
                       from_zero);
}
inline CLI::Option* seed_option(CLI::App& app, std::uint64_t& value) {
  return number_option(app, "--seed", value, "Seed of every random number",
                       whole(0, std::numeric_limits<std::uint64_t>::max()));
}

template <class Value>
CLI::Option* schedule_option(CLI::App& app, Value& value) {
  return choice_option(app, "--schedule", value, names_of(schedule_choices), "Noise schedule");
}

/// What commands take where a flag is not given and no file tells.
struct usual {
  const char *prediction, *schedule, *policy;
  std::size_t steps;  ///< evaluations of a network
};
constexpr usual usual_of(preset side) {
  if (side == preset::reference) return {"noise", "cosine", "diagonal", 50};
  return {"clean", "cosine-ztsnr", "log-snr", 18};
}
/// The solver of a path of so many steps.
constexpr const char* usual_solver(preset side, std::size_t steps) {
  if (side == preset::reference) return "ddim";
  return suited_solver::of(steps).order == 3 ? "unipc-3" : "unipc-2";
}

/// Which side a flag that is not given takes where the PyTorch reference has a quirk.
struct preset_option {
  std::string name = "sound";

  CLI::Option* add(CLI::App& app) {
    return choice_option(app, "--preset", name, {"sound", "reference"},
                         "Defaults of the flags that say so: the sound ones, or those of the "
                         "PyTorch reference");
  }
  preset side() const { return name == "reference" ? preset::reference : preset::sound; }

  /// What was given, or else the default of the preset.
  template <class Value>
  Value pick(const std::optional<Value>& given, const std::type_identity_t<Value>& sound,
             const std::type_identity_t<Value>& reference) const {
    return given.value_or(side() == preset::reference ? reference : sound);
  }
};

/// Adds a command; `run(settings)` is called once the whole command line is understood.
template <class Settings, class Run>
CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& about,
                      const std::string& example, const std::shared_ptr<Settings>& settings,
                      Run run) {
  CLI::App& app = *parent.add_subcommand(name, about);
  app.footer("Example:\n  " + example);
  for (CLI::Option* common :
       {number_option(app, "--threads", settings->threads,
                     "Threads; 0 = one for every processor that this process may use, at most "
                     "OMP_NUM_THREADS",
                     whole(0, 1024)),
        app.add_flag("--quiet", settings->quiet, "No progress, no remarks"),
        app.add_flag("--json", settings->json, "Print the result as one JSON object"),
        number_option(app, "--dist-timeout", settings->dist_timeout,
                      "Under mpirun: seconds after which a rank that does not answer ends the job",
                      range<double>{1, 1e6})})
    common->group("Options of every command");
  app.callback([settings, run] {
    default_thread_pool().resize(settings->threads);
    const rank_scope ranks(settings->dist_timeout, Settings::on_all_ranks);
    if (!leads_ranks()) settings->quiet = true;
    if (ranks.runs()) run(*settings);
  });
  return app;
}

}  // namespace lift::cli
