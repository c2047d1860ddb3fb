// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include <Eigen/Core>

#include <lift/core/error.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift {

/// How much of one set of images lies where the other does, both from 0 to 1.
struct precision_and_recall {
  double precision;  ///< share of the generated images that are near real ones
  double recall;     ///< share of the real images that are near generated ones
};

namespace detail {

/// Calls visit(i, squared distances of row i of x to all rows of y), from all threads of the default pool.
template <class Visit>
void for_each_distance(const Eigen::MatrixXf& x, const Eigen::MatrixXf& y, const Visit& visit) {
  const Eigen::VectorXf xx = x.rowwise().squaredNorm(), yy = y.rowwise().squaredNorm();
  parallel_for(static_cast<std::size_t>(x.rows()), 256, [&](std::size_t begin, std::size_t end) {
    const auto first = static_cast<Eigen::Index>(begin), n = static_cast<Eigen::Index>(end - begin);
    const Eigen::MatrixXf products = y * x.middleRows(first, n).transpose();
    for (Eigen::Index i = 0; i < n; ++i)
      visit(first + i, Eigen::ArrayXf((yy - 2 * products.col(i)).array() + xx[first + i]));
  });
}

/// The squared distance of each row to its k-th nearest other row.
inline Eigen::ArrayXf neighbourhoods(const Eigen::MatrixXf& x, std::size_t k) {
  Eigen::ArrayXf radii(x.rows());
  for_each_distance(x, x, [&](Eigen::Index i, Eigen::ArrayXf distances) {
    distances[i] = -1;  // itself comes first
    const auto nth = distances.begin() + static_cast<std::ptrdiff_t>(k);
    std::nth_element(distances.begin(), nth, distances.end());
    radii[i] = *nth;
  });
  return radii;
}

/// The share of the rows of x that lie within the neighbourhood of some row of y.
inline double share_within(const Eigen::MatrixXf& x, const Eigen::MatrixXf& y,
                           const Eigen::ArrayXf& radii_of_y) {
  std::atomic<std::size_t> within = 0;
  for_each_distance(x, y, [&](Eigen::Index, const Eigen::ArrayXf& distances) {
    if ((distances <= radii_of_y).any()) ++within;
  });
  return static_cast<double>(within) / static_cast<double>(x.rows());
}

}  // namespace detail

/// Improved precision and recall (Kynkäänniemi et al. 2019) of features, an image's in each row: a
/// point is near a set if it is no farther from some image of it than that image's k-th neighbour in
/// the set. Throws lift::error where a set has not more than k images or the numbers of features
/// differ.
inline precision_and_recall improved_precision_recall(const Eigen::MatrixXf& generated,
                                                      const Eigen::MatrixXf& real,
                                                      std::size_t k = 3) {
  require(generated.cols() == real.cols(), "features of precision and recall", generated.cols(),
          real.cols());
  const auto fewest = static_cast<std::size_t>(std::min(generated.rows(), real.rows()));
  require(k >= 1 && fewest > k, "images of precision and recall", fewest, text("more than ", k));
  return {detail::share_within(generated, real, detail::neighbourhoods(real, k)),
          detail::share_within(real, generated, detail::neighbourhoods(generated, k))};
}

}  // namespace lift
