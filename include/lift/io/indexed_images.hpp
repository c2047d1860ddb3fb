// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/image_size.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/io/decode_image.hpp>
#include <lift/io/image.hpp>
#include <lift/io/image_index.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/read_ahead.hpp>
#include <lift/io/resize.hpp>

namespace lift {

/// An image of an index is not what was listed, or more are bad than may be.
class unreadable_image : public error {
 public:
  using error::error;
};

/// The images of an index, each read and decoded when it is asked for, or ahead of that, by as many
/// threads as the default pool has. The place of one that cannot be read or decoded is taken by the
/// one before it of its class, or else the one after, so that every rank of a job sees the same images;
/// more than `max_bad` of them are an error. Safe to use from several threads at once.
class indexed_images {
 public:
  using levels = std::vector<std::uint8_t>;
  /// Called for each image that is bad when it is first met, by any thread.
  using on_bad = std::function<void(const std::string& why)>;

  indexed_images(image_index index, const image_size& size, std::size_t max_bad, on_bad tell)
      : index_(std::move(index)), size_(size), max_bad_(max_bad), tell_(std::move(tell)),
        ahead_([this](std::size_t i) { return decoded(i); }, default_thread_pool().size()) {}

  const image_index& index() const { return index_; }

  /// Begins to read the images that will be asked for next.
  void expect(std::span<const std::size_t> numbers) { ahead_.expect(numbers); }

  /// Image i as levels 0 … 255, (3, H, W). Throws unreadable_image.
  levels pixels(std::size_t i) { return ahead_.take(i); }

 private:
  levels decoded(std::size_t i) {
    std::string why;
    for (std::size_t at = i;; at = other_of_class(at, i)) {
      if (at == index_.images.size())
        throw unreadable_image(text(why, " (and no other image of its class is good)"));
      try {
        const std::vector<std::byte> bytes = index_.read(at);
        return to_planar(resize_and_crop(decode_image(bytes, std::string(index_.names[at])), size_));
      } catch (const std::bad_alloc&) {
        throw;  // memory that is short is no fault of the image
      } catch (const stopped&) {
        throw;
      } catch (const changed_since_listed& failure) {
        throw unreadable_image(failure.what());
      } catch (const std::exception& failure) {
        why = failure.what();
      }
      note_bad(at, why);
    }
  }

  /// The next to try, after `at`, in the place of image i: those before it first, as only the first of
  /// the images may be meant. The number of images where there is none.
  std::size_t other_of_class(std::size_t at, std::size_t i) const {
    const auto fits = [&](std::size_t other) { return index_.images[other].label == index_.images[i].label; };
    if (at <= i) {
      while (at > 0)
        if (fits(--at)) return at;
      at = i;
    }
    while (++at < index_.images.size())
      if (fits(at)) return at;
    return at;
  }

  void note_bad(std::size_t i, const std::string& why) {
    const std::lock_guard lock(mutex_);
    const bool first = bad_.insert(i).second;
    if (bad_.size() > max_bad_)
      throw unreadable_image(text(why, " (bad images: ", bad_.size(), ", allowed ", max_bad_, ")"));
    if (first && tell_) tell_(why);
  }

  image_index index_;
  image_size size_;
  std::size_t max_bad_;
  on_bad tell_;
  std::mutex mutex_;
  std::set<std::size_t> bad_;
  read_ahead<levels> ahead_;  // last: its threads use the rest
};

}  // namespace lift
