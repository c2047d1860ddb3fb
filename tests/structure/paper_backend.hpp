// SPDX-License-Identifier: MIT
#pragma once

// A backend that is declared and never defined: whatever is generic over backends compiles with it in a
// moment, to see what compilers say.

#include <cstddef>
#include <span>

#include <lift/backend/backend.hpp>
#include <lift/tensor/tensor.hpp>

struct paper_backend {
  static constexpr const char* name = "paper";
  using index = std::size_t;

  template <class T>
  struct buffer {
    explicit buffer(index);
    T* data();
    const T* data() const;
    index size() const;
  };
  template <class T>
  static void copy_in(T*, std::span<const T>);
  template <class T>
  static void copy_out(std::span<T>, const T*);
  template <class T>
  static void copy_rows(index, index, T*, index, const T*, index);
  template <class T, class F, class... In>
  static void map(index, T*, const F&, const In&...);
  template <class R, class T, class F, class... In>
  static void reduce(R, index, index, index, T*, const F&, const In&...);
  template <class F>
  static void for_each(index, const F&, index = 1);
  template <class F>
  static void for_each_team(index, const F&, index = 1);
  template <class T>
  static void gemm(index, index, index, index, T, lift::matrices<const T>, lift::matrices<const T>, T,
                   lift::matrices<T>);
  template <class T>
  static void convolve(const lift::convolution_geometry&, const T*, const T*,
                       const lift::convolution_epilogue<T>&, T*);
  template <class T>
  static void convolve_transpose(const lift::convolution_geometry&, const T*, const T*, const T*, T*);
  template <class T>
  static void convolve_weight(const lift::convolution_geometry&, const T*, const T*, T*);
};

using image_tensor = lift::tensor<paper_backend, float>;
