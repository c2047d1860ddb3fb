// SPDX-License-Identifier: MIT
#pragma once

// What a thread does of a verb: an element of it, or a packet.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <lift/backend/index_divider.hpp>
#include <lift/backend/thrust/packet.hpp>
#include <lift/core/config.hpp>
#include <lift/tensor/memory_layout.hpp>
#include <lift/tensor/operand.hpp>
#include <lift/tensor/storage.hpp>

namespace lift {

/// An operand whose indices are divided quickly; for results of fewer than 2³¹ elements.
template <class T>
struct divided_operand {
  const T* data;
  bool plain;  // read element by element, without repetition
  index_divider run, count;

  divided_operand(const operand<T>& x, std::size_t n)
      : data(x.data), plain(x.run == 1 && x.count >= n), run(std::min(x.run, max_divided_index)),
        count(std::min(x.count, max_divided_index)) {}

  LIFT_HD accumulator_t<T> operator[](std::uint32_t i) const {
    return static_cast<accumulator_t<T>>(data[at(i)]);
  }

  /// Whether N elements from any multiple of N on are N neighbours, or one that repeats.
  template <std::size_t N>
  bool gives_packets() const {
    return run.divisor() % N == 0 || count.divisor() == 1 ||
           (run.divisor() == 1 && takes_packets<N>(data, plain ? N : count.divisor()));
  }
  /// Those from i on.
  template <std::size_t N>
  LIFT_HD packet<accumulator_t<T>, N> packet_at(std::uint32_t i) const {
    packet<accumulator_t<T>, N> values;
    if (run.divisor() == 1 && count.divisor() != 1) {
      const packet<T, N> stored = *packets<N>(data + at(i));
      for (std::size_t k = 0; k < N; ++k)
        values.of[k] = static_cast<accumulator_t<T>>(stored.of[k]);
    } else {
      const accumulator_t<T> value = (*this)[i];
      for (std::size_t k = 0; k < N; ++k) values.of[k] = value;
    }
    return values;
  }

 private:
  LIFT_HD std::uint32_t at(std::uint32_t i) const {
    return plain ? i : count.remainder(run.quotient(i));
  }
};

namespace kernel {
/// f(in[i]...), with the operands held by value.
template <class F, class... In>
struct call;
template <class F>
struct call<F> {
  F f;
  template <class... Values>
  LIFT_HD auto operator()(std::uint32_t, const Values&... values) const { return f(values...); }

  template <std::size_t N>
  bool gives_packets() const { return true; }
  template <std::size_t N, class T, class... Packets>
  LIFT_HD void write(std::uint32_t, packet<T, N>& out, const Packets&... values) const {
    for (std::size_t k = 0; k < N; ++k) out.of[k] = static_cast<T>(f(values.of[k]...));
  }
};
template <class F, class First, class... Rest>
struct call<F, First, Rest...> {
  divided_operand<First> first;
  call<F, Rest...> rest;
  template <class... Values>
  LIFT_HD auto operator()(std::uint32_t i, const Values&... values) const {
    return rest(i, values..., first[i]);
  }

  template <std::size_t N>
  bool gives_packets() const {
    return first.template gives_packets<N>() && rest.template gives_packets<N>();
  }
  /// Elements i to i + N of the result.
  template <std::size_t N, class T, class... Packets>
  LIFT_HD void write(std::uint32_t i, packet<T, N>& out, const Packets&... values) const {
    rest.template write<N>(i, out, values..., first.template packet_at<N>(i));
  }
};
}  // namespace kernel

namespace detail {
template <class F>
kernel::call<F> make_call(std::size_t, const F& f) { return {f}; }
template <class F, class First, class... Rest>
kernel::call<F, First, Rest...> make_call(std::size_t n, const F& f, const operand<First>& first,
                                          const operand<Rest>&... rest) {
  return {{first, n}, make_call(n, f, rest...)};
}

/// As many elements as the smallest of some types has in 16 bytes.
template <class... T>
inline constexpr std::size_t packet_size = 16 / std::min({sizeof(T)...});
}  // namespace detail

namespace kernel {
/// An element of the verb map.
template <class T, class Call>
struct map {
  T* out;
  Call call;
  LIFT_HD void operator()(std::size_t i) const {
    out[i] = static_cast<T>(call(static_cast<std::uint32_t>(i)));
  }
};
/// N elements of it.
template <class T, std::size_t N, class Call>
struct map_packet {
  packet<T, N>* out;
  Call call;
  LIFT_HD void operator()(std::size_t i) const {
    packet<T, N> values;
    call.template write<N>(static_cast<std::uint32_t>(i * N), values);
    out[i] = values;
  }
};

/// The same as kernel::rearrange, with fewer digits in its divisions.
template <class To, class From>
struct divided_rearrange {
  To* to;
  const From* from;
  image_strides to_strides, from_strides;
  index_divider channels, pixels;

  explicit divided_rearrange(const rearrange<To, From>& f)
      : to(f.to), from(f.from), to_strides(f.to_strides), from_strides(f.from_strides),
        channels(f.channels), pixels(f.pixels) {}

  LIFT_HD void operator()(std::size_t i) const {
    auto image = static_cast<std::uint32_t>(i);
    const std::uint32_t pixel = pixels.split(image), channel = channels.split(image);
    to[to_strides(image, channel, pixel)] =
        static_cast<To>(from[from_strides(image, channel, pixel)]);
  }
};

/// A run of what the verb rearrange_all writes, as rows of columns of images.
template <class To, class From>
struct rearranged_run {
  To* to;
  const From* from;
  std::uint32_t size;
  index_divider columns, rows;
  std::size_t column, row, image;  // strides of what is read

  static rearranged_run of_images(const rearrange<To, From>& f, std::size_t first,
                                  std::size_t images) {
    const bool last = f.to_strides.channel == 1;
    const std::size_t image = f.channels * f.pixels, start = first * image;
    return {f.to + start,
            f.from + start,
            static_cast<std::uint32_t>(images * image),
            index_divider(last ? f.channels : f.pixels),
            index_divider(last ? f.pixels : f.channels),
            last ? f.from_strides.channel : f.from_strides.pixel,
            last ? f.from_strides.pixel : f.from_strides.channel,
            f.from_strides.image};
  }
  /// Elements that lie as they are written.
  static rearranged_run of_elements(const rearrange<To, From>& f, std::size_t first,
                                    std::size_t elements) {
    return {f.to + first, f.from + first, static_cast<std::uint32_t>(elements),
            index_divider(elements), index_divider(1), 1, 0, 0};
  }
};

/// A run of the verb rearrange_all, by one team.
template <class To, class From>
struct rearrange_all {
  const rearranged_run<To, From>* runs;

  template <class Team>
  LIFT_HD void operator()(const Team& team, std::size_t i) const {
    const rearranged_run<To, From> run = runs[i];
    team.map(1, run.size, run.to, [&](std::size_t, std::size_t element, auto) {
      auto n = static_cast<std::uint32_t>(element);
      const std::uint32_t column = run.columns.split(n), row = run.rows.split(n);
      return static_cast<accumulator_t<To>>(
          run.from[run.image * n + run.row * row + run.column * column]);
    });
  }
};

/// An element of the verb copy_rows.
template <class T>
struct copy_rows {
  index_divider width;
  T* to;
  std::size_t to_pitch;
  const T* from;
  std::size_t from_pitch;
  LIFT_HD void operator()(std::size_t i) const {
    auto row = static_cast<std::uint32_t>(i);
    const std::uint32_t column = width.split(row);
    to[row * to_pitch + column] = from[row * from_pitch + column];
  }
};

/// A piece of a row of the verb reduce, by one team: out[k·pieces + piece] = R over the elements
/// j = piece·length, … of row k, where j numbers (outer, inner).
template <class R, class T, class Call>
struct reduce {
  Call call;
  T* out;
  std::size_t keep, row, length;
  index_divider pieces, inner;
  template <class Team>
  LIFT_HD void operator()(const Team& team, std::size_t segment) const {
    auto k = static_cast<std::uint32_t>(segment);
    const std::size_t first = pieces.split(k) * length;
    const std::size_t n = first + length < row ? length : row - first;
    const T result = team.template reduce<R, T>(n, [&](std::size_t j, T) {
      auto o = static_cast<std::uint32_t>(first + j);
      const std::uint32_t i = inner.split(o);
      return T(call(static_cast<std::uint32_t>((o * keep + k) * inner.divisor() + i)));
    });
    team.once([&] { out[segment] = result; });
  }
};
}  // namespace kernel

}  // namespace lift
