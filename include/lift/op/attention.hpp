// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include <lift/backend/backend.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/softmax.hpp>

namespace lift::op {

/// Multi-head self-attention over the pixels of an image (Vaswani et al. 2017).
///
/// The input (B, 3C, H, W) holds queries, keys and values, each `heads` blocks of d = C/heads
/// channels; with n = H·W and Q, K, V (d, n) of one head: S = QᵀK/√d, P = softmax of the rows of
/// S, y = V·Pᵀ (B, C, H, W). With Π(A) = P∘(A − rowsums(P∘A)), the Jacobian of softmax:
/// dy = dV·Pᵀ + V·Π((dQᵀK + QᵀdK)/√d)ᵀ;  for w and G = Π(wᵀV)/√d: Jᵀw = (K·Gᵀ, Q·G, w·P).
///
/// P is recomputed by the derivative rules, not stored, and a few images are done at a time so
/// that the n×n matrices take a bounded space. A backend with attention of its own does it all.
struct attention {
  static constexpr const char* name = "attention";
  static constexpr std::size_t inputs = 1;

  std::size_t heads = 4;

  constexpr explicit attention(std::size_t heads_ = 4) : heads(heads_) {}

  shape output_shape(const shape& qkv) const {
    require(qkv.rank() == 4 && qkv[1] % (3 * heads) == 0, "attention: shape of the input", qkv,
            text("(B, channels in a multiple of ", 3 * heads, ", H, W)"));
    return {qkv[0], qkv[1] / 3, qkv[2], qkv[3]};
  }

  // Where a backend has no attention of its own the rules work on accumulators, channels first, so
  // that probabilities are not rounded.

  template <class Tensor>
  auto forward(const Tensor& qkv) const {
    if constexpr (pixel_attention_backend<typename Tensor::backend_type, typename Tensor::value_type>)
      if (by_pixels<Tensor>(qkv.shape(), qkv.layout())) {
        Tensor y(output_shape(qkv.shape()), qkv.layout());
        Tensor::backend_type::attend_pixels(geometry(y.shape()), qkv.data(), y.mutable_data());
        return evaluation{y, qkv};
      }
    return evaluation{stored_like(qkv, attend(as_computed(qkv))), qkv};
  }
  template <class Tensor>
  Tensor jvp(const Tensor& qkv, const tangents<Tensor, 1>& d) const {
    if constexpr (pixel_attention_backend<typename Tensor::backend_type, typename Tensor::value_type>)
      if (by_pixels<Tensor>(qkv.shape(), d[0].layout())) {
        const Tensor x = qkv.in_layout(d[0].layout());
        Tensor dy(output_shape(d[0].shape()), d[0].layout());
        Tensor::backend_type::attend_pixels_tangents(geometry(output_shape(x.shape())),
                                                     d[0].size() / x.size(), x.data(), d[0].data(),
                                                     dy.mutable_data());
        return dy;
      }
    return stored_like(d[0], attend_tangents(as_computed(qkv), as_computed(d[0])));
  }
  template <class Tensor>
  tangents<Tensor, 1> vjp(const Tensor& qkv, const Tensor& w, const selection<1>&) const {
    if constexpr (pixel_attention_backend<typename Tensor::backend_type, typename Tensor::value_type>)
      if (by_pixels<Tensor>(qkv.shape(), w.layout())) {
        const Tensor x = qkv.in_layout(w.layout());
        Tensor g(x.shape(), w.layout());
        Tensor::backend_type::attend_pixels_gradient(geometry(w.shape()), x.data(), w.data(),
                                                     g.mutable_data());
        return {g};
      }
    return {stored_like(w, attend_gradient(as_computed(qkv), as_computed(w)))};
  }

 private:
  /// Whether the backend's attention of pixels takes such queries, keys and values.
  template <class Tensor>
  bool by_pixels(const shape& qkv, memory_layout layout) const {
    if (layout != memory_layout::channels_last) return false;
    const attention_geometry g = geometry(output_shape(qkv));
    if constexpr (requires { Tensor::backend_type::attends_pixels(g); })
      return Tensor::backend_type::attends_pixels(g);
    else
      return true;
  }
  template <class Tensor>
  static typename Tensor::accumulators as_computed(const Tensor& x) {
    using Computed = typename Tensor::accumulators::value_type;
    return x.template stored_as<Computed>(memory_layout::channels_first);
  }
  /// y in the storage and the layout of x.
  template <class Tensor>
  static Tensor stored_like(const Tensor& x, const typename Tensor::accumulators& y) {
    return y.template stored_as<typename Tensor::value_type>(x.layout());
  }

  template <class Tensor>
  Tensor attend(const Tensor& qkv) const {
    Tensor y(output_shape(qkv.shape()));
    if constexpr (fused<Tensor>) {
      Tensor::backend_type::attend(geometry(y.shape()), qkv.data(), y.mutable_data());
    } else {
      const parts<Tensor> x(qkv);
      for_each_chunk(y.shape(), [&](const chunk& c) {
        apply_rows(c, at(c, x.v), probabilities(c, x), y.mutable_data() + c.offset(), false);
      });
    }
    return y;
  }

  template <class Tensor>
  Tensor attend_tangents(const Tensor& qkv, const Tensor& d) const {
    Tensor dy(output_shape(d.shape()));
    if constexpr (fused<Tensor>) {
      Tensor::backend_type::attend_tangents(geometry(output_shape(qkv.shape())),
                                            d.size() / qkv.size(), qkv.data(), d.data(),
                                            dy.mutable_data());
    } else {
      const parts<Tensor> x(qkv), dx(d);
      for_each_chunk(output_shape(qkv.shape()), [&](chunk c) {
        const Tensor p = probabilities(c, x);
        for (std::size_t shift = 0; shift < dy.size(); shift += x.v.size()) {
          Tensor ds = scores<Tensor>(c);
          multiply_scores(c, at(c, dx.q, shift), at(c, x.k), ds, false);
          multiply_scores(c, at(c, x.q), at(c, dx.k, shift), ds, true);
          auto* to = dy.mutable_data() + shift + c.offset();
          apply_rows(c, at(c, dx.v, shift), p, to, false);
          apply_rows(c, at(c, x.v), softmax::tangent(p, ds, c.pixels), to, true);
        }
      });
    }
    return dy;
  }

  template <class Tensor>
  Tensor attend_gradient(const Tensor& qkv, const Tensor& w) const {
    if constexpr (fused<Tensor>) {
      Tensor g(qkv.shape());
      Tensor::backend_type::attend_gradient(geometry(w.shape()), qkv.data(), w.data(),
                                            g.mutable_data());
      return g;
    } else {
      const parts<Tensor> x(qkv);
      Tensor dq(w.shape()), dk(w.shape()), dv(w.shape());
      for_each_chunk(w.shape(), [&](const chunk& c) {
        const Tensor p = probabilities(c, x);
        Tensor g = scores<Tensor>(c);
        multiply_scores(c, at(c, w), at(c, x.v), g, false);  // wᵀV/√d
        g = softmax::tangent(p, g, c.pixels);
        apply_rows(c, at(c, x.k), g, dq.mutable_data() + c.offset(), false);
        apply_columns(c, at(c, x.q), g, dk.mutable_data() + c.offset());
        apply_columns(c, at(c, w), p, dv.mutable_data() + c.offset());
      });
      Tensor g(qkv.shape());
      const std::size_t channels = w.shape()[1];
      copy_channels(channels, dq, 0, g, 0);
      copy_channels(channels, dk, 0, g, channels);
      copy_channels(channels, dv, 0, g, 2 * channels);
      return g;
    }
  }

  template <class Tensor>
  static constexpr bool fused =
      attention_backend<typename Tensor::backend_type, typename Tensor::value_type>;

  attention_geometry geometry(const shape& y) const {
    return {y[0], heads, y[1] / heads, y[2] * y[3]};
  }

  /// Queries, keys and values, (B, C, H, W) each.
  template <class Tensor>
  struct parts {
    Tensor q, k, v;
    explicit parts(const Tensor& x) {
      const std::size_t channels = x.shape()[1] / 3;
      q = channels_of(x, 0, channels);
      k = channels_of(x, channels, channels);
      v = channels_of(x, 2 * channels, channels);
    }
  };

  /// A run of `blocks` heads of consecutive images, from block `first` on.
  struct chunk {
    std::size_t first, blocks, depth, pixels;
    std::size_t offset() const { return first * depth * pixels; }
  };

  template <class Body>
  void for_each_chunk(const shape& y, const Body& body) const {
    const std::size_t pixels = y[2] * y[3], all = y[0] * heads;
    const std::size_t most = std::max(heads, (std::size_t{1} << 22) / (pixels * pixels));
    for (std::size_t first = 0; first < all; first += most)
      body(chunk{first, std::min(most, all - first), y[1] / heads, pixels});
  }

  /// The (d, n) matrices of a chunk, in x from element `shift` on.
  template <class Tensor>
  static auto at(const chunk& c, const Tensor& x, std::size_t shift = 0) {
    return matrices<const typename Tensor::value_type>{.data = x.data() + shift + c.offset(),
                                                       .row = c.pixels,
                                                       .stride = c.depth * c.pixels,
                                                       .count = c.blocks};
  }
  /// The (n, n) matrices of a chunk.
  template <class T>
  static matrices<T> square(const chunk& c, T* data) {
    return {.data = data, .row = c.pixels, .stride = c.pixels * c.pixels, .count = c.blocks};
  }
  template <class Tensor>
  static Tensor scores(const chunk& c) {
    return Tensor({c.blocks, c.pixels, c.pixels});
  }

  /// s = aᵀb/√d, or s += aᵀb/√d.
  template <class T, class Tensor>
  static void multiply_scores(const chunk& c, matrices<const T> a, matrices<const T> b, Tensor& s,
                              bool add) {
    a.transposed = true;
    Tensor::backend_type::gemm(c.blocks, c.pixels, c.pixels, c.depth,
                               T(1) / std::sqrt(static_cast<T>(c.depth)), a, b, T(add),
                               square(c, s.mutable_data()));
  }
  /// out = v·mᵀ, or out += v·mᵀ.
  template <class T, class Tensor>
  static void apply_rows(const chunk& c, const matrices<const T>& v, const Tensor& m, T* out,
                         bool add) {
    multiply<Tensor>(c, v, m, true, out, add);
  }
  /// out = v·m.
  template <class T, class Tensor>
  static void apply_columns(const chunk& c, const matrices<const T>& v, const Tensor& m, T* out) {
    multiply<Tensor>(c, v, m, false, out, false);
  }
  template <class Tensor, class T>
  static void multiply(const chunk& c, const matrices<const T>& v, const Tensor& m, bool transposed,
                       T* out, bool add) {
    matrices<const T> right = square(c, m.data());
    right.transposed = transposed;
    Tensor::backend_type::gemm(c.blocks, c.depth, c.pixels, c.pixels, T(1), v, right, T(add),
                               matrices<T>{out, c.pixels, c.depth * c.pixels, c.blocks});
  }

  template <class Tensor>
  Tensor probabilities(const chunk& c, const parts<Tensor>& x) const {
    Tensor p = scores<Tensor>(c);
    multiply_scores(c, at(c, x.q), at(c, x.k), p, false);
    softmax::of_rows(p, c.pixels);
    return p;
  }
};

}  // namespace lift::op
