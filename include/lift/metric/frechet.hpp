// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <limits>
#include <utility>

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

/// Squared Fréchet (2-Wasserstein) distances between Gaussians and a fixed one (Dowson and Landau
/// 1982), |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½), where tr (Σ₁Σ₂)^½ is the sum of the square roots of the
/// eigenvalues of the symmetric √Σ₁ Σ₂ √Σ₁, so singular covariances need no special care. √Σ₁ is
/// computed once, with d features in some 10 d³ operations, and the eigenvalues of each product in a
/// sixth of that. A template, so that only programs that use it compile Eigen's solver.
template <std::same_as<gaussian> Gaussian = gaussian>
class frechet_reference {
  using matrix = decltype(Gaussian::covariance);

 public:
  /// Throws lift::error where sizes do not fit together or a value is not finite.
  explicit frechet_reference(Gaussian fixed) : fixed_(std::move(fixed)) {
    check(fixed_);
    const Eigen::SelfAdjointEigenSolver<matrix> of(fixed_.covariance);
    root_ = of.eigenvectors() * detail::square_root_of_eigenvalues(of.eigenvalues()).asDiagonal() *
            of.eigenvectors().transpose();
  }

  /// Throws lift::error where g has another size than the fixed Gaussian or a value is not finite.
  double distance_to(const Gaussian& g) const {
    check(g);
    const Eigen::SelfAdjointEigenSolver<matrix> product(root_ * g.covariance * root_,
                                                        Eigen::EigenvaluesOnly);
    const double cross = detail::square_root_of_eigenvalues(product.eigenvalues()).sum();
    const double distance = (fixed_.mean - g.mean).squaredNorm() + fixed_.covariance.trace() +
                            g.covariance.trace() - 2 * cross;
    return std::max(distance, 0.0);
  }

 private:
  void check(const Gaussian& g) const {
    const auto size = fixed_.mean.size();
    require(size > 0 && g.mean.size() == size, "dimension of the mean in a Fréchet distance",
            g.mean.size(), std::max<Eigen::Index>(size, 1));
    require(g.covariance.rows() == size && g.covariance.cols() == size,
            "size of the covariance in a Fréchet distance",
            text(g.covariance.rows(), "×", g.covariance.cols()), text(size, "×", size));
    if (!g.mean.allFinite() || !g.covariance.allFinite())
      throw error("gaussian in a Fréchet distance: got NaN or infinity, want finite");
  }

  Gaussian fixed_;
  matrix root_;
};

/// The squared Fréchet distance between two Gaussians, as above.
template <std::same_as<gaussian> Gaussian = gaussian>
double frechet_distance(const Gaussian& a, const Gaussian& b) {
  return frechet_reference(a).distance_to(b);
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
