// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

#include <lift/backend/attention_geometry.hpp>
#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/convolution_geometry.hpp>
#include <lift/backend/group_norm_geometry.hpp>
#include <lift/tensor/functors.hpp>
#include <lift/tensor/operand.hpp>
#include <lift/tensor/reduction.hpp>
#include <lift/tensor/storage.hpp>

namespace lift {

/// Where tensors live and how they are computed with: a type with about a dozen static verbs.
///
/// T is how numbers are stored; they are read, and functors and sums work on them, as
/// accumulator_t<T>, and what is written is rounded to its own T.
///
/// All pointers are to memory of the backend; results never overlap inputs unless they are the
/// same array in `map`. Functors are named types, generic in their scalar, callable with a SIMD
/// batch as well as with a number. Results do not depend on the number of threads.
///
/// - buffer<T>(n): owns n elements, not initialised; data(), size().
/// - copy_in(to, host), copy_out(host, from): between host and backend.
/// - copy_rows(rows, width, to, to_pitch, from, from_pitch): a block of rows, pitches in elements.
/// - map(n, out, f, in...): out[i] = f(in[i]...), `in` read as operand says.
/// - reduce(R, outer, keep, inner, out, f, in...): out[k] = R over (o, i) of
///   f(in[(o·keep + k)·inner + i]...), R's identity where there are none.
/// - for_each(n, f, cost): f(i) for every i < n, any order; `cost` is the work of one call in
///   elements.
/// - for_each_team(n, f, cost): the same, f(team, i), for calls whose work a team shares
/// (team.hpp).
/// - gemm(batch, m, n, k, alpha, A, B, beta, C): C_b = alpha·A_b·B_b + beta·C_b.
/// - convolve(g, image, weight, epilogue, result), convolve_transpose(g, result, weight, bias,
///   image), convolve_weight(g, image, result, weight): a convolution (see convolution_geometry)
///   with its convolution_epilogue, its adjoint in the image, to whose channel c bias[c] is added
///   unless `bias` is null, and its adjoint in the weight.
template <class B>
concept backend = requires(float* p, const float* q, std::span<float> out,
                           std::span<const float> in, std::size_t n, operand<float> x,
                           matrices<const float> a, matrices<float> c, convolution_geometry g,
                           convolution_epilogue<float> epilogue) {
  { B::name } -> std::convertible_to<std::string_view>;
  typename B::template buffer<float>;
  B::copy_in(p, in);
  B::copy_out(out, q);
  B::copy_rows(n, n, p, n, q, n);
  B::map(n, p, kernel::identity{}, x);
  B::reduce(sum{}, n, n, n, p, kernel::identity{}, x);
  B::for_each(n, kernel::nothing{}, n);
  B::for_each_team(n, kernel::nothing{}, n);
  B::gemm(n, n, n, n, 1.0f, a, a, 0.0f, c);
  B::convolve(g, q, q, epilogue, p);
  B::convolve_transpose(g, q, q, q, p);
  B::convolve_weight(g, q, q, p);
};

/// A backend with attention of its own for numbers of type T, where others put it together from the
/// verbs (see op/attention.hpp): attend(g, qkv, y), attend_tangents(g, count, qkv, dqkv, dy) for
/// `count` stacked tangents, attend_gradient(g, qkv, w, gradient).
template <class B, class T>
concept attention_backend = requires(const attention_geometry& g, std::size_t n, const T* in,
                                     T* out) {
  B::attend(g, in, out);
  B::attend_tangents(g, n, in, in, out);
  B::attend_gradient(g, in, in, out);
};

/// A backend with attention of its own for images stored as T with the channels last:
/// attend_pixels(g, qkv, y), attend_pixels_tangents(g, tangents, qkv, dqkv, dy) of stacked tangents,
/// attend_pixels_gradient(g, qkv, w, gradient). Where it has them for some sizes, attends_pixels(g)
/// says whether for these.
template <class B, class T>
concept pixel_attention_backend = requires(const attention_geometry& g, const T* in, T* out) {
  B::attend_pixels(g, in, out);
  B::attend_pixels_tangents(g, std::size_t{1}, in, in, out);
  B::attend_pixels_gradient(g, in, in, out);
};

/// A backend that convolves images of numbers of type T, the channels first, with several kernels in
/// one pass over them: convolve_branches(g, image, branches), which does not read g's output channels.
template <class B, class T>
concept branching_backend = requires(const convolution_geometry& g, const T* image,
                                     std::span<const convolution_branch<T>> branches) {
  B::convolve_branches(g, image, branches);
};

/// A backend that packs kernels of some numbers of channels once for its convolutions of images
/// stored as T with the channels last, (O, kh, kw, C) → memory_layout::packed_kernels:
/// packs_kernels(O, C), pack_kernels(O, C, kh·kw, from, to).
template <class B, class T>
concept kernel_packing_backend = requires(std::size_t n, const T* in, T* out) {
  { B::packs_kernels(n, n) } -> std::convertible_to<bool>;
  B::pack_kernels(n, n, n, in, out);
};

/// A backend that joins the channels of images stored as T with the channels last, and adds a bias to
/// those of the first: join_pixels(pixels, a_channels, a, bias or null, b_channels, b, y).
template <class B, class T>
concept pixel_joining_backend = requires(std::size_t n, const T* in, T* out) {
  B::join_pixels(n, n, in, in, n, in, out);
};

/// A backend with group normalisation of its own for images stored as T with the channels last, and
/// with its tangents, stacked ones d of x, and its gradient, see op/group_norm.hpp:
/// normalise_pixels<Activation>(g, in, epsilon, mean, rstd, y),
/// normalise_pixels_tangents<Activation>(g, in, mean, rstd, tangents, d, dy),
/// normalise_pixels_gradient<Activation>(g, in, mean, rstd, w, dx, products, sums).
template <class B, class T, class Activation>
concept pixel_group_norm_backend =
    requires(const group_norm_geometry& g, const group_norm_input<T>& in, const T* d, T* out,
             accumulator_t<T>* numbers) {
      B::template normalise_pixels<Activation>(g, in, *numbers, numbers, numbers, out);
      B::template normalise_pixels_tangents<Activation>(g, in, numbers, numbers, std::size_t{1}, d,
                                                        out);
      B::template normalise_pixels_gradient<Activation>(g, in, numbers, numbers, d, out, numbers,
                                                        numbers);
    };

}  // namespace lift
