// SPDX-License-Identifier: MIT
#pragma once

// Group normalisation and an activation of images with the channels last, its tangents and its
// gradient: op/group_norm.hpp has the formulas. For nvcc alone.
//
// A block has all pixels of one or a few groups of one image, so that it reads whole sectors of
// memory, and a thread the same few channels of some of them. What fits into a block's registers is
// read once, the rest comes a second time from the cache that all blocks share.

#include <cstddef>

#include <lift/backend/cuda/fast_activation.hpp>
#include <lift/backend/cuda/launch.hpp>
#include <lift/backend/cuda/thread_grid.hpp>
#include <lift/backend/group_norm_geometry.hpp>
#include <lift/backend/index_divider.hpp>
#include <lift/backend/thrust/packet.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/core/error.hpp>
#include <lift/tensor/storage.hpp>

namespace lift::detail {

/// Packets of N that a thread has read, up to Held of them; with 0 they are read again.
template <class T, unsigned N, unsigned Held>
struct held_packets {
  packet<T, N> held[Held > 0 ? Held : 1];

  __device__ const packet<T, N>& read(unsigned k, const T* from) {
    return held[Held > 0 ? k : 0] = *packets<N>(from);
  }
  __device__ packet<T, N> again(unsigned k, const T* from) const {
    return Held > 0 ? held[k] : *packets<N>(from);
  }
};

/// A block's share of the images, and its thread's. `bundle` groups are together.
template <unsigned N, unsigned Threads, unsigned Held>
class pixel_block {
 public:
  __device__ pixel_block(const group_norm_geometry& g, unsigned bundle)
      : grid(static_cast<unsigned>(bundle * g.channels / N)),
        pixels_(static_cast<unsigned>(g.pixels)),
        pitch_(static_cast<unsigned>(g.groups * g.channels)),
        group_columns_(static_cast<unsigned>(g.channels / N)),
        image_(blockIdx.x / (static_cast<unsigned>(g.groups) / bundle)) {
    const unsigned first = blockIdx.x % (static_cast<unsigned>(g.groups) / bundle) * bundle;
    channel = (first * group_columns_ + grid.column) * N;
    group = image_ * static_cast<unsigned>(g.groups) + first + grid.column / group_columns_;
    size = static_cast<float>(g.pixels * g.channels);
  }

  /// Calls f(k, element) for each packet of this thread, the k-th of them at an element.
  template <class F>
  __device__ void for_each(const F& f) const {
    if (!grid.works()) return;
    if constexpr (Held > 0) {
#pragma unroll
      for (unsigned k = 0; k < Held; ++k) {
        const unsigned pixel = grid.row + k * grid.rows;
        if (pixel < pixels_) f(k, element(pixel));
      }
    } else {
      for (unsigned pixel = grid.row; pixel < pixels_; pixel += grid.rows) f(0u, element(pixel));
    }
  }

  /// The sums of the values over the threads of a group.
  template <unsigned Count, class A>
  __device__ void add_group(A (&values)[Count], A* memory) const {
    grid.add_rows(values, memory);
    add_columns(values, memory);
  }
  /// The same of values that are those of a column.
  template <unsigned Count, class A>
  __device__ void add_group_of_columns(A (&values)[Count], A* memory) const {
    __syncthreads();
    if (grid.row == 0)
      for (unsigned n = 0; n < Count; ++n) memory[n * Threads + grid.column] = values[n];
    __syncthreads();
    add_columns(values, memory);
  }

  /// Whether it is this thread that writes what its column has one of, or its group.
  __device__ bool first_of_column() const { return grid.row == 0 && grid.works(); }
  __device__ bool first_of_group() const {
    return first_of_column() && grid.column % group_columns_ == 0;
  }
  /// Where its first channel is among those of all images, one number for each.
  __device__ unsigned vector() const { return image_ * pitch_ + channel; }

  const thread_grid<Threads> grid;
  unsigned channel;  ///< first of its channels
  unsigned group;    ///< among those of all images
  float size;        ///< elements of a group

 private:
  __device__ unsigned element(unsigned pixel) const {
    return (image_ * pixels_ + pixel) * pitch_ + channel;
  }
  template <unsigned Count, class A>
  __device__ void add_columns(A (&values)[Count], const A* memory) const {
    const unsigned first = grid.column / group_columns_ * group_columns_;
    for (unsigned n = 0; n < Count; ++n) {
      values[n] = 0;
      for (unsigned j = 0; j < group_columns_; ++j) values[n] += memory[n * Threads + first + j];
    }
  }

  unsigned pixels_, pitch_, group_columns_, image_;
};

/// What is added to each of a thread's channels before they are normalised.
template <class T, unsigned N>
struct pixel_shift {
  accumulator_t<T> of[N] = {};

  template <class Block>
  __device__ pixel_shift(const group_norm_input<T>& in, const Block& block) {
    if (in.vectors) add(*packets<N>(in.vectors + block.vector()));
    if (in.bias) add(*packets<N>(in.bias + block.channel));
  }

 private:
  __device__ void add(const packet<T, N>& numbers) {
    for (unsigned i = 0; i < N; ++i) of[i] += accumulator_t<T>(numbers.of[i]);
  }
};

/// γ·x̂ + β = factor·x + offset of a thread's channels.
template <class T, unsigned N>
struct pixel_affine {
  accumulator_t<T> factor[N], offset[N];

  template <class Block>
  __device__ pixel_affine(const group_norm_input<T>& in, const Block& block,
                          const pixel_shift<T, N>& shift, accumulator_t<T> mean,
                          accumulator_t<T> rstd) {
    const packet<T, N> scales = *packets<N>(in.gamma + block.channel),
                       offsets = *packets<N>(in.beta + block.channel);
    for (unsigned i = 0; i < N; ++i) {
      factor[i] = accumulator_t<T>(scales.of[i]) * rstd;
      offset[i] = accumulator_t<T>(offsets.of[i]) - (mean - shift.of[i]) * factor[i];
    }
  }
  __device__ accumulator_t<T> operator()(unsigned i, T x) const {
    return accumulator_t<T>(x) * factor[i] + offset[i];
  }
};

// Of each kernel 512 threads work on a multiprocessor at once, with up to 128 registers.

template <class Activation, class T, unsigned N, unsigned Threads, unsigned Held>
__global__ void __launch_bounds__(Threads, 512 / Threads)
    normalise_pixels_kernel(group_norm_geometry g, group_norm_input<T> in, unsigned bundle,
                            accumulator_t<T> epsilon, accumulator_t<T>* mean,
                            accumulator_t<T>* rstd, T* y) {
  using A = accumulator_t<T>;
  __shared__ A memory[Threads];
  const pixel_block<N, Threads, Held> block(g, bundle);
  held_packets<T, N, Held> xs;
  A sum[1] = {};
  block.for_each([&](unsigned k, unsigned at) {
    const auto& here = xs.read(k, in.x + at);
    for (unsigned i = 0; i < N; ++i) sum[0] += A(here.of[i]);
  });
  const pixel_shift<T, N> added(in, block);
  if (block.first_of_column())
    for (unsigned i = 0; i < N; ++i) sum[0] += A(g.pixels) * added.of[i];
  block.add_group(sum, memory);
  const A middle = sum[0] / block.size;
  A squares[1] = {};
  block.for_each([&](unsigned k, unsigned at) {
    const auto here = xs.again(k, in.x + at);
    for (unsigned i = 0; i < N; ++i) {
      const A deviation = A(here.of[i]) - (middle - added.of[i]);
      squares[0] += deviation * deviation;
    }
  });
  block.add_group(squares, memory);
  const A inverse = A(1) / sqrt(squares[0] / block.size + epsilon);
  if (block.first_of_group()) {
    mean[block.group] = middle;
    rstd[block.group] = inverse;
  }
  const pixel_affine<T, N> z(in, block, added, middle, inverse);
  block.for_each([&](unsigned k, unsigned at) {
    auto here = xs.again(k, in.x + at);
    for (unsigned i = 0; i < N; ++i)
      here.of[i] = T(fast_activation<Activation>::f(z(i, here.of[i])));
    *packets<N>(y + at) = here;
  });
}

/// Tangent blockIdx.y.
template <class Activation, class T, unsigned N, unsigned Threads, unsigned Held>
__global__ void __launch_bounds__(Threads, 512 / Threads)
    normalise_pixels_tangents_kernel(group_norm_geometry g, group_norm_input<T> in,
                                     unsigned bundle, const accumulator_t<T>* mean,
                                     const accumulator_t<T>* rstd, const T* d, T* dy) {
  using A = accumulator_t<T>;
  __shared__ A memory[2 * Threads];
  const pixel_block<N, Threads, Held> block(g, bundle);
  const std::size_t first = blockIdx.y * (g.batch * g.pixels * g.groups * g.channels);
  d += first;
  dy += first;
  const A m = mean[block.group], r = rstd[block.group];
  const pixel_shift<T, N> added(in, block);
  held_packets<T, N, Held> xs, ds;
  A sums[2] = {};
  block.for_each([&](unsigned k, unsigned at) {
    const auto& here = xs.read(k, in.x + at);
    const auto& tangent = ds.read(k, d + at);
    for (unsigned i = 0; i < N; ++i) {
      sums[0] += A(tangent.of[i]);
      sums[1] += A(tangent.of[i]) * ((A(here.of[i]) - (m - added.of[i])) * r);
    }
  });
  block.add_group(sums, memory);
  const A total = sums[0] / block.size, product = sums[1] / block.size;
  const pixel_affine<T, N> z(in, block, added, m, r);
  block.for_each([&](unsigned k, unsigned at) {
    const auto here = xs.again(k, in.x + at);
    auto tangent = ds.again(k, d + at);
    for (unsigned i = 0; i < N; ++i)
      tangent.of[i] = T(fast_activation<Activation>::df(z(i, here.of[i])) * z.factor[i] *
                        (A(tangent.of[i]) -
                         (total + (A(here.of[i]) - (m - added.of[i])) * r * product)));
    *packets<N>(dy + at) = tangent;
  });
}

template <class Activation, class T, unsigned N, unsigned Threads, unsigned Held>
__global__ void __launch_bounds__(Threads, 512 / Threads)
    normalise_pixels_gradient_kernel(group_norm_geometry g, group_norm_input<T> in,
                                     unsigned bundle, const accumulator_t<T>* mean,
                                     const accumulator_t<T>* rstd, const T* w, T* dx,
                                     accumulator_t<T>* products, accumulator_t<T>* sums) {
  using A = accumulator_t<T>;
  __shared__ A memory[2 * N * Threads];
  const pixel_block<N, Threads, Held> block(g, bundle);
  const A m = mean[block.group], r = rstd[block.group];
  const auto added = [&] { return pixel_shift<T, N>(in, block); };
  const pixel_affine<T, N> z(in, block, added(), m, r);
  // w' is rounded, so that the sums are of what they are taken from.
  const auto change = [&](unsigned i, T here, T weight) {
    return T(fast_activation<Activation>::df(z(i, here)) * A(weight));
  };
  held_packets<T, N, Held> xs, ws;
  A column[2 * N] = {};  // Σ w' of each channel, and Σ w'·x̂, at first without what is added to x
  block.for_each([&](unsigned k, unsigned at) {
    const auto& here = xs.read(k, in.x + at);
    const auto& weight = ws.read(k, w + at);
    for (unsigned i = 0; i < N; ++i) {
      const A c = A(change(i, here.of[i], weight.of[i]));
      column[i] += c;
      column[N + i] += c * ((A(here.of[i]) - m) * r);
    }
  });
  block.grid.add_rows(column, memory);
  // Not kept from above: a thread's registers are full.
  const pixel_shift<T, N> again = added();
  for (unsigned i = 0; i < N; ++i) column[N + i] += again.of[i] * r * column[i];
  if (block.first_of_column())
    for (unsigned i = 0; i < N; ++i) {
      sums[block.vector() + i] = column[i];
      products[block.vector() + i] = column[N + i];
    }
  A group[2] = {};  // Σ γ·w' and Σ γ·w'·x̂
  const packet<T, N> scales = *packets<N>(in.gamma + block.channel);
  for (unsigned i = 0; i < N; ++i) {
    const A scale = A(scales.of[i]);
    group[0] += scale * column[i];
    group[1] += scale * column[N + i];
  }
  block.add_group_of_columns(group, memory);
  const A total = group[0] / block.size, product = group[1] / block.size;
  block.for_each([&](unsigned k, unsigned at) {
    const auto here = xs.again(k, in.x + at);
    auto weight = ws.again(k, w + at);
    for (unsigned i = 0; i < N; ++i)
      weight.of[i] = T(z.factor[i] * A(change(i, here.of[i], weight.of[i])) -
                       r * ((total + again.of[i] * r * product) + (A(here.of[i]) - m) * r * product));
    *packets<N>(dx + at) = weight;
  });
}

/// How the blocks of a kernel are made: packets of N, so many threads, packets that a thread holds.
template <unsigned N_, unsigned Threads_, unsigned Held_>
struct pixel_block_form {
  static constexpr unsigned N = N_, threads = Threads_, held = Held_;

  /// Whether a block's threads hold all pixels of so many packets.
  static bool holds(std::size_t pixels, std::size_t columns) {
    return columns <= threads && ceil_div(pixels, threads / columns) <= held;
  }
};

/// Whether arrays can be read in packets of 16 bytes.
template <class... T>
bool all_take_packets(const T*... arrays) {
  return (takes_packets<16 / sizeof(T)>(arrays) && ...);
}

/// Calls with_form(form, blocks, bundle) for images of these sizes, `Arrays` of which a thread holds.
template <class T, unsigned Arrays, class WithForm>
void with_pixel_blocks(const group_norm_geometry& g, bool in_packets, const WithForm& with_form) {
  constexpr unsigned together = 16 / sizeof(T);
  using small = pixel_block_form<together, 256, 8>;
  using large = pixel_block_form<together, 512, 16 / Arrays>;
  if (g.batch * g.groups * g.channels * g.pixels == 0) return;
  const bool whole = in_packets && g.channels % together == 0;
  const std::size_t n = whole ? together : 1, columns = g.channels / n;
  require(columns <= 512, "channels of a group on a CUDA device", g.channels, 512 * n);
  const std::size_t elements = g.batch * g.pixels * g.groups * g.channels;
  require(elements < max_divided_index, "elements of images on a CUDA device", elements,
          "below 2^31");
  // Half a cache line of a pixel, if a block can hold it.
  std::size_t bundle = 1;
  while (whole && bundle * g.channels * sizeof(T) < 64 && g.groups % (2 * bundle) == 0 &&
         large::holds(g.pixels, 2 * bundle * columns))
    bundle *= 2;
  const auto with = [&](auto form) {
    with_form(form, static_cast<unsigned>(g.batch * (g.groups / bundle)),
              static_cast<unsigned>(bundle));
  };
  if (!whole)
    with(pixel_block_form<1, 512, 0>());
  else if (small::holds(g.pixels, bundle * columns))
    with(small());
  else if (large::holds(g.pixels, bundle * columns))
    with(large());
  else
    with(pixel_block_form<together, 512, 0>());
}

template <class T>
bool all_take_packets(const group_norm_input<T>& in) {
  return all_take_packets(in.x, in.gamma, in.beta, in.vectors, in.bias);
}

template <class Activation, class T>
void normalise_pixels(const group_norm_geometry& g, const group_norm_input<T>& in,
                      accumulator_t<T> epsilon, accumulator_t<T>* mean, accumulator_t<T>* rstd,
                      T* y) {
  with_pixel_blocks<T, 1>(
      g, all_take_packets(in) && all_take_packets(y),
      [&]<class Form>(Form, unsigned blocks, unsigned bundle) {
        launch(normalise_pixels_kernel<Activation, T, Form::N, Form::threads, Form::held>, blocks,
               Form::threads, g, in, bundle, epsilon, mean, rstd, y);
      });
}

template <class Activation, class T>
void normalise_pixels_tangents(const group_norm_geometry& g, const group_norm_input<T>& in,
                               const accumulator_t<T>* mean, const accumulator_t<T>* rstd,
                               std::size_t tangents, const T* d, T* dy) {
  with_pixel_blocks<T, 2>(
      g, all_take_packets(in) && all_take_packets(d, dy),
      [&]<class Form>(Form, unsigned blocks, unsigned bundle) {
        launch(normalise_pixels_tangents_kernel<Activation, T, Form::N, Form::threads, Form::held>,
               dim3(blocks, static_cast<unsigned>(tangents)), Form::threads, g, in, bundle, mean,
               rstd, d, dy);
      });
}

template <class Activation, class T>
void normalise_pixels_gradient(const group_norm_geometry& g, const group_norm_input<T>& in,
                               const accumulator_t<T>* mean, const accumulator_t<T>* rstd,
                               const T* w, T* dx, accumulator_t<T>* products,
                               accumulator_t<T>* sums) {
  with_pixel_blocks<T, 2>(
      g, all_take_packets(in) && all_take_packets(w, dx),
      [&]<class Form>(Form, unsigned blocks, unsigned bundle) {
        launch(normalise_pixels_gradient_kernel<Activation, T, Form::N, Form::threads, Form::held>,
               blocks, Form::threads, g, in, bundle, mean, rstd, w, dx, products, sums);
      });
}

}  // namespace lift::detail
