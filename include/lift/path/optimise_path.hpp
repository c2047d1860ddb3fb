// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <lift/core/error.hpp>
#include <lift/core/scales.hpp>

namespace lift {

/// When to stop a search.
struct search_options {
  std::size_t most_steps = 200;  ///< of descent
  double tolerance = 1e-7;       ///< the part of the cost that the last three steps are to take away
  bool one_clock = false;        ///< all scales have the course of the finest
  /// By how much the logarithm of an increment is moved to find a slope; more where costs are not exact, as those
  /// of a network in float.
  double difference = 1e-4;
};

/// The best levels found, and their cost.
template <std::size_t N>
struct optimised_path {
  std::vector<scales<double, N>> log_snrs;
  double cost;
};

/// Calls task(i) for each i < count, one after another.
struct one_after_another {
  template <class Task>
  void operator()(std::size_t count, const Task& task) const {
    for (std::size_t i = 0; i < count; ++i) task(i);
  }
};

namespace detail {

using search_point = std::vector<double>;

inline double inner(const search_point& a, const search_point& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
inline double norm(const search_point& x) { return std::sqrt(inner(x, x)); }

/// What a quasi-Newton method knows of the inverse of the second derivatives (Broyden, Fletcher, Goldfarb and
/// Shanno).
class inverse_hessian {
 public:
  inverse_hessian(std::size_t size, double scale) : rows_(size, search_point(size)) {
    for (std::size_t i = 0; i < size; ++i) rows_[i][i] = scale;
  }

  search_point times(const search_point& x, double factor = 1) const {
    search_point y;
    for (const search_point& row : rows_) y.push_back(factor * inner(row, x));
    return y;
  }

  /// H ← (I − ρ·s·yᵀ)·H·(I − ρ·y·sᵀ) + ρ·s·sᵀ with s the step, y the change of slope and ρ = 1/sᵀy.
  void update(const search_point& s, const search_point& y) {
    const double sy = inner(s, y);
    if (!(sy > 1e-12 * norm(s) * norm(y))) return;
    const search_point hy = times(y);
    const double more = (1 + inner(y, hy) / sy) / sy;
    for (std::size_t i = 0; i < s.size(); ++i)
      for (std::size_t j = 0; j < s.size(); ++j)
        rows_[i][j] += more * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy;
  }

 private:
  std::vector<search_point> rows_;
};

inline search_point plus(const search_point& x, const search_point& by, double times) {
  search_point y = x;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] += times * by[i];
  return y;
}

/// A minimum of a smooth function near x by that method, with central differences and a search along each
/// direction for a sufficient decrease.
template <class F, class ForEach>
std::pair<search_point, double> descend(const F& f, search_point x, const search_options& options,
                                 const ForEach& for_each) {
  const auto gradient = [&](const search_point& at) {
    const double h = options.difference;
    search_point slope(at.size());
    for_each(at.size(), [&](std::size_t i) {
      search_point more = at, less = at;
      more[i] += h;
      less[i] -= h;
      slope[i] = (f(more) - f(less)) / (2 * h);
    });
    return slope;
  };
  double value = f(x);
  if (options.most_steps == 0) return {x, value};
  search_point slope = gradient(x), before(3, std::numeric_limits<double>::infinity());
  inverse_hessian inverse(x.size(), 1 / (norm(slope) + 1e-12));
  for (std::size_t step = 0; step < options.most_steps && norm(slope) > 0; ++step) {
    const search_point direction = inverse.times(slope, -1);
    double length = 1, there = value;
    search_point next = x;
    for (; length > 1e-10; length /= 2) {
      next = plus(x, direction, length);
      there = f(next);
      if (there <= value + 1e-4 * length * inner(direction, slope)) break;
    }
    if (!(there < value)) break;
    const search_point slope_there = gradient(next);
    const double gained = before[step % 3] - there;
    before[step % 3] = value;
    value = there;
    if (!std::isfinite(norm(slope_there)) || gained < options.tolerance) return {next, value};
    inverse.update(plus(next, x, -1), plus(slope_there, slope, -1));
    x = next;
    slope = slope_there;
  }
  return {x, value};
}

}  // namespace detail

/// The levels λ of all steps between given ends whose cost is least, by descent from a first guess, of
/// which no scale falls in a step. cost(log_snrs) is to be positive and smooth; what falls is its logarithm.
/// for_each(count, task) runs the evaluations of a gradient, on several threads if the cost may be called so.
/// Throws lift::error for fewer than two points and for levels that fall.
template <std::size_t N, class Cost, class ForEach = one_after_another>
optimised_path<N> optimise_path(const std::vector<scales<double, N>>& guess, const Cost& cost,
                                const search_options& options = {}, const ForEach& for_each = {}) {
  require(guess.size() >= 2, "number of points of a path", guess.size(), "at least 2");
  const std::size_t steps = guess.size() - 1, clocks = options.one_clock ? 1 : N;
  for (std::size_t s = 0; s < N; ++s)
    require(std::isfinite(guess[0][s]), "log-SNR of point 0 of a path", guess[0][s], "a finite number");
  for (std::size_t i = 0; i < steps; ++i)
    for (std::size_t s = 0; s < N; ++s)
      require(std::isfinite(guess[i + 1][s]) && guess[i + 1][s] >= guess[i][s] &&
                  guess[steps][s] > guess[0][s],
              text("log-SNR of point ", i + 1, " of a path"), guess[i + 1][s],
              text("a finite number from ", guess[i][s], ", of the last point a larger one"));
  // A scale's increments are the given length in parts ∝ e^(x_i): any x is a path.
  detail::search_point x;
  for (std::size_t s = 0; s < clocks; ++s)
    for (std::size_t i = 0; i < steps; ++i) {
      const double rise = guess[i + 1][s] - guess[i][s];
      const double least = 1e-6 * (guess[steps][s] - guess[0][s]);
      x.push_back(std::log(rise > least ? rise : least));
    }
  const auto path_of = [&](const detail::search_point& at) {
    std::vector<scales<double, N>> path = guess;
    for (std::size_t s = 0; s < N; ++s) {
      const double* const part = at.data() + (options.one_clock ? 0 : s * steps);
      double largest = part[0], whole = 0, sum = 0;
      for (std::size_t i = 1; i < steps; ++i) largest = part[i] > largest ? part[i] : largest;
      for (std::size_t i = 0; i < steps; ++i) whole += std::exp(part[i] - largest);
      for (std::size_t i = 1; i < steps; ++i) {
        sum += std::exp(part[i - 1] - largest);
        path[i][s] = guess[0][s] + (guess[steps][s] - guess[0][s]) * sum / whole;
      }
    }
    return path;
  };
  const auto [best, value] = detail::descend(
      [&](const detail::search_point& at) { return std::log(cost(path_of(at))); }, x, options, for_each);
  return {path_of(best), std::exp(value)};
}

}  // namespace lift
