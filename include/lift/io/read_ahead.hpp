// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace lift {

/// Values that are made from their numbers, read and decoded for instance, by threads of their own
/// before they are asked for. Safe to use from several threads at once.
template <class Value>
class read_ahead {
 public:
  /// make(number) is called by several threads at once.
  read_ahead(std::function<Value(std::size_t)> make, std::size_t threads) : make_(std::move(make)) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }

  /// Begins to make what will be asked for next, in that order; what was expected before and not
  /// taken is dropped.
  void expect(std::span<const std::size_t> numbers) {
    const std::lock_guard lock(mutex_);
    slots_.clear();
    waiting_.clear();
    next_ = 0;
    for (const std::size_t number : numbers) {
      if (!slots_.emplace(number, std::make_shared<slot>()).second) continue;
      waiting_.push_back(number);
    }
    more_.notify_all();
  }

  /// The value of a number: what was made ahead, or made now where it was not. Throws what make
  /// did.
  Value take(std::size_t number) {
    std::unique_lock lock(mutex_);
    const auto found = slots_.find(number);
    if (found == slots_.end() || !found->second->begun) {
      if (found != slots_.end()) slots_.erase(found);
      lock.unlock();
      return make_(number);
    }
    const std::shared_ptr<slot> mine = found->second;
    slots_.erase(found);
    done_.wait(lock, [&] { return mine->value || mine->failure; });
    if (mine->failure) std::rethrow_exception(mine->failure);
    return std::move(*mine->value);
  }

 private:
  struct slot {
    bool begun = false;
    std::optional<Value> value;
    std::exception_ptr failure;
  };

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (more_.wait(lock, stop, [this] { return next_ < waiting_.size(); }) && !stop.stop_requested()) {
      const std::size_t number = waiting_[next_++];
      const auto found = slots_.find(number);
      if (found == slots_.end()) continue;  // taken before
      const std::shared_ptr<slot> mine = found->second;
      mine->begun = true;
      lock.unlock();
      std::optional<Value> value;
      std::exception_ptr failure;
      try {
        value = make_(number);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      mine->value = std::move(value);
      mine->failure = failure;
      done_.notify_all();
    }
  }

  std::function<Value(std::size_t)> make_;
  std::mutex mutex_;
  std::condition_variable_any more_;
  std::condition_variable done_;
  std::map<std::size_t, std::shared_ptr<slot>> slots_;
  std::vector<std::size_t> waiting_;
  std::size_t next_ = 0;  // of them to make
  std::vector<std::jthread> threads_;  // last: they use the rest
};

}  // namespace lift
