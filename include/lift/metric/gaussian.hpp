// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <Eigen/Core>

#include <lift/core/error.hpp>

namespace lift {

/// A multivariate normal distribution N(μ, Σ).
struct gaussian {
  Eigen::VectorXd mean;
  Eigen::MatrixXd covariance;
};

/// Fits a Gaussian to rows that arrive in pieces: only n, the mean and the scatter matrix
/// Σᵢ (xᵢ − μ)(xᵢ − μ)ᵀ are kept, in double. Pieces are joined by Chan's update (Chan, Golub and
/// LeVeque 1983), which loses no digits when the mean is large.
class gaussian_fit {
 public:
  /// Adds samples, one per row. Throws lift::error on NaN or infinity, or a change of dimension.
  template <class Derived>
  void add(const Eigen::MatrixBase<Derived>& rows) {
    if (rows.rows() == 0) return;
    if (!rows.allFinite()) throw error("samples of a gaussian: got NaN or infinity, want finite");
    gaussian_fit piece;
    piece.count_ = static_cast<std::size_t>(rows.rows());
    const Eigen::MatrixXd samples = rows.template cast<double>();
    piece.mean_ = samples.colwise().mean().transpose();
    const Eigen::MatrixXd centred = samples.rowwise() - piece.mean_.transpose();
    piece.scatter_ = centred.transpose() * centred;
    merge(piece);
  }

  /// Adds every sample of `other`. Throws lift::error where the dimensions differ.
  void merge(const gaussian_fit& other) {
    if (other.count_ == 0) return;
    if (count_ == 0) {
      *this = other;
      return;
    }
    require(other.mean_.size() == mean_.size(), "dimension of the samples of a gaussian",
            other.mean_.size(), mean_.size());
    const auto total = static_cast<double>(count_ + other.count_);
    const double share = static_cast<double>(other.count_) / total;
    const Eigen::VectorXd offset = other.mean_ - mean_;
    scatter_ += other.scatter_ + static_cast<double>(count_) * share * offset * offset.transpose();
    mean_ += share * offset;
    count_ += other.count_;
  }

  std::size_t count() const { return count_; }

  /// The mean and the unbiased covariance (n − 1). Throws lift::error below two samples.
  gaussian result() const {
    require(count_ >= 2, "number of samples of a gaussian", count_, "at least 2");
    return {mean_, scatter_ / static_cast<double>(count_ - 1)};
  }

 private:
  std::size_t count_ = 0;
  Eigen::VectorXd mean_;
  Eigen::MatrixXd scatter_;
};

}  // namespace lift
