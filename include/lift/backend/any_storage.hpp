// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/convolution_geometry.hpp>
#include <lift/tensor/functors.hpp>
#include <lift/tensor/memory_layout.hpp>
#include <lift/tensor/operand.hpp>
#include <lift/tensor/storage.hpp>

namespace lift {

/// A backend for every storage and layout from verbs that are for some: `Verbs` maps any storage,
/// but reduces, multiplies and convolves numbers that are their own accumulators alone, and images
/// and kernels with the channels first, unless `multiplies<T>` and `convolves<T>(geometry)` say that
/// it takes others.
/// What is stored otherwise is computed with as a copy, and results are rounded and rearranged
/// once.
template <class Verbs>
struct any_storage : Verbs {
  template <class R, class T, class F, class... In>
  static void reduce(R r, std::size_t outer, std::size_t keep, std::size_t inner, T* out,
                     const F& f, const In&... in) {
    if constexpr (is_own_accumulator<T>) {
      Verbs::reduce(r, outer, keep, inner, out, f, in...);
    } else {
      numbers<T> whole(keep);
      Verbs::reduce(r, outer, keep, inner, whole.data(), f, in...);
      copy(keep, whole.data(), out);
    }
  }

  template <class T>
  static void gemm(std::size_t batch, std::size_t m, std::size_t n, std::size_t k,
                   accumulator_t<T> alpha, std::type_identity_t<matrices<const T>> a,
                   std::type_identity_t<matrices<const T>> b, accumulator_t<T> beta,
                   matrices<T> c) {
    if constexpr (multiplies<T>) {
      Verbs::gemm(batch, m, n, k, alpha, a, b, beta, c);
    } else {
      using A = accumulator_t<T>;
      const widened<T> wide_a(a.data, extent(a, m, k)), wide_b(b.data, extent(b, k, n));
      const widened<T> wide_c(c.data, extent(c, m, n));
      const auto of = [](const auto& x, auto* data) {
        return matrices<std::remove_pointer_t<decltype(data)>>{data, x.row, x.stride, x.count,
                                                               x.transposed};
      };
      Verbs::gemm(batch, m, n, k, alpha, of(a, std::as_const(wide_a).data()),
                  of(b, std::as_const(wide_b).data()), beta, of(c, wide_c.mutable_data()));
      copy(extent(c, m, n), static_cast<const A*>(wide_c.data()), c.data);
    }
  }

  template <class T>
  static void convolve(const convolution_geometry& g, const T* image, const T* weight,
                       const convolution_epilogue<T>& epilogue, T* result) {
    if constexpr (may_convolve<T>)
      if (convolves<T>(g)) return Verbs::convolve(g, image, weight, epilogue, result);
    const images<T> x = image_of<T>(g, image), r = result_of<T>(g, epilogue.images);
    const images<T> y = result_of<T>(g, true), w = weight_of<T>(g, weight);
    const widened<T> bias(epilogue.bias, g.out_channels);
    const widened<T> vectors(epilogue.vectors, g.batch * g.out_channels);
    Verbs::convolve(channels_first(g), x.data(), w.data(),
                    convolution_epilogue<accumulator_t<T>>{bias.data(), vectors.data(), r.data(),
                                                           epilogue.rectify},
                    y.mutable_data());
    y.store(result);
  }

  template <class T>
  static void convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                                 const T* bias, T* image) {
    if constexpr (may_convolve<T>)
      if (convolves<T>(g)) return Verbs::convolve_transpose(g, result, weight, bias, image);
    const images<T> y = result_of<T>(g, result), x = image_of<T>(g, true),
                    w = weight_of<T>(g, weight);
    const widened<T> b(bias, g.channels);
    Verbs::convolve_transpose(channels_first(g), y.data(), w.data(), b.data(), x.mutable_data());
    x.store(image);
  }

  template <class T>
  static void convolve_weight(const convolution_geometry& g, const T* image, const T* result,
                              T* weight) {
    if constexpr (may_convolve<T>)
      if (convolves<T>(g)) return Verbs::convolve_weight(g, image, result, weight);
    const images<T> x = image_of<T>(g, image), y = result_of<T>(g, result),
                    w = weight_of<T>(g, true);
    Verbs::convolve_weight(channels_first(g), x.data(), y.data(), w.mutable_data());
    w.store(weight);
  }

 private:
  static bool plain(const convolution_geometry& g) {
    return g.layout == memory_layout::channels_first &&
           g.weight_layout == memory_layout::channels_first;
  }
  template <class T>
  static constexpr bool multiplies = [] {
    if constexpr (requires { Verbs::template multiplies<T>; })
      return is_own_accumulator<T> || Verbs::template multiplies<T>;
    else
      return is_own_accumulator<T>;
  }();
  /// Whether the verbs say what they convolve.
  template <class T>
  static constexpr bool says_what = requires(const convolution_geometry& g) {
    Verbs::template convolves<T>(g);
  };
  template <class T>
  static constexpr bool may_convolve = is_own_accumulator<T> || says_what<T>;
  template <class T>
  static bool convolves(const convolution_geometry& g) {
    if constexpr (says_what<T>)
      return Verbs::template convolves<T>(g);
    else
      return plain(g);
  }

  template <class T>
  using numbers = typename Verbs::template buffer<accumulator_t<T>>;

  template <class From, class To>
  static void copy(std::size_t n, const From* from, To* to) {
    Verbs::map(n, to, kernel::identity{}, operand<From>{from, 1, n});
  }

  /// Numbers as they are computed with; none of a null pointer.
  template <class T>
  class widened {
   public:
    widened(const T* from, std::size_t n) : copy_(from ? n : 0), present_(from != nullptr) {
      if (from) copy(n, from, copy_.data());
    }
    const accumulator_t<T>* data() const { return present_ ? copy_.data() : nullptr; }
    accumulator_t<T>* mutable_data() const { return copy_.data(); }

   private:
    mutable numbers<T> copy_;
    bool present_;
  };

  /// Images as they are convolved: a copy of what is stored, none of a null pointer.
  template <class T>
  class images {
   public:
    images(std::size_t batch, std::size_t channels, std::size_t pixels, memory_layout layout,
           const T* from)
        : images(batch, channels, pixels, layout, from != nullptr) {
      if (from) rearrange(from, stored_, copy_.data(), convolved_);
    }
    /// Room for them.
    images(std::size_t batch, std::size_t channels, std::size_t pixels, memory_layout layout,
           bool present = true)
        : channels_(channels),
          pixels_(pixels),
          size_(present ? batch * channels * pixels : 0),
          stored_(strides_of(layout, channels, pixels)),
          convolved_(strides_of(memory_layout::channels_first, channels, pixels)),
          copy_(size_) {}
    void store(T* to) const { rearrange(data(), convolved_, to, stored_); }
    const accumulator_t<T>* data() const { return size_ > 0 ? copy_.data() : nullptr; }
    accumulator_t<T>* mutable_data() const { return copy_.data(); }

   private:
    template <class From, class To>
    void rearrange(const From* from, const image_strides& of_from, To* to,
                   const image_strides& of_to) const {
      Verbs::for_each(size_,
                      kernel::rearrange<To, From>{to, from, of_to, of_from, channels_, pixels_}, 8);
    }

    std::size_t channels_, pixels_, size_;
    image_strides stored_, convolved_;
    mutable numbers<T> copy_;
  };
  // Copies of what `from` points to, or room for it where that is `true`.
  template <class T, class From>
  static images<T> image_of(const convolution_geometry& g, From from) {
    return images<T>(g.batch, g.channels, g.image_area(), g.layout, from);
  }
  template <class T, class From>
  static images<T> result_of(const convolution_geometry& g, From from) {
    return images<T>(g.batch, g.out_channels, g.out_area(), g.layout, from);
  }
  template <class T, class From>
  static images<T> weight_of(const convolution_geometry& g, From from) {
    require(g.weight_layout != memory_layout::packed_kernels, "kernels of a convolution", "packed",
            "the channels first or last");
    return images<T>(g.out_channels, g.channels, g.kernel.area(), g.weight_layout, from);
  }

  static convolution_geometry channels_first(convolution_geometry g) {
    g.layout = g.weight_layout = memory_layout::channels_first;
    return g;
  }
  /// From the first element of a batch of matrices (rows, columns) of a product to after its last.
  template <class T>
  static std::size_t extent(const matrices<T>& x, std::size_t rows, std::size_t columns) {
    if (x.transposed) std::swap(rows, columns);
    if (rows == 0 || columns == 0) return 0;
    return (x.count - 1) * x.stride + (rows - 1) * x.row + columns;
  }
};

}  // namespace lift
