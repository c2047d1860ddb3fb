// SPDX-License-Identifier: MIT
#pragma once

#include <lift/train/independent_regime.hpp>

namespace lift {

/// Timesteps as in the independent regime, but only the fine loss counts (the reference's
/// ablation 1): the coarse output is never trained.
struct fine_loss_only_regime : independent_regime {
  static constexpr const char* name = "fine-loss-only";

  scales<double> loss_weights() const { return {1, 0}; }
};

static_assert(regime<fine_loss_only_regime>);

}  // namespace lift
