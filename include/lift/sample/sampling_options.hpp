// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <lift/core/scales.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/sample/clipping.hpp>
#include <lift/sample/ddim.hpp>

namespace lift {

/// Where the step after the last evaluation goes.
enum class landing {
  clean,         ///< to ᾱ = 1: the sample is the last x̂₀
  timestep_zero  ///< to ᾱ[0], as the reference: a little noise is left in the sample
};

/// How to sample; where to start is the path's to say.
template <class Solver = ddim, class Pyramid = copies>
struct sampling_options {
  Solver solver = {};
  clipping clip = clipping::fixed;
  lift::landing landing = lift::landing::clean;
  std::uint64_t seed = 42;
  std::uint64_t first_sample = 0;  ///< number of the batch's first image among all to be made
  Pyramid pyramid = {};            ///< that makes the scales

  static sampling_options reference() { return {.landing = lift::landing::timestep_zero}; }
};

/// What a run shows after each step: the samples there and the x̂₀ they were made from.
template <class Tensor, std::size_t N = 2>
struct sampling_step {
  std::size_t index, count;  ///< this step, from 0, and how many there are
  scales<Tensor, N> x, denoised;
};

/// For runs nobody watches.
struct ignore_step {
  template <class Step>
  void operator()(const Step&) const {}
};

}  // namespace lift
