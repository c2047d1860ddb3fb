// SPDX-License-Identifier: MIT
#pragma once

namespace lift {

/// Which side to take where the PyTorch reference has a quirk: the sound choice, or the quirk.
enum class preset { sound, reference };

}  // namespace lift
