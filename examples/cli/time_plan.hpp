// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lift::cli {

/// How long ago it was made.
class stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Plans how many steps of a training fit in a time limit, so that its learning rate can end there.
///
/// Steps are timed as they are taken, but for the first two, which are slower. The first plan comes
/// after a twenty-fifth of the time, 10 s at most; another one each time that half of the time that
/// was left is over, from the steps since the one before, so that a machine that changes its pace
/// is followed. All times are in seconds, since the training began where they are points in time.
class time_plan {
 public:
  /// What is done every so many steps (0: never) and once more at the end, and how long it takes.
  struct chore {
    std::uint64_t every = 0;
    double seconds = 0;
  };
  chore saving, sampling;

  /// Of a training that has taken `first` steps, and is to take `asked` in all.
  time_plan(double limit, std::uint64_t first, std::uint64_t asked)
      : limit_(limit),
        first_(first),
        asked_(asked),
        steps_(asked),
        due_(std::min(limit / 25, 10.0)) {}

  /// The steps that fit, those before included; all that were asked for until a plan is made.
  std::uint64_t steps() const { return steps_; }
  double seconds_per_step() const { return seconds_per_step_; }
  bool made() const { return made_; }

  /// A step was taken, in so many seconds; says whether it is time to `make` a plan.
  bool took(std::uint64_t step, double seconds, double now) {
    taken_ = step;
    if (!made_ && step == first_ + slow_steps + 1) forget_times();
    ++timed_;
    timed_seconds_ += seconds;
    seconds_per_step_ = timed_seconds_ / static_cast<double>(timed_);
    if (made_) return timed_ >= 3 && now >= due_;
    // Where steps are long, few have to do.
    const bool slow = step <= first_ + slow_steps;
    return slow ? now >= limit_ / 2 : now >= limit_ / 4 || (timed_ >= 3 && now >= due_);
  }

  /// Plans from what was timed; says whether the plan is another. One that differs by a hundredth
  /// stays, which the hundredth of the time that is left free makes good.
  bool make(double now) {
    const std::uint64_t fitting = steps_that_fit(now);
    const std::uint64_t change = std::max(fitting, steps_) - std::min(fitting, steps_);
    const bool other = !made_ || change > steps_ / 100;
    if (other) steps_ = fitting;
    made_ = true;
    forget_times();
    due_ = now + (limit_ - now) / 2;
    return other;
  }

  /// Whether the limit leaves no time for another step.
  bool is_over(double now) const { return now + seconds_per_step_ + last_chores() > limit_; }

 private:
  static constexpr std::uint64_t slow_steps = 2;

  void forget_times() {
    timed_ = 0;
    timed_seconds_ = 0;
  }

  double last_chores() const { return saving.seconds + sampling.seconds; }

  /// How long the training goes on until it has taken `steps`.
  double seconds_until(std::uint64_t steps) const {
    double result = static_cast<double>(steps - taken_) * seconds_per_step_ + last_chores();
    for (const chore& each : {saving, sampling})
      if (each.every > 0)
        result += static_cast<double>(steps / each.every - taken_ / each.every) * each.seconds;
    return result;
  }

  std::uint64_t steps_that_fit(double now) const {
    std::uint64_t least = taken_, most = asked_;
    while (least < most) {
      const std::uint64_t middle = least + (most - least + 1) / 2;
      if (now + seconds_until(middle) <= 0.99 * limit_)
        least = middle;
      else
        most = middle - 1;
    }
    return least;
  }

  double limit_;
  std::uint64_t first_, asked_, steps_, taken_ = 0, timed_ = 0;
  double due_, timed_seconds_ = 0, seconds_per_step_ = 0;
  bool made_ = false;
};

}  // namespace lift::cli
