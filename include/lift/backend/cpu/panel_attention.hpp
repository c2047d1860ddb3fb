// SPDX-License-Identifier: MIT
#pragma once

// Multi-head attention over the pixels of images, a strip of queries at a time, so that no n×n
// matrix is stored. Scores are kept as (keys, queries): a query's softmax is then one lane of a
// vector. op/attention.hpp has the formulas.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include <lift/backend/attention_geometry.hpp>
#include <lift/backend/cpu/multiply_add.hpp>
#include <lift/backend/cpu/panel_product.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// One head of one image: queries, keys and values, (depth, pixels) each, of n pixels.
template <class T>
class attention_head {
 public:
  /// Queries of a strip; matrices of a strip are (any, strip), the columns of absent queries zero.
  static constexpr std::size_t strip = 4 * lanes<T>;
  using batch = xsimd::batch<T>;

  attention_head(const attention_geometry& g, std::size_t head, const T* qkv)
      : g_(g),
        depth_(g.depth),
        n_(g.pixels),
        q_(qkv + g.first_query(head)),
        k_(q_ + g.image_size()),
        v_(k_ + g.image_size()) {}

  const T* q() const { return q_; }
  const T* k() const { return k_; }
  const T* v() const { return v_; }

  /// Calls body(first, queries) for every strip.
  template <class Body>
  void for_each_strip(const Body& body) const {
    for (std::size_t first = 0; first < n_; first += strip)
      body(first, std::min(strip, n_ - first));
  }

  /// Columns [first, first + queries) of x (depth, n) as a matrix (depth, strip).
  void take_strip(const T* x, std::size_t first, std::size_t queries, T* to) const {
    for (std::size_t d = 0; d < depth_; ++d) {
      std::copy_n(x + d * n_ + first, queries, to + d * strip);
      std::fill_n(to + d * strip + queries, strip - queries, T(0));
    }
  }
  /// Writes columns [first, first + queries) of to (depth, n) from a matrix (depth, strip).
  void give_strip(const T* from, std::size_t first, std::size_t queries, T* to) const {
    for (std::size_t d = 0; d < depth_; ++d)
      std::copy_n(from + d * strip, queries, to + d * n_ + first);
  }

  /// (n, depth), the transpose of x (depth, n).
  void transpose(const T* x, T* to) const { transpose_matrix(depth_, n_, x, n_, to, depth_); }

  /// to (n, strip) = alpha·transposed (n, depth)·x (depth, strip), added or not.
  void by_keys(T alpha, const T* transposed, const T* x, T* to, bool add = false) const {
    multiply(n_, depth_, {transposed, depth_, 1}, x, to, strip, strip,
             {.alpha = alpha, .add = add});
  }
  /// Columns [first, …) of to (depth, n) = x (depth, n)·m (n, strip), added or not.
  void by_values(const T* x, const T* m, std::size_t first, std::size_t queries, T* to,
                 bool add = false) const {
    multiply(depth_, n_, {x, n_, 1}, m, to + first, n_, queries, {.add = add});
  }
  /// to (depth, strip) = x (depth, n)·m (n, strip).
  void by_values(const T* x, const T* m, T* to) const {
    multiply(depth_, n_, {x, n_, 1}, m, to, strip, strip, {});
  }
  /// sum (n, depth) = m (n, strip)·x (depth, strip)ᵀ, added or not.
  void gather(const T* m, const T* x, T* transposed, T* sum, bool add) const {
    transpose_matrix(depth_, strip, x, strip, transposed, depth_);
    std::vector<panel<T>> panels;
    for (std::size_t j = 0; j < depth_; j += panel_width<T>)
      panels.push_back({transposed + j, sum + j, std::min(panel_width<T>, depth_ - j)});
    panel_product<T>(n_, strip, {m, strip, 1}, depth_, panels, depth_, {.add = add});
  }

  /// A row of a strip.
  using row = std::array<batch, strip / batch::size>;

  /// p (n, strip) = softmax of each column of (keys·queries)/√d, times the sum that is returned.
  row exponentials(const T* transposed_keys, const T* queries, T* p) const {
    constexpr T log2_e = std::numbers::log2e_v<T>;  // e^x = 2^(x·log₂e), which takes fewer steps
    by_keys(scale() * log2_e, transposed_keys, queries, p);
    row top, total;
    top.fill(batch(std::numeric_limits<T>::lowest()));
    total.fill(batch(T(0)));
    for_each_vector(p, n_, [&](T* at, std::size_t v) { top[v] = xsimd::max(top[v], load(at)); });
    for_each_vector(p, n_, [&](T* at, std::size_t v) {
      const batch e = xsimd::exp2(load(at) - top[v]);
      e.store_unaligned(at);
      total[v] += e;
    });
    return total;
  }
  /// p (n, strip) = softmax of each column of (keys·queries)/√d.
  void probabilities(const T* transposed_keys, const T* queries, T* p) const {
    divide(p, n_, exponentials(transposed_keys, queries, p));
  }
  /// Divides each column of a matrix (rows, strip) by a number of its own.
  void divide(T* m, std::size_t rows, const row& by) const {
    row factor;
    for (std::size_t v = 0; v < by.size(); ++v) factor[v] = T(1) / by[v];
    for_each_vector(m, rows,
                    [&](T* at, std::size_t v) { (load(at) * factor[v]).store_unaligned(at); });
  }

  /// a ← p∘(a − the sums of the columns of p∘a)·factor.
  void softmax_tangent(const T* p, T* a, T factor) const {
    row sums;
    sums.fill(batch(T(0)));
    for_each_vector(a, n_, [&](T* at, std::size_t v) {
      sums[v] = multiply_add(load(p + (at - a)), load(at), sums[v]);
    });
    for_each_vector(a, n_, [&](T* at, std::size_t v) {
      (load(p + (at - a)) * (load(at) - sums[v]) * batch(factor)).store_unaligned(at);
    });
  }

  T scale() const { return T(1) / std::sqrt(static_cast<T>(depth_)); }

  /// Elements of matrices (n, depth), (n, strip) and (depth, strip), with what is read behind them.
  std::size_t keys_size() const { return n_ * depth_ + panel_width<T>; }
  std::size_t scores_size() const { return n_ * strip; }
  std::size_t strip_size() const { return depth_ * strip + panel_width<T>; }

 private:
  static batch load(const T* p) { return batch::load_unaligned(p); }

  /// Calls body(place, v) for the vectors of a matrix (rows, strip), row by row; v counts them in a
  /// row.
  template <class Body>
  void for_each_vector(T* m, std::size_t rows, const Body& body) const {
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (std::size_t v = 0; v < strip / batch::size; ++v)
        body(m + i * strip + v * batch::size, v);
  }

  void multiply(std::size_t m, std::size_t depth, const left_matrix<T>& a, const T* b, T* c,
                std::size_t c_row, std::size_t columns, const epilogue<T>& end) const {
    std::array<panel<T>, strip / panel_width<T>> panels;
    std::size_t count = 0;
    for (std::size_t j = 0; j < columns; j += panel_width<T>)
      panels[count++] = {b + j, c + j, std::min(panel_width<T>, columns - j)};
    panel_product<T>(m, depth, a, strip, std::span(panels.data(), count), c_row, end);
  }

  attention_geometry g_;
  std::size_t depth_, n_;
  const T *q_, *k_, *v_;
};

/// y = V·Pᵀ of every head.
template <class T>
void panel_attention(const attention_geometry& g, const T* qkv, T* y) {
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const attention_head<T> head(g, task, qkv);
    const scratch<T> keys(head.keys_size()), p(head.scores_size()), q(head.strip_size());
    head.transpose(head.k(), keys);
    head.for_each_strip([&](std::size_t first, std::size_t queries) {
      head.take_strip(head.q(), first, queries, q);
      const auto sums = head.exponentials(keys, q, p);
      const scratch<T>& values = q;  // the queries are used up
      head.by_values(head.v(), p, values);
      head.divide(values, g.depth, sums);
      head.give_strip(values, first, queries, y + g.first_output(task));
    });
  });
}

/// dy = dV·Pᵀ + V·Π((dQᵀK + QᵀdK)/√d)ᵀ for `tangents` stacked tangents of qkv.
template <class T>
void panel_attention_tangents(const attention_geometry& g, std::size_t tangents, const T* qkv,
                              const T* dqkv, T* dy) {
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const attention_head<T> head(g, task, qkv);
    const scratch<T> keys(head.keys_size()), moved_keys(tangents * head.keys_size());
    const scratch<T> p(head.scores_size()), ds(head.scores_size());
    const scratch<T> q(head.strip_size()), dq(head.strip_size());
    head.transpose(head.k(), keys);
    std::vector<attention_head<T>> moved;
    for (std::size_t k = 0; k < tangents; ++k) {
      moved.emplace_back(g, task, dqkv + k * g.batch * 3 * g.image_size());
      head.transpose(moved[k].k(), moved_keys + k * head.keys_size());
    }
    head.for_each_strip([&](std::size_t first, std::size_t queries) {
      head.take_strip(head.q(), first, queries, q);
      head.probabilities(keys, q, p);
      for (std::size_t k = 0; k < tangents; ++k) {
        head.take_strip(moved[k].q(), first, queries, dq);
        head.by_keys(head.scale(), keys, dq, ds);
        head.by_keys(head.scale(), moved_keys + k * head.keys_size(), q, ds, true);
        head.softmax_tangent(p, ds, T(1));
        T* const to = dy + k * g.batch * g.image_size() + g.first_output(task);
        head.by_values(moved[k].v(), p, first, queries, to);
        head.by_values(head.v(), ds, first, queries, to, true);
      }
    });
  });
}

/// The gradient of ⟨w, y⟩ with respect to qkv: (K·Gᵀ, Q·G, w·P), G = Π(wᵀV)/√d.
template <class T>
void panel_attention_gradient(const attention_geometry& g, const T* qkv, const T* w, T* gradient) {
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const attention_head<T> head(g, task, qkv);
    const scratch<T> keys(head.keys_size()), values(head.keys_size());
    const scratch<T> dk(head.keys_size()), dv(head.keys_size());
    const scratch<T> p(head.scores_size()), s(head.scores_size());
    const scratch<T> q(head.strip_size()), ws(head.strip_size()), transposed(head.strip_size());
    const T* const out = w + g.first_output(task);
    T* const dq = gradient + g.first_query(task);
    head.transpose(head.k(), keys);
    head.transpose(head.v(), values);
    head.for_each_strip([&](std::size_t first, std::size_t queries) {
      head.take_strip(head.q(), first, queries, q);
      head.take_strip(out, first, queries, ws);
      head.probabilities(keys, q, p);
      head.by_keys(T(1), values, ws, s);
      head.softmax_tangent(p, s, head.scale());
      head.by_values(head.k(), s, first, queries, dq);
      head.gather(s, q, transposed, dk, first > 0);
      head.gather(p, ws, transposed, dv, first > 0);
    });
    transpose_matrix(g.pixels, g.depth, dk.data(), g.depth, dq + g.image_size(), g.pixels);
    transpose_matrix(g.pixels, g.depth, dv.data(), g.depth, dq + 2 * g.image_size(), g.pixels);
  });
}

}  // namespace lift::detail
