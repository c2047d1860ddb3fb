// SPDX-License-Identifier: MIT
#pragma once

#include <lift/train/independent_regime.hpp>

namespace lift {

/// Timesteps as in the independent regime, but only the fine loss counts (the reference's
/// ablation 1): the coarser outputs are never trained.
struct fine_loss_only_regime : independent_regime {
  static constexpr const char* name = "fine-loss-only";

  template <std::size_t N>
  scales<double, N> loss_weights() const {
    return {1};  // and 0 of the others
  }
};

static_assert(regime<fine_loss_only_regime>);

}  // namespace lift
