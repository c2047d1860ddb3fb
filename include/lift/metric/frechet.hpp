// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <limits>

#include <Eigen/Eigenvalues>

#include <lift/core/error.hpp>
#include <lift/metric/feature_extractor.hpp>
#include <lift/metric/gaussian.hpp>

namespace lift {

namespace detail {

// Eigenvalues below rounding error, which a rank-deficient covariance has, are taken as zero.
template <class Vector>
Vector square_root_of_eigenvalues(const Vector& eigenvalues) {
  const double rounding = static_cast<double>(eigenvalues.size()) *
                          std::numeric_limits<double>::epsilon() * eigenvalues.maxCoeff();
  return (eigenvalues.array() > rounding).select(eigenvalues.array().max(0.0).sqrt(), 0.0);
}

}  // namespace detail

/// The squared Fréchet (2-Wasserstein) distance between two Gaussians (Dowson and Landau 1982),
/// |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½), where tr (Σ₁Σ₂)^½ is the sum of the square roots of the
/// eigenvalues of the symmetric √Σ₁ Σ₂ √Σ₁, so singular covariances need no special care.
/// Throws lift::error where sizes differ or a value is not finite. A template, so that only programs
/// that call it compile Eigen's solver.
template <std::same_as<gaussian> Gaussian = gaussian>
double frechet_distance(const Gaussian& a, const Gaussian& b) {
  using matrix = decltype(a.covariance);
  const auto size = a.mean.size();
  for (const Gaussian* each : {&a, &b}) {
    require(size > 0 && each->mean.size() == size, "dimension of the mean in a Fréchet distance",
            each->mean.size(), std::max<Eigen::Index>(size, 1));
    require(each->covariance.rows() == size && each->covariance.cols() == size,
            "size of the covariance in a Fréchet distance",
            text(each->covariance.rows(), "×", each->covariance.cols()), text(size, "×", size));
    if (!each->mean.allFinite() || !each->covariance.allFinite())
      throw error("gaussian in a Fréchet distance: got NaN or infinity, want finite");
  }
  const Eigen::SelfAdjointEigenSolver<matrix> first(a.covariance);
  const matrix root =
      first.eigenvectors() * detail::square_root_of_eigenvalues(first.eigenvalues()).asDiagonal() *
      first.eigenvectors().transpose();
  const Eigen::SelfAdjointEigenSolver<matrix> product(root * b.covariance * root,
                                                      Eigen::EigenvaluesOnly);
  const double cross = detail::square_root_of_eigenvalues(product.eigenvalues()).sum();
  const double distance =
      (a.mean - b.mean).squaredNorm() + a.covariance.trace() + b.covariance.trace() - 2 * cross;
  return std::max(distance, 0.0);
}

/// The Gaussian fitted to the features of all images, which are extracted 64 at a time.
template <class Extractor>
gaussian_fit fit_features(const Extractor& extractor, const image_batch_view& images) {
  static_assert(is_feature_extractor<Extractor>());
  constexpr std::size_t at_once = 64;
  gaussian_fit fit;
  for (std::size_t first = 0; first < images.count; first += at_once)
    fit.add(
        Eigen::MatrixXf(extractor(images.part(first, std::min(at_once, images.count - first)))));
  return fit;
}

/// The squared Fréchet distance between the features of two sets of images.
template <class Extractor>
double frechet_distance(const Extractor& extractor, const image_batch_view& a,
                        const image_batch_view& b) {
  static_assert(is_feature_extractor<Extractor>());
  return frechet_distance(fit_features(extractor, a).result(), fit_features(extractor, b).result());
}

}  // namespace lift
