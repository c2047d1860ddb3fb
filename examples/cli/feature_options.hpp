// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include <lift/io/feature_statistics.hpp>

#include "images.hpp"
#include "model_file.hpp"
#include "progress.hpp"

namespace lift::cli {

/// What images are described by.
struct image_features {
  std::function<Eigen::MatrixXf(const image_batch_view&)> of;  ///< each image's in a row
  std::size_t dimension;
  json about;  ///< what a number made with them has to say: extractor, weights, protocol
};

/// The weights of a network of features: the file of --weights, or what scripts/fetch_features.py put
/// into the user's cache.
struct feature_weights_options {
  path weights;

  void add(CLI::App& app);
  /// Throws lift::error, saying how to come by it, where there is no such file.
  path find(const std::string& network) const;
};

/// The flags that choose features.
struct feature_options {
  std::string features = "haar-scattering";
  std::optional<std::string> protocol;
  std::string backend = engine_names().front();
  feature_weights_options weights;

  void add(CLI::App& app);
  image_features load(const image_size& size) const;
};

/// A set of images, by its features.
struct measured_set {
  feature_statistics statistics;
  json source;  ///< what it was made from
};

/// The flags of two sets of images whose features are compared. Each is images, or statistics that
/// `lift measure statistics`, pytorch-fid or clean-fid wrote (.npz).
struct compared_sets : session {
  static constexpr bool on_all_ranks = true;
  data_options data;
  path against;
  image_size size = 64;
  std::size_t num_images = 0;
  feature_options features;

  void add(CLI::App& app);
  /// One set; `keep` its features too. Of several ranks, which share the work, rank 0 has it. Throws lift::error for statistics of other features, or
  /// without what is to be kept.
  measured_set measure(const image_features& features, const path& source, bool keep) const;
  /// What a result says beside its numbers.
  cli::json about(const image_features& features, const measured_set& a, const measured_set& b) const;
};

}  // namespace lift::cli
