// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include <lift/backend/any_storage.hpp>
#include <lift/backend/backend.hpp>
#include <lift/backend/index_divider.hpp>
#include <lift/backend/thrust/element_kernels.hpp>
#include <lift/backend/thrust/packet.hpp>
#include <lift/backend/thrust/patch_gather.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/tensor/maps.hpp>
#include <lift/tensor/memory_layout.hpp>
#include <lift/tensor/storage.hpp>

namespace lift {

namespace detail {

/// The verbs of thrust_backend for numbers that are their own accumulators and channels first.
template <class System>
struct thrust_verbs {
  static constexpr const char* name = System::name;

  template <class T>
  class buffer {
   public:
    explicit buffer(std::size_t n) : block_(n * sizeof(T)), size_(n) {}
    T* data() { return static_cast<T*>(block_.data()); }
    const T* data() const { return static_cast<const T*>(block_.data()); }
    std::size_t size() const { return size_; }

   private:
    typename System::block block_;
    std::size_t size_;
  };

  template <class T>
  static void copy_in(T* to, std::span<const T> host) {
    System::copy_in(to, host.data(), host.size_bytes());
  }
  template <class T>
  static void copy_out(std::span<T> host, const T* from) {
    System::copy_out(host.data(), from, host.size_bytes());
  }
  template <class T>
  static void copy_rows(std::size_t rows, std::size_t width, T* to, std::size_t to_pitch,
                        const T* from, std::size_t from_pitch) {
    if (width == 0) return;
    if constexpr (sizeof(T) < 16) {
      constexpr std::size_t n = packet_size<T>;
      if (takes_packets<n>(to, width, to_pitch) && takes_packets<n>(from, from_pitch))
        return copy_rows(rows, width / n, packets<n>(to), to_pitch / n, packets<n>(from),
                         from_pitch / n);
    }
    for_each(rows * width,
             kernel::copy_rows<T>{index_divider(width), to, to_pitch, from, from_pitch});
  }

  template <class T, class F, class... In>
  static void map(std::size_t n, T* out, const F& f, const operand<In>&... in) {
    if (n == 0) return;
    require_index(n);
    const auto call = make_call(n, f, in...);
    constexpr std::size_t together = packet_size<T, In...>;
    if (takes_packets<together>(out, n) && call.template gives_packets<together>())
      for_each(n / together,
               kernel::map_packet<T, together, decltype(call)>{packets<together>(out), call});
    else
      for_each(n, kernel::map<T, decltype(call)>{out, call});
  }

  template <class R, class T, class F, class... In>
  static void reduce(R, std::size_t outer, std::size_t keep, std::size_t inner, T* out, const F& f,
                     const In&... in) {
    const std::size_t row = outer * inner, n = row * keep;
    require_index(n);
    if (n == 0)
      return map(keep, out, kernel::constant<T>{R::template identity<T>()}, operand<T>{out, 1, keep});
    // Long rows of few are cut into pieces, whose results are combined in order.
    const std::size_t pieces = keep < few_rows ? std::max<std::size_t>(1, ceil_div(row, piece)) : 1;
    const auto call = make_call(n, f, in...);
    if (pieces == 1) return reduce_rows<R>(keep, 1, row, inner, out, call);
    buffer<T> partial(keep * pieces);
    reduce_rows<R>(keep, pieces, row, inner, partial.data(), call);
    const auto combine =
        detail::make_call(partial.size(), kernel::identity{},
                          operand<T>{partial.data(), 1, partial.size()});
    reduce_rows<R>(keep, 1, pieces, pieces, out, combine);
  }

  template <class F>
  static void for_each(std::size_t n, const F& f, std::size_t = 1) {
    require_index(n);
    System::for_each(n, f);
  }
  template <class To, class From>
  static void for_each(std::size_t n, const kernel::rearrange<To, From>& f, std::size_t = 1) {
    if (n == 0) return;
    if (f.keeps_order()) return map(n, f.to, kernel::identity{}, operand<From>{f.from, 1, n});
    require_index(n);
    System::for_each(n, kernel::divided_rearrange<To, From>(f));
  }

  template <class To, class From>
  static void rearrange_all(std::span<const kernel::rearranged_images<To, From>> all) {
    using run = kernel::rearranged_run<To, From>;
    constexpr std::size_t enough = 16384;  // elements of a run
    std::vector<run> runs;
    for (const auto& [how, images] : all) {
      const std::size_t image = how.channels * how.pixels, whole = images * image;
      if (whole == 0) continue;
      require_index(whole);
      if (how.keeps_order()) {
        for (std::size_t first = 0; first < whole; first += enough)
          runs.push_back(run::of_elements(how, first, std::min(enough, whole - first)));
      } else {
        const std::size_t together = std::max<std::size_t>(1, enough / image);
        for (std::size_t first = 0; first < images; first += together)
          runs.push_back(run::of_images(how, first, std::min(together, images - first)));
      }
    }
    if (runs.empty()) return;
    buffer<run> table(runs.size());
    copy_in(table.data(), std::span<const run>(runs));
    for_each_team(runs.size(), kernel::rearrange_all<To, From>{table.data()});
  }

  template <class F>
  static void for_each_team(std::size_t n, const F& f, std::size_t = 1) {
    System::for_each_team(n, f);
  }

  template <class T>
  static void gemm(std::size_t batch, std::size_t m, std::size_t n, std::size_t k,
                   accumulator_t<T> alpha, std::type_identity_t<matrices<const T>> a,
                   std::type_identity_t<matrices<const T>> b, accumulator_t<T> beta,
                   matrices<T> c) {
    System::gemm(batch, m, n, k, alpha, a, b, beta, c);
  }

  template <class T>
  static void convolve(const convolution_geometry& g, const T* image, const T* weight,
                       const convolution_epilogue<T>& epilogue, T* result) {
    const bool done = with_convolution<T>(
        g, [&](auto& own) { add(g, own.forward(image, weight, epilogue, result), result); });
    if (!done) convolve_by_patches(g, image, weight, epilogue, result);
  }

  template <class T>
  static void convolve_transpose(const convolution_geometry& g, const T* result, const T* weight,
                                 const T* bias, T* image) {
    const bool done = with_convolution<T>(g, [&](auto& own) {
      own.backward_image(result, weight, image);
      const std::size_t n = g.batch * g.image_size(), area = g.height * g.width;
      if (bias)
        map(n, image, kernel::add{}, operand<T>{image, 1, n}, operand<T>{bias, area, g.channels});
    });
    if (!done) convolve_transpose_by_patches(g, result, weight, bias, image);
  }

  template <class T>
  static void convolve_weight(const convolution_geometry& g, const T* image, const T* result,
                              T* weight) {
    const bool done = with_convolution<T>(
        g, [&](auto& own) { own.backward_weight(image, result, weight); });
    if (!done) convolve_weight_by_patches(g, image, result, weight);
  }

 protected:
  static void require_index(std::size_t n) {
    require(n < max_divided_index, "elements of an array of a Thrust backend", n, "below 2^31");
  }

 private:
  static constexpr std::size_t few_rows = 512;  // rows of a reduction that leave a device idle
  static constexpr std::size_t piece = 16384;   // elements of one partial reduction

  template <class T, class Use>
  static bool with_convolution(const convolution_geometry& g, const Use& use) {
    require_index(g.batch * std::max(g.image_size(), g.result_size()));
    if constexpr (requires { System::template with_convolution<T>(g, use); })
      return System::template with_convolution<T>(g, use);
    else
      return false;
  }

  template <class R, class T, class Call>
  static void reduce_rows(std::size_t keep, std::size_t pieces, std::size_t row,
                          std::size_t inner, T* out, const Call& call) {
    for_each_team(
        keep * pieces, kernel::reduce<R, T, Call>{call, out, keep, row, ceil_div(row, pieces),
                                                  index_divider(pieces), index_divider(inner)});
  }

  /// The epilogue of results that stand there already.
  template <class T>
  static void add(const convolution_geometry& g, const convolution_epilogue<T>& epilogue,
                  T* result) {
    if (epilogue.does_something())
      for_each(g.batch * g.result_size(),
               kernel::finish_result<T>{patch_indices(g), nullptr, epilogue, result});
  }

  template <class T>
  static void convolve_by_patches(const convolution_geometry& g, const T* image, const T* weight,
                                  const convolution_epilogue<T>& epilogue, T* result) {
    for_each_part<T>(g, [&](const convolution_geometry& part, std::size_t first) {
      const std::size_t columns = part.batch * g.out_area();
      const T* const x = image + first * g.image_size();
      T* const y = result + first * g.result_size();
      const matrices<const T> kernels{.data = weight, .row = g.patch()};
      const convolution_epilogue<T> rest = epilogue_from(g, epilogue, first);
      const patch_indices at(part);
      if (g.pointwise() || part.batch == 1) {  // results come out where they belong
        const T* from = x;
        buffer<T> patches(g.pointwise() ? 0 : g.patch() * columns);
        if (!g.pointwise()) {
          for_each(patches.size(), kernel::gather_patch<T>{at, x, patches.data()});
          from = patches.data();
        }
        gemm(part.batch, g.out_channels, g.out_area(), g.patch(), T(1), kernels,
             {from, g.out_area(), g.image_size(), part.batch}, T(0),
             matrices<T>{y, g.out_area(), g.result_size(), part.batch});
        add(part, rest, y);
        return;
      }
      buffer<T> patches(g.patch() * columns), products(g.out_channels * columns);
      for_each(patches.size(), kernel::gather_patch<T>{at, x, patches.data()});
      gemm(1, g.out_channels, columns, g.patch(), T(1), kernels, {patches.data(), columns}, T(0),
           matrices<T>{products.data(), columns});
      for_each(products.size(), kernel::finish_result<T>{at, products.data(), rest, y});
    });
  }

  template <class T>
  static void convolve_transpose_by_patches(const convolution_geometry& g, const T* result,
                                            const T* weight, const T* bias, T* image) {
    for_each_part<T>(g, [&](const convolution_geometry& part, std::size_t first) {
      const std::size_t columns = part.batch * g.out_area();
      const patch_indices at(part);
      buffer<T> matrix(g.out_channels * columns), patches(g.patch() * columns);
      for_each(matrix.size(), kernel::gather_result<T>{at, result + first * g.result_size(),
                                                       matrix.data()});
      gemm(1, g.patch(), columns, g.out_channels, T(1),
           {.data = weight, .row = g.patch(), .transposed = true}, {matrix.data(), columns}, T(0),
           matrices<T>{patches.data(), columns});
      for_each(part.batch * g.image_size(),
               kernel::gather_pixel<T>{at, patches.data(), bias, image + first * g.image_size()});
    });
  }

  template <class T>
  static void convolve_weight_by_patches(const convolution_geometry& g, const T* image,
                                         const T* result, T* weight) {
    for_each_part<T>(g, [&](const convolution_geometry& part, std::size_t first) {
      const std::size_t columns = part.batch * g.out_area();
      const patch_indices at(part);
      buffer<T> matrix(g.out_channels * columns), patches(g.patch() * columns);
      for_each(matrix.size(), kernel::gather_result<T>{at, result + first * g.result_size(),
                                                       matrix.data()});
      for_each(patches.size(), kernel::gather_patch<T>{at, image + first * g.image_size(),
                                                       patches.data()});
      gemm(1, g.out_channels, g.patch(), columns, T(1), {matrix.data(), columns},
           {.data = patches.data(), .row = columns, .transposed = true}, T(first > 0),
           matrices<T>{weight, g.patch()});
    });
  }

  /// Calls body(part, first) for parts of the batch whose patch matrices are not too large: the
  /// geometry of part.batch images from image `first` on.
  template <class T, class Body>
  static void for_each_part(const convolution_geometry& g, const Body& body) {
    const std::size_t bytes = sizeof(T) * g.patch() * g.out_area();
    const std::size_t images = std::clamp<std::size_t>(System::patch_bytes / bytes, 1, g.batch);
    for (std::size_t first = 0; first < g.batch; first += images) {
      convolution_geometry part = g;
      part.batch = std::min(images, g.batch - first);
      require_index(g.patch() * part.batch * g.out_area());
      body(part, first);
    }
  }

  template <class T>
  static convolution_epilogue<T> epilogue_from(const convolution_geometry& g,
                                              convolution_epilogue<T> epilogue, std::size_t first) {
    if (epilogue.vectors) epilogue.vectors += first * g.out_channels;
    if (epilogue.images) epilogue.images += first * g.result_size();
    return epilogue;
  }
};

}  // namespace detail

/// A backend on one of Thrust's systems, all from this one text: the verbs as Thrust's loops over
/// named functors, reductions by teams, convolutions as matrix products of gathered patches.
///
/// A system says where memory is and who works there:
/// - name; block(bytes): owns memory, data(); copy_in(to, from, bytes), copy_out(...);
/// - for_each(n, f): f(i) for every i < n, by Thrust; for_each_team(n, f): f(team, i), see team.hpp;
/// - gemm: the verb; patch_bytes: of a patch matrix;
/// - if it has convolutions of its own, with_convolution<T>(g, use): use(c) and true, or false where
///   it has none for g; c.forward(image, weight, epilogue, result) gives what of the epilogue
///   is to be added still, and there are c.backward_image(result, weight, image) and
///   c.backward_weight(image, result, weight).
/// Arrays have fewer than 2³¹ elements; a larger one throws lift::error.
template <class System>
struct thrust_backend : any_storage<detail::thrust_verbs<System>> {};

}  // namespace lift
