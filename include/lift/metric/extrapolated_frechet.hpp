// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <lift/analysis/sample_mean.hpp>
#include <lift/core/random_permutation.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/metric/frechet.hpp>

namespace lift {

namespace detail {

/// Where the line of least squares through distances against 1/n meets 1/n = 0; the n images are those
/// of the first pieces, one more each time from above a quarter of them on.
template <class Reference>
double frechet_at_infinity(const Reference& reference,
                           const std::vector<const gaussian_fit*>& pieces) {
  gaussian_fit so_far;
  Eigen::ArrayXd x(pieces.size()), y(pieces.size());
  Eigen::Index points = 0;
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    stoppable::check();
    so_far.merge(*pieces[k]);
    if (4 * (k + 1) <= pieces.size()) continue;
    x[points] = 1 / static_cast<double>(so_far.count());
    y[points++] = reference.distance_to(so_far.result());
  }
  const Eigen::ArrayXd dx = x.head(points) - x.head(points).mean();
  const double slope = (dx * y.head(points)).sum() / dx.square().sum();
  return y.head(points).mean() - slope * x.head(points).mean();
}

}  // namespace detail

/// The Fréchet distance that infinitely many images like these would have from the reference (FID∞;
/// Chong and Forsyth 2020): fewer images make a distance larger by about c/n, so the distances of
/// growing parts of the features, an image's in each row and drawn in an order of `seed`, are
/// continued to 1/n = 0. Its standard error comes from leaving out one tenth of the images at a time
/// (the jackknife). The reference's own number of images is not corrected for. Throws lift::error
/// below 100 images. With d features some 80 eigenproblems of size d.
template <class Gaussian>
sample_mean extrapolated_frechet_distance(const frechet_reference<Gaussian>& reference,
                                          const Eigen::MatrixXf& features,
                                          std::uint64_t seed = 42) {
  constexpr std::size_t groups = 10;
  const auto rows = static_cast<std::size_t>(features.rows());
  require(rows >= 100, "images of an extrapolated Fréchet distance", rows, "at least 100");
  std::vector<gaussian_fit> pieces(groups);
  const auto order = random_permutation({.seed = seed, .use = purpose::subset_order}, rows);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t first = g * rows / groups, last = (g + 1) * rows / groups;
    std::vector<Eigen::Index> drawn;
    for (std::size_t i = first; i < last; ++i) drawn.push_back(static_cast<Eigen::Index>(order[i]));
    pieces[g].add(features(drawn, Eigen::all));
  }
  std::vector<const gaussian_fit*> all;
  for (const gaussian_fit& piece : pieces) all.push_back(&piece);
  const double estimate = detail::frechet_at_infinity(reference, all);
  Eigen::ArrayXd without(groups);
  for (std::size_t g = 0; g < groups; ++g) {
    auto rest = all;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(g));
    without[static_cast<Eigen::Index>(g)] = detail::frechet_at_infinity(reference, rest);
  }
  const double spread = (without - without.mean()).square().sum() * (groups - 1.0) / groups;
  return {estimate, std::sqrt(spread)};
}

}  // namespace lift
