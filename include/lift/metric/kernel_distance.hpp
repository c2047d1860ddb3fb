// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <Eigen/Core>

#include <lift/analysis/sample_mean.hpp>
#include <lift/core/error.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift {

namespace detail {

/// The sums of k(x_i, y_j) = (x_iᵀy_j/d + 1)³ over j, for every row i of x, without the term i = j
/// where `same` says that x and y are one set.
inline Eigen::VectorXd kernel_sums(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, bool same) {
  const auto d = static_cast<double>(x.cols());
  Eigen::VectorXd sums(x.rows());
  parallel_for(static_cast<std::size_t>(x.rows()), 256, [&](std::size_t begin, std::size_t end) {
    const auto first = static_cast<Eigen::Index>(begin), n = static_cast<Eigen::Index>(end - begin);
    const Eigen::MatrixXd k = ((x.middleRows(first, n) * y.transpose()).array() / d + 1).cube();
    sums.segment(first, n) = k.rowwise().sum();
    if (same)
      for (Eigen::Index i = 0; i < n; ++i) sums[first + i] -= k(i, first + i);
  });
  return sums;
}

/// (n − 1)/n·Σ (θ_i − θ̄)², the jackknife's variance of an estimate from those without one sample each.
inline double jackknife_variance(const Eigen::ArrayXd& without_one) {
  const auto n = static_cast<double>(without_one.size());
  return (n - 1) / n * (without_one - without_one.mean()).square().sum();
}

}  // namespace detail

/// The kernel distance between the features of two sets of images, one set's in each row (with those
/// of the Inception network the KID; Bińkowski et al. 2018): the unbiased estimate of the squared
/// maximum mean discrepancy under k(x, y) = (xᵀy/d + 1)³ from all pairs, and its standard error by
/// leaving out one image at a time. It is 0 on average, and as often below, where both sets are drawn
/// alike. Throws lift::error below three rows or where the numbers of features differ.
inline sample_mean kernel_distance(const Eigen::MatrixXf& x, const Eigen::MatrixXf& y) {
  require(x.cols() == y.cols(), "features of a kernel distance", y.cols(), x.cols());
  require(std::min(x.rows(), y.rows()) >= 3, "images of a kernel distance",
          std::min(x.rows(), y.rows()), "at least 3");
  const Eigen::MatrixXd a = x.cast<double>(), b = y.cast<double>();
  const auto m = static_cast<double>(a.rows()), n = static_cast<double>(b.rows());
  const Eigen::ArrayXd xx = detail::kernel_sums(a, a, true), yy = detail::kernel_sums(b, b, true),
                       xy = detail::kernel_sums(a, b, false), yx = detail::kernel_sums(b, a, false);
  const double of_x = xx.sum() / (m * (m - 1)), of_y = yy.sum() / (n * (n - 1)), both = xy.sum();
  const Eigen::ArrayXd without_x =
      (xx.sum() - 2 * xx) / ((m - 1) * (m - 2)) - 2 * (both - xy) / ((m - 1) * n);
  const Eigen::ArrayXd without_y =
      (yy.sum() - 2 * yy) / ((n - 1) * (n - 2)) - 2 * (both - yx) / (m * (n - 1));
  return {of_x + of_y - 2 * both / (m * n),
          std::sqrt(detail::jackknife_variance(without_x) + detail::jackknife_variance(without_y))};
}

}  // namespace lift
