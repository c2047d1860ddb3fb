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

#include <lift/core/available_processors.hpp>
#include <lift/core/error.hpp>
#include <lift/core/image_size.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/io/decode_image.hpp>
#include <lift/io/image.hpp>
#include <lift/io/image_index.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/read_ahead.hpp>
#include <lift/io/resize.hpp>

namespace lift {

/// The images of an index, each read and decoded when it is asked for, or ahead of that. The place of
/// one that cannot be decoded is taken by the next of its class, so that every rank of a job sees the
/// same images; more than `max_bad` of them are an error. Safe to use from several threads at once.
class indexed_images {
 public:
  using levels = std::vector<std::uint8_t>;
  /// Called for each image that is bad when it is first met, by any thread.
  using on_bad = std::function<void(const std::string& why)>;

  indexed_images(image_index index, const image_size& size, std::size_t max_bad, on_bad tell)
      : index_(std::move(index)), size_(size), max_bad_(max_bad), tell_(std::move(tell)),
        ahead_([this](std::size_t i) { return decoded(i); }, default_threads()) {}

  const image_index& index() const { return index_; }

  /// Begins to read the images that will be asked for next.
  void expect(std::span<const std::size_t> numbers) { ahead_.expect(numbers); }

  /// Image i as levels 0 … 255, (3, H, W). Throws lift::error where its file is not what was
  /// listed, or more images are bad than may be.
  levels pixels(std::size_t i) { return ahead_.take(i); }

 private:
  levels decoded(std::size_t i) {
    for (std::size_t at = i;;) {
      const std::vector<std::byte> bytes = index_.read(at);
      std::string why;
      try {
        return to_planar(resize_and_crop(decode_image(bytes, std::string(index_.names[at])), size_));
      } catch (const std::bad_alloc&) {
        throw;  // memory that is short is no fault of the image
      } catch (const stopped&) {
        throw;
      } catch (const std::exception& failure) {
        why = failure.what();
      }
      note_bad(at, why);
      do
        at = (at + 1) % index_.images.size();
      while (index_.images[at].label != index_.images[i].label);
      if (at == i) throw error(text(why, " (and no other image of its class is good)"));
    }
  }

  void note_bad(std::size_t i, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (!bad_.insert(i).second) return;
    if (bad_.size() > max_bad_)
      throw error(text(why, " (bad images: ", bad_.size(), ", allowed ", max_bad_, ")"));
    if (tell_) tell_(why);
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
