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
#include <vector>

#include <lift/backend/attention_geometry.hpp>
#include <lift/backend/cpu/panel_product.hpp>
#include <lift/backend/cpu/work_space.hpp>
#include <lift/core/thread_pool.hpp>

namespace lift::detail {

/// One head of one image: queries, keys and values, (depth, pixels) each, of n pixels, and what a
/// strip of queries goes through but for matrix products.
template <class T, std::size_t Strip>
class attention_strips {
 public:
  /// Queries of a strip; matrices of a strip are (any, strip), the columns of absent queries zero.
  static constexpr std::size_t strip = Strip;
  using batch = xsimd::batch<T>;

  attention_strips(const attention_geometry& g, std::size_t head, const T* qkv)
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

  /// A row of a strip.
  using row = std::array<batch, strip / batch::size>;

  /// What scores are multiplied by: e^x = 2^(x·log₂e) takes fewer steps.
  T score_scale() const { return scale() * std::numbers::log2e_v<T>; }
  /// p (n, strip): from keys·queries, times score_scale(), to the softmax of each column times the
  /// sum that is returned.
  row exponentials(T* p) const {
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
  /// The same, to the softmax itself.
  void probabilities(T* p) const { divide(p, n_, exponentials(p)); }
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
      sums[v] = xsimd::fma(load(p + (at - a)), load(at), sums[v]);
    });
    for_each_vector(a, n_, [&](T* at, std::size_t v) {
      (load(p + (at - a)) * (load(at) - sums[v]) * batch(factor)).store_unaligned(at);
    });
  }

  T scale() const { return T(1) / std::sqrt(static_cast<T>(depth_)); }

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

 protected:
  attention_geometry g_;
  std::size_t depth_, n_;
  const T *q_, *k_, *v_;
};

/// A head whose products are those of panels.
template <class T>
class attention_head : public attention_strips<T, 2 * panel_width<T>> {
 public:
  using number = T;
  /// How the factors of products are kept.
  using factor = T;
  /// What a thread needs for products.
  struct arithmetic {};

  attention_head(const attention_geometry& g, std::size_t head, const T* qkv, const arithmetic&)
      : strips(g, head, qkv) {}

  /// Elements of matrices (n, depth) or (depth, n), (n, strip) and (depth, strip), with what is
  /// read behind them.
  std::size_t keys_size() const { return n_ * depth_ + panel_width<T>; }
  std::size_t scores_size() const { return n_ * strip; }
  std::size_t strip_size() const { return depth_ * strip + panel_width<T>; }
  /// Numbers from a row of a matrix (n, depth) to the next.
  std::size_t keys_pitch() const { return depth_; }

  /// (n, depth), the transpose of x (depth, n).
  void transpose(const T* x, T* to) const { transpose_matrix(depth_, n_, x, n_, to, depth_); }
  /// x (depth, n) as it is multiplied: itself, so that no room is needed.
  static constexpr bool keeps_rows = true;
  const T* rows(const T* x, T*) const { return x; }

  /// to (n, strip) = alpha·transposed (n, depth)·x (depth, strip), added or not.
  void by_keys(T alpha, const T* transposed, const T* x, T* to, bool add = false) const {
    multiply(n_, depth_, {transposed, depth_, 1}, x, to, {.alpha = alpha, .add = add});
  }
  /// to (depth, strip) = x (depth, n)·m (n, strip), added or not.
  void by_values(const T* x, const T* m, T* to, bool add = false) const {
    multiply(depth_, n_, {x, n_, 1}, m, to, {.add = add});
  }
  /// sum (n, depth) = m (n, strip)·x (depth, strip)ᵀ, added or not.
  void gather(const T* m, const T* x, T* sum, bool add) const {
    const scratch<T> transposed(strip_size());
    transpose_matrix(depth_, strip, x, strip, transposed.data(), depth_);
    std::vector<panel<T>> panels;
    for (std::size_t j = 0; j < depth_; j += panel_width<T>)
      panels.push_back({transposed + j, sum + j, std::min(panel_width<T>, depth_ - j)});
    panel_product<T>(n_, strip, {m, strip, 1}, depth_, panels, depth_, {.add = add});
  }

 private:
  using strips = attention_strips<T, 2 * panel_width<T>>;
  using strips::strip, strips::depth_, strips::n_;

  void multiply(std::size_t m, std::size_t depth, const left_matrix<T>& a, const T* b, T* c,
                const epilogue<T>& end) const {
    std::array<panel<T>, 2> panels;
    for (std::size_t i = 0; i < 2; ++i)
      panels[i] = {b + i * panel_width<T>, c + i * panel_width<T>, panel_width<T>};
    panel_product<T>(m, depth, a, strip, panels, strip, end);
  }
};

/// y = V·Pᵀ of every head.
template <class Head, class T>
void attention_of_heads(const attention_geometry& g, const T* qkv, T* y) {
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const typename Head::arithmetic arithmetic;
    const Head head(g, task, qkv, arithmetic);
    const scratch<typename Head::factor> keys(head.keys_size()),
        kept(Head::keeps_rows ? 0 : head.keys_size());
    const scratch<T> p(head.scores_size()), q(head.strip_size());
    head.transpose(head.k(), keys);
    const auto* const v = head.rows(head.v(), kept);
    head.for_each_strip([&](std::size_t first, std::size_t queries) {
      head.take_strip(head.q(), first, queries, q);
      head.by_keys(head.score_scale(), keys, q, p);
      const auto sums = head.exponentials(p);
      const scratch<T>& values = q;  // the queries are used up
      head.by_values(v, p, values);
      head.divide(values, g.depth, sums);
      head.give_strip(values, first, queries, y + g.first_output(task));
    });
  });
}

/// dy = dV·Pᵀ + V·Π((dQᵀK + QᵀdK)/√d)ᵀ for `tangents` stacked tangents of qkv.
template <class Head, class T>
void attention_tangents_of_heads(const attention_geometry& g, std::size_t tangents, const T* qkv,
                                 const T* dqkv, T* dy) {
  using factor = typename Head::factor;
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const typename Head::arithmetic arithmetic;
    const Head head(g, task, qkv, arithmetic);
    const std::size_t kept = Head::keeps_rows ? 0 : head.keys_size();
    const scratch<factor> keys(head.keys_size()), moved_keys(tangents * head.keys_size());
    const scratch<factor> values(kept), moved_values(tangents * kept);
    const scratch<T> p(head.scores_size()), ds(head.scores_size());
    const scratch<T> q(head.strip_size()), dq(head.strip_size());
    head.transpose(head.k(), keys);
    const factor* const v = head.rows(head.v(), values);
    std::vector<Head> moved;
    std::vector<const factor*> dv;
    for (std::size_t k = 0; k < tangents; ++k) {
      moved.emplace_back(g, task, dqkv + k * g.batch * 3 * g.image_size(), arithmetic);
      head.transpose(moved[k].k(), moved_keys + k * head.keys_size());
      dv.push_back(head.rows(moved[k].v(), moved_values + k * kept));
    }
    head.for_each_strip([&](std::size_t first, std::size_t queries) {
      head.take_strip(head.q(), first, queries, q);
      head.by_keys(head.score_scale(), keys, q, p);
      head.probabilities(p);
      for (std::size_t k = 0; k < tangents; ++k) {
        head.take_strip(moved[k].q(), first, queries, dq);
        head.by_keys(head.scale(), keys, dq, ds);
        head.by_keys(head.scale(), moved_keys + k * head.keys_size(), q, ds, true);
        head.softmax_tangent(p, ds, T(1));
        const scratch<T>& moves = dq;  // the queries' tangents are used up
        head.by_values(dv[k], p, moves);
        head.by_values(v, ds, moves, true);
        head.give_strip(moves, first, queries,
                        dy + k * g.batch * g.image_size() + g.first_output(task));
      }
    });
  });
}

/// The gradient of ⟨w, y⟩ with respect to qkv: (K·Gᵀ, Q·G, w·P), G = Π(wᵀV)/√d.
template <class Head, class T>
void attention_gradient_of_heads(const attention_geometry& g, const T* qkv, const T* w,
                                 T* gradient) {
  using factor = typename Head::factor;
  default_thread_pool().run(g.batch * g.heads, [&](std::size_t task) {
    const typename Head::arithmetic arithmetic;
    const Head head(g, task, qkv, arithmetic);
    const scratch<factor> keys(head.keys_size()), values(head.keys_size());
    const scratch<factor> kept(Head::keeps_rows ? 0 : head.keys_size());
    const scratch<T> dk(head.keys_size()), dv(head.keys_size());
    const scratch<T> p(head.scores_size()), s(head.scores_size());
    const scratch<T> q(head.strip_size()), ws(head.strip_size()), moves(head.strip_size());
    const T* const out = w + g.first_output(task);
    T* const dq = gradient + g.first_query(task);
    head.transpose(head.k(), keys);
    head.transpose(head.v(), values);
    const factor* const k = head.rows(head.k(), kept);
    head.for_each_strip([&](std::size_t first, std::size_t queries) {
      head.take_strip(head.q(), first, queries, q);
      head.take_strip(out, first, queries, ws);
      head.by_keys(head.score_scale(), keys, q, p);
      head.probabilities(p);
      head.by_keys(T(1), values, ws, s);
      head.softmax_tangent(p, s, head.scale());
      head.by_values(k, s, moves);
      head.give_strip(moves, first, queries, dq);
      head.gather(s, q, dk, first > 0);
      head.gather(p, ws, dv, first > 0);
    });
    transpose_matrix(g.pixels, g.depth, dk.data(), head.keys_pitch(), dq + g.image_size(),
                     g.pixels);
    transpose_matrix(g.pixels, g.depth, dv.data(), head.keys_pitch(), dq + 2 * g.image_size(),
                     g.pixels);
  });
}

/// The same with products of panels.
template <class T>
void panel_attention(const attention_geometry& g, const T* qkv, T* y) {
  attention_of_heads<attention_head<T>>(g, qkv, y);
}
template <class T>
void panel_attention_tangents(const attention_geometry& g, std::size_t tangents, const T* qkv,
                              const T* dqkv, T* dy) {
  attention_tangents_of_heads<attention_head<T>>(g, tangents, qkv, dqkv, dy);
}
template <class T>
void panel_attention_gradient(const attention_geometry& g, const T* qkv, const T* w, T* gradient) {
  attention_gradient_of_heads<attention_head<T>>(g, qkv, w, gradient);
}

}  // namespace lift::detail
