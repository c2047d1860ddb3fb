// SPDX-License-Identifier: MIT
#pragma once

// What a solver makes of a Gaussian image along a path, exactly: every step is linear, so a sample is
// a linear map of the unit noise that went in, and the solver itself is run on that map's columns.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>

#include <lift/exact/gaussian_image.hpp>
#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/sample/any_solver.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/tensor/maps.hpp>
#include <lift/tensor/tensor.hpp>

namespace lift {

/// What samples begin with.
enum class sampling_start {
  unit_noise,     ///< z = ε, whatever the first SNRs
  exact_marginal  ///< z = α·x + σ·ε of the image itself
};

/// How far what was made is from a Gaussian image, as distributions of its finest scale.
struct gaussian_distance {
  double wasserstein;  ///< the squared 2-Wasserstein distance over the total variance
  double divergence;   ///< KL(image ‖ made), in nats for each pixel
};

namespace detail {

/// One matrix for each block: a column for each of its elements, row by row, in which the blocks are rows.
using block_matrices = Eigen::ArrayXXd;

template <std::size_t N>
block_matrices as_block_matrices(const gaussian_image<N>& image, const auto& matrix_of) {
  const auto blocks = static_cast<Eigen::Index>(image.blocks.size());
  block_matrices all;
  for (Eigen::Index b = 0; b < blocks; ++b) {
    const Eigen::MatrixXd one = matrix_of(image.blocks[static_cast<std::size_t>(b)]);
    if (b == 0) all.resize(blocks, one.size());
    for (Eigen::Index i = 0; i < one.rows(); ++i)
      for (Eigen::Index j = 0; j < one.cols(); ++j) all(b, i * one.cols() + j) = one(i, j);
  }
  return all;
}

}  // namespace detail

/// Runs solvers through a Gaussian image whose blocks are all of one shape; several threads may share it.
///
/// Samples are tensors (rows of a block, numbers, blocks) for each scale, a number for each unit Gaussian
/// that a block is given: those of the start, and then, if the solver asks for noise, those of each step
/// and scale.
template <std::size_t N>
class exact_sampler {
 public:
  using response = tensor<xtensor_backend, double>;
  using path = std::vector<scales<double, N>>;
  using solver = any_solver<response, N>;

  /// Throws lift::error unless there are blocks and all have one shape.
  explicit exact_sampler(gaussian_image<N> image) : image_(std::move(image)) {
    require(!image_.blocks.empty(), "blocks of a Gaussian image", 0, "at least 1");
    const gaussian_block<N>& first = image_.blocks.front();
    size_ = first.size();
    for (std::size_t s = 0; s < N; ++s) {
      rows_[s] = first.views[s].rows();
      noise_numbers_ += rows_[s];
    }
    for (const gaussian_block<N>& block : image_.blocks) {
      require(block.size() == size_, "size of a Gaussian image's block", block.size(), size_);
      for (std::size_t s = 0; s < N; ++s)
        require(block.views[s].rows() == rows_[s], "rows of a block's view", block.views[s].rows(),
                rows_[s]);
      roots_.push_back(
          Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(block.covariance).operatorSqrt());
    }
    using detail::as_block_matrices;
    prior_ = as_block_matrices(image_, [](const auto& block) { return block.precision({}); });
    for (std::size_t s = 0; s < N; ++s) {
      views_[s] = as_block_matrices(image_, [=](const auto& block) { return block.views[s]; });
      squares_[s] = as_block_matrices(image_, [=](const auto& block) {
        return Eigen::MatrixXd(block.views[s].transpose() * block.views[s]);
      });
      signals_[s] = as_block_matrices(image_, [=](const auto& block) {
        return Eigen::MatrixXd(block.views[s] * Eigen::MatrixXd(block.covariance.llt().matrixL()));
      });
    }
  }

  const gaussian_image<N>& image() const { return image_; }

  /// The samples at the last point of a path of signal powers ᾱ, where all but the last have ᾱ < 1. The
  /// solver is to be linear in samples and denoised images, as all of lift/sample are. Throws
  /// lift::error for fewer than two points and for powers that fall or are out of range.
  scales<response, N> follow(const path& alpha_bars, const solver& solve,
                             sampling_start start) const {
    require(alpha_bars.size() >= 2, "number of points of a path", alpha_bars.size(), "at least 2");
    for (std::size_t i = 0; i < alpha_bars.size(); ++i)
      for (std::size_t s = 0; s < N; ++s) {
        const double a = alpha_bars[i][s], least = i == 0 ? 0 : alpha_bars[i - 1][s];
        const bool last = i + 1 == alpha_bars.size();
        require(a >= least && (last ? a <= 1 : a < 1), text("signal power of point ", i, " of a path"),
                a, text("at least ", least, last ? " and at most 1" : " and below 1"));
      }
    const Eigen::Index at_start =
        noise_numbers_ + (start == sampling_start::exact_marginal ? size_ : 0);
    bool noisy = false;
    scales<response, N> made = run(alpha_bars, solve, start, at_start, at_start, noisy);
    if (!noisy) return made;
    const auto steps = static_cast<Eigen::Index>(alpha_bars.size() - 1);
    return run(alpha_bars, solve, start, at_start, at_start + steps * noise_numbers_, noisy);
  }

  /// The squared 2-Wasserstein distance over the total variance between the images of samples and the
  /// image, and their divergence.
  gaussian_distance distance(const scales<response, N>& samples) const {
    gaussian_distance sum{};
    for_each_block(samples, [&](double count, const Eigen::MatrixXd& lower, const Eigen::MatrixXd& root,
                                double squared) {
      sum.wasserstein += count * squared;
      const Eigen::ArrayXd ratio = lower.template triangularView<Eigen::Lower>()
                                       .solve(root)
                                       .jacobiSvd()
                                       .singularValues()
                                       .array();
      sum.divergence += count * (0.5 * (ratio - 1) * (ratio + 1) - ratio.log()).sum();
    });
    sum.wasserstein /= image_.total_variance();
    sum.divergence /= image_.dimension();
    return sum;
  }

  /// The first of them alone, which takes half the time.
  double wasserstein(const scales<response, N>& samples) const {
    double sum = 0;
    for_each_block(samples, [&](double count, const Eigen::MatrixXd&, const Eigen::MatrixXd&,
                                double squared) { sum += count * squared; });
    return sum / image_.total_variance();
  }

 private:
  using elements = Eigen::Map<detail::block_matrices>;
  using const_elements = Eigen::Map<const detail::block_matrices>;

  scales<response, N> run(const path& at, solver solve, sampling_start start, Eigen::Index at_start,
                          Eigen::Index numbers, bool& noisy) const {
    solver_step<response, N> step;
    step.x = begin(at.front(), start, numbers);
    step.first = at.front();
    step.last = at.back();
    step.count = at.size() - 1;
    step.evaluate = [this](const scales<response, N>& x, const scales<double, N>& alpha_bar) {
      return denoised(x, alpha_bar);
    };
    for (std::size_t i = 0; i + 1 < at.size(); ++i) {
      stoppable::check();
      step.alpha_bar = at[i];
      step.next = at[i + 1];
      step.left = at.size() - 2 - i;
      step.moves = make_scales<N>([&](std::size_t s) { return step.next[s] != step.alpha_bar[s]; });
      step.noise = [&, i](std::size_t s) {
        noisy = true;
        response x = empty(s, numbers);
        const Eigen::Index first = at_start + static_cast<Eigen::Index>(i) * noise_numbers_;
        if (first < numbers) add_noise(x, s, first, 1);
        return x;
      };
      step.evaluate_next = nullptr;
      if (i + 2 < at.size())
        step.evaluate_next = [&, i](const scales<response, N>& x) { return denoised(x, at[i + 1]); };
      solve.renoise(step);
      step.denoised = denoised(step.x, step.alpha_bar);
      step.x = solve(step);
    }
    return step.x;
  }

  Eigen::Index blocks() const { return prior_.rows(); }
  Eigen::Index numbers_of(const response& x) const {
    return static_cast<Eigen::Index>(x.shape()[1]);
  }
  const_elements elements_of(const response& x) const {
    return {x.data(), blocks(), static_cast<Eigen::Index>(x.size()) / blocks()};
  }
  elements elements_of(response& x) const {
    return {x.mutable_data(), blocks(), static_cast<Eigen::Index>(x.size()) / blocks()};
  }
  response empty(std::size_t scale, Eigen::Index numbers) const {
    return zeros<response>({static_cast<std::size_t>(rows_[scale]), static_cast<std::size_t>(numbers),
                            static_cast<std::size_t>(blocks())});
  }
  /// Adds σ times unit noise to a scale: the numbers from `first` on.
  void add_noise(response& x, std::size_t scale, Eigen::Index first, double sigma) const {
    for (std::size_t s = 0; s < scale; ++s) first += rows_[s];
    elements to = elements_of(x);
    for (Eigen::Index row = 0; row < rows_[scale]; ++row)
      to.col(row * numbers_of(x) + first + row) += sigma;
  }
  scales<response, N> begin(const scales<double, N>& at, sampling_start start,
                            Eigen::Index numbers) const {
    return make_scales<N>([&](std::size_t s) {
      response x = empty(s, numbers);
      const bool exact = start == sampling_start::exact_marginal;
      const double alpha_bar = exact ? at[s] : 0;
      add_noise(x, s, 0, std::sqrt(1 - alpha_bar));
      if (exact)
        for (Eigen::Index row = 0; row < rows_[s]; ++row)
          elements_of(x).middleCols(row * numbers + noise_numbers_, size_) +=
              std::sqrt(alpha_bar) * signals_[s].middleCols(row * size_, size_);
      return x;
    });
  }

  /// x̂₀ of samples: P⁻¹·Σ_s (α_s/σ_s²)·H_sᵀ·z_s, of all blocks at once.
  scales<response, N> denoised(const scales<response, N>& x, const scales<double, N>& alpha_bar) const {
    const Eigen::Index numbers = numbers_of(x.fine()), d = size_;
    detail::block_matrices precision = prior_;
    detail::block_matrices mean = detail::block_matrices::Zero(blocks(), d * numbers);
    for (std::size_t s = 0; s < N; ++s) {
      precision += snr_from_alpha_bar(alpha_bar[s]) * squares_[s];
      const double seen = std::sqrt(alpha_bar[s]) / (1 - alpha_bar[s]);
      const const_elements from = elements_of(x[s]);
      for_each_element(s, [&](Eigen::Index row, Eigen::Index i, const auto& view) {
        const Eigen::ArrayXd scaled = seen * view;
        for (Eigen::Index c = 0; c < numbers; ++c)
          mean.col(i * numbers + c) += scaled * from.col(row * numbers + c);
      });
    }
    apply_inverse(precision, mean, numbers);
    return make_scales<N>([&](std::size_t s) {
      response y = empty(s, numbers);
      elements to = elements_of(y);
      for_each_element(s, [&](Eigen::Index row, Eigen::Index i, const auto& view) {
        for (Eigen::Index c = 0; c < numbers; ++c)
          to.col(row * numbers + c) += view * mean.col(i * numbers + c);
      });
      return y;
    });
  }

  /// Calls visit(row, column, elements) for what is not zero in a scale's views.
  template <class Visit>
  void for_each_element(std::size_t scale, const Visit& visit) const {
    for (Eigen::Index row = 0; row < rows_[scale]; ++row)
      for (Eigen::Index i = 0; i < size_; ++i)
        if (const auto view = views_[scale].col(row * size_ + i); (view != 0).any())
          visit(row, i, view);
  }

  /// P⁻¹·x of every block by Cholesky's method, into x.
  void apply_inverse(detail::block_matrices& p, detail::block_matrices& x, Eigen::Index numbers) const {
    const Eigen::Index d = size_;
    for (Eigen::Index j = 0; j < d; ++j) {
      for (Eigen::Index k = 0; k < j; ++k)
        for (Eigen::Index i = j; i < d; ++i) p.col(i * d + j) -= p.col(i * d + k) * p.col(j * d + k);
      p.col(j * d + j) = p.col(j * d + j).sqrt().inverse();  // the diagonal is kept inverted
      for (Eigen::Index i = j + 1; i < d; ++i) p.col(i * d + j) *= p.col(j * d + j);
    }
    for (Eigen::Index c = 0; c < numbers; ++c) {
      for (Eigen::Index i = 0; i < d; ++i) {
        for (Eigen::Index k = 0; k < i; ++k)
          x.col(i * numbers + c) -= p.col(i * d + k) * x.col(k * numbers + c);
        x.col(i * numbers + c) *= p.col(i * d + i);
      }
      for (Eigen::Index i = d; i-- > 0;) {
        for (Eigen::Index k = i + 1; k < d; ++k)
          x.col(i * numbers + c) -= p.col(k * d + i) * x.col(k * numbers + c);
        x.col(i * numbers + c) *= p.col(i * d + i);
      }
    }
  }

  /// Calls visit(count, L, √K, squared distance) for every block, whose images are L·ε, L triangular.
  template <class Visit>
  void for_each_block(const scales<response, N>& samples, const Visit& visit) const {
    const Eigen::Index numbers = numbers_of(samples.fine()), d = size_;
    Eigen::MatrixXd all(noise_numbers_, numbers), lower(d, d), apart(d, d);
    Eigen::HouseholderQR<Eigen::MatrixXd> qr(numbers, d);
    Eigen::JacobiSVD<Eigen::MatrixXd> nearest(d, d, Eigen::ComputeFullU | Eigen::ComputeFullV);
    for (Eigen::Index b = 0; b < blocks(); ++b) {
      const gaussian_block<N>& block = image_.blocks[static_cast<std::size_t>(b)];
      const Eigen::MatrixXd& root = roots_[static_cast<std::size_t>(b)];
      Eigen::Index first = 0;
      for (std::size_t s = 0; s < N; ++s)
        for (Eigen::Index row = 0; row < rows_[s]; ++row, ++first)
          for (Eigen::Index c = 0; c < numbers; ++c)
            all(first, c) = elements_of(samples[s])(b, row * numbers + c);
      // The truth is √K·ε. The orthogonal map of ε that brings both nearest gives their distance as a sum of
      // squares: no digits cancel.
      qr.compute((block.join * all).transpose());
      lower = qr.matrixQR().topRows(d).template triangularView<Eigen::Upper>().transpose();
      nearest.compute(lower.transpose() * root);
      apart = root;
      apart.noalias() -= lower * (nearest.matrixU() * nearest.matrixV().transpose());
      visit(block.count, lower, root, apart.squaredNorm());
    }
  }

  gaussian_image<N> image_;
  Eigen::Index size_ = 0;             // of a block
  scales<Eigen::Index, N> rows_{};    // of a block in each scale
  Eigen::Index noise_numbers_ = 0;    // of one step: all scales' rows
  std::vector<Eigen::MatrixXd> roots_;  // √K
  detail::block_matrices prior_;        // K⁻¹
  scales<detail::block_matrices, N> views_, squares_, signals_;  // H, HᵀH, and H·L with K = L·Lᵀ
};

/// How far from a Gaussian image the samples are that a solver makes with its exact denoiser along a path
/// of signal powers ᾱ, from its first to its last point. Throws lift::error as exact_sampler.
template <std::size_t N>
gaussian_distance exact_distance(const gaussian_image<N>& image,
                                 const std::vector<scales<double, N>>& alpha_bars,
                                 const typename exact_sampler<N>::solver& solve,
                                 sampling_start start = sampling_start::unit_noise) {
  const exact_sampler<N> sampler(image);
  return sampler.distance(sampler.follow(alpha_bars, solve, start));
}

/// The KL divergence, in nats, between the paths of stochastic sampling with its exact denoiser (Euler
/// steps in the localisation coordinate) and the truth, along a path of SNRs:
/// ½·Σ_steps Σ_s mse_s·Δγ_s − (I_end − I_begin). Throws lift::error as surface_at.
template <std::size_t N>
double path_divergence(const gaussian_image<N>& image, const std::vector<scales<double, N>>& snr) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < snr.size(); ++i) {
    const gaussian_surface<N> at = surface_at(image, snr[i]);
    if (i == 0) sum += at.information;
    for (std::size_t s = 0; s < N; ++s) sum += 0.5 * at.mse[s] * (snr[i + 1][s] - snr[i][s]);
  }
  return snr.empty() ? 0 : sum - surface_at(image, snr.back()).information;
}

}  // namespace lift
