// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lift/io/file.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/schedule/any_schedule.hpp>
#include <lift/schedule/snr.hpp>

#include "any_scales.hpp"
#include "options.hpp"

namespace lift::cli {

/// The flags that give a path step by step. A step is a number for all scales, or one for each,
/// finest first, with ':' or blanks between them; steps end at commas or line ends. What names a
/// file is read from there.
struct given_levels {
  std::string timesteps, sigmas, log_snrs;

  void add(CLI::App& app, CLI::Option* other_path, CLI::Option* policy) {
    const std::string form = "LIST|FILE, a number a step or one a scale as 900:800";
    flags_ = {
        option(app, "--timesteps", timesteps, "Path of these timesteps, which may be fractional"),
        option(app, "--sigmas", sigmas, "Path of these noise levels √((1 - alpha_bar)/alpha_bar)"),
        option(app, "--log-snrs", log_snrs, "Path of these log-SNRs (natural)")};
    for (CLI::Option* flag : flags_) {
      flag->type_name(form)->excludes(other_path)->excludes(policy);
      for (CLI::Option* other : flags_)
        if (other != flag) flag->excludes(other);
    }
  }

  /// The steps that a flag gives, one after the other as it says them. What names a file is read from
  /// there, and `source` becomes its name. Throws lift::error where it cannot be read.
  static std::vector<std::string> steps(std::string list, std::string& source) {
    std::error_code unknown;
    if (std::filesystem::is_regular_file(list, unknown)) {
      source = list;
      const auto bytes = read_file(list, std::uint64_t{1} << 24);
      list.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    list.erase(list.find_last_not_of(" \t\r\n") + 1);  // npos + 1 is 0
    std::vector<std::string> result;
    for (std::size_t first = 0; first <= list.size();) {
      const std::size_t end = std::min(list.find_first_of(",\n", first), list.size());
      result.push_back(list.substr(first, end - first));
      first = end + 1;
    }
    return result;
  }

  bool any() const { return given(0) || given(1) || given(2); }

  /// The path, for a network of `n` scales; throws lift::error naming the flag or file and the step
  /// that is no number, or not a number for each scale.
  any_path find(const any_schedule& schedule, std::size_t n) const {
    if (given(0)) return read("--timesteps", timesteps, n, [](double t) { return t; });
    const auto at_log_snr = [&](double level) { return timestep_from_log_snr(schedule, level); };
    if (given(2)) return read("--log-snrs", log_snrs, n, at_log_snr);
    return read("--sigmas", sigmas, n, [&](double sigma) {
      require(sigma >= 0, "--sigmas", sigma, "numbers from 0");
      return at_log_snr(-2 * std::log(sigma));
    });
  }

 private:
  template <class ToTimestep>
  static any_path read(std::string source, const std::string& list, std::size_t n,
                       const ToTimestep& to_timestep) {
    any_path result;
    result.policy = "given";
    for (const std::string& step : steps(list, source)) {
      const std::string location = text(source, ": step ", result.timesteps.size() + 1);
      std::vector<double> levels = numbers(step, location);
      require(levels.size() == 1 || levels.size() == n, location,
              text(levels.size(), " numbers"), n == 1 ? "1" : text("1 or ", n));
      if (levels.size() == 1) levels.resize(n, levels[0]);
      for (double& level : levels) level = to_timestep(level);
      result.timesteps.push_back(std::move(levels));
    }
    return result;
  }

  static std::vector<double> numbers(std::string_view step, const std::string& location) {
    std::vector<double> result;
    for (std::size_t at = 0; (at = step.find_first_not_of(": \t\r", at)) != step.npos;) {
      const std::size_t end = std::min(step.find_first_of(": \t\r", at), step.size());
      double number = 0;
      const auto [rest, problem] =
          std::from_chars(step.data() + at, step.data() + end, number);
      require(problem == std::errc() && rest == step.data() + end && std::isfinite(number),
              location, quote_name(std::string(step.substr(at, end - at))), "a number");
      result.push_back(number);
      at = end;
    }
    return result;
  }

  bool given(std::size_t flag) const { return flags_[flag] && flags_[flag]->count() > 0; }

  std::array<CLI::Option*, 3> flags_ = {};  // in the order of the members
};

}  // namespace lift::cli
