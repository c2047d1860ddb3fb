// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <lift/core/unwinding.hpp>

#include "engine.hpp"
#include "interruption.hpp"

namespace lift::cli {

/// A training that several ranks share, on rank 0: what it does all others do, in follow_training.
/// So limits of time and files are rank 0's alone; a signal that another rank is sent it hears of.
class led_training final : public training {
 public:
  led_training(std::unique_ptr<training> own, rank_group& ranks)
      : own_(std::move(own)), ranks_(ranks) {}
  /// Not where an exception leaves it: that ends the job.
  ~led_training() override {
    if (!exception_.began()) tell("e");
  }

  any_step_report step() override {
    tell("s");
    const any_step_report report = own_->step();
    for (const std::string& signal : ranks_.gather(std::to_string(interruption::number())))
      if (signal != "0") interruption::ask(std::stoi(signal));
    return report;
  }
  void change_rate(const cosine_annealing& rate) override {
    static_assert(std::is_trivially_copyable_v<cosine_annealing>);
    tell("r" + std::string(reinterpret_cast<const char*>(&rate), sizeof rate));
    own_->change_rate(rate);
  }
  std::uint64_t steps_taken() const override { return own_->steps_taken(); }
  bool at_end_of_epoch() const override { return own_->at_end_of_epoch(); }
  std::uint64_t batches_per_epoch() const override { return own_->batches_per_epoch(); }
  std::size_t parameters() const override { return own_->parameters(); }
  void save(const std::filesystem::path& file,
            const std::map<std::string, std::string>& settings) override {
    tell("w");
    own_->save(file, settings);
  }
  void help_save() override { own_->help_save(); }
  std::shared_ptr<const model_on_backend> average() const override { return own_->average(); }

 private:
  void tell(std::string what) { ranks_.broadcast(what); }

  std::unique_ptr<training> own_;
  rank_group& ranks_;
  const unwinding exception_;
};

/// Does on a rank but 0 what its training does there, until that ends.
inline void follow_training(training& own, rank_group& ranks) {
  for (;;) {
    std::string told;
    ranks.broadcast(told);
    if (told[0] == 'e') return;
    if (told[0] == 's') {
      own.step();
      ranks.gather(std::to_string(interruption::number()));
    } else if (told[0] == 'w') {
      own.help_save();
    } else {
      cosine_annealing rate;
      std::memcpy(&rate, told.data() + 1, sizeof rate);
      own.change_rate(rate);
    }
  }
}

}  // namespace lift::cli
