// SPDX-License-Identifier: MIT
#pragma once

// Flags that several commands share, so that they are spelled and checked alike everywhere.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <lift/backend/thread_pool.hpp>
#include <lift/core/choice.hpp>
#include <lift/core/preset.hpp>
#include <lift/schedule/any_schedule.hpp>

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
};

/// The names of a table of choices.
template <class Choice, std::size_t Size>
std::vector<std::string> names_of(const Choice (&table)[Size]) {
  std::vector<std::string> result;
  for (const Choice& row : table) result.emplace_back(row.name);
  return result;
}

/// A flag with a value, its default shown in the help.
template <class Value>
CLI::Option* option(CLI::App& app, const std::string& flag, Value& value,
                    const std::string& about) {
  return app.add_option(flag, value, about)->capture_default_str();
}

/// A flag whose value must pass `accepts`; `want` completes the sentence "got X, want ...".
template <class Value, class Accepts>
CLI::Option* checked_option(CLI::App& app, const std::string& flag, Value& value,
                            const std::string& about, const std::string& want, Accepts accepts) {
  return option(app, flag, value, about)
      ->check(CLI::Validator(
          [=](std::string& given) {
            double number = 0;
            return CLI::detail::lexical_cast(given, number) && accepts(number)
                       ? std::string()
                       : text("got ", given, ", want ", want);
          },
          ""));
}

/// A whole number, or several, each at least 1.
template <class Value>
CLI::Option* count_option(CLI::App& app, const std::string& flag, Value& value,
                          const std::string& about) {
  return checked_option(app, flag, value, about, "a whole number from 1", [](double x) {
    return x >= 1 && x < 1e15 && x == static_cast<double>(static_cast<std::uint64_t>(x));
  });
}

template <class Value>
CLI::Option* positive_option(CLI::App& app, const std::string& flag, Value& value,
                             const std::string& about) {
  return checked_option(app, flag, value, about, "a number above 0",
                        [](double x) { return x > 0 && x < 1e300; });
}

template <class Value>
CLI::Option* fraction_option(CLI::App& app, const std::string& flag, Value& value,
                             const std::string& about) {
  return checked_option(app, flag, value, about, "a number from 0 to 1",
                        [](double x) { return x >= 0 && x <= 1; });
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

inline CLI::Option* output_option(CLI::App& app, path& value, const std::string& what) {
  return option(app, "--output", value, what + " to write")->required();
}
inline CLI::Option* outdir_option(CLI::App& app, path& value) {
  return option(app, "--outdir", value, "Folder to write to")->required();
}
inline CLI::Option* steps_option(CLI::App& app, std::size_t& value) {
  return count_option(app, "--steps", value, "Evaluations of the network along the path");
}
template <class Value>
CLI::Option* size_option(CLI::App& app, Value& value) {
  return count_option(app, "--size", value, "Side of the fine images, in pixels");
}
inline CLI::Option* num_images_option(CLI::App& app, std::size_t& value) {
  return count_option(app, "--num-images", value, "Number of images");
}
inline CLI::Option* batch_size_option(CLI::App& app, std::size_t& value) {
  return count_option(app, "--batch-size", value, "Images at a time");
}
inline CLI::Option* seed_option(CLI::App& app, std::uint64_t& value) {
  return option(app, "--seed", value, "Seed of every random number");
}

inline CLI::Option* schedule_option(CLI::App& app, std::string& value) {
  return choice_option(app, "--schedule", value, names_of(schedule_choices), "Noise schedule");
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
       {option(app, "--threads", settings->threads,
               "Threads; 0 = one for every processor that this process may use, at most "
               "OMP_NUM_THREADS"),
        app.add_flag("--quiet", settings->quiet, "No progress, no remarks"),
        app.add_flag("--json", settings->json, "Print the result as one JSON object")})
    common->group("Options of every command");
  app.callback([settings, run] {
    default_thread_pool().resize(settings->threads);
    run(*settings);
  });
  return app;
}

}  // namespace lift::cli
