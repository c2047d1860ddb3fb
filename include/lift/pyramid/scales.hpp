// SPDX-License-Identifier: MIT
#pragma once

#include <lift/ad/apply.hpp>
#include <lift/op/downsample.hpp>
#include <lift/op/upsample.hpp>

namespace lift {

/// One thing for each of the two scales of an image: the fine and the coarse.
template <class Fine, class Coarse = Fine>
struct scales {
  Fine fine;
  Coarse coarse;
};

template <class Fine, class Coarse>
scales(Fine, Coarse) -> scales<Fine, Coarse>;

/// The coarse image of a fine one, (B, C, H, W) → (B, C, H/2, W/2): means of 2×2 pixels.
template <value X>
auto coarsen(const X& fine) { return apply(op::downsample{}, fine); }

/// A coarse image at the fine size, (B, C, H, W) → (B, C, 2H, 2W): bilinear interpolation with
/// half-pixel centres.
template <value X>
auto refine(const X& coarse) { return apply(op::upsample{}, coarse); }

}  // namespace lift
