// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <lift/core/printable.hpp>

namespace lift {

/// A name found in a file, made fit for a one-line message: in single quotes, its first 80 bytes,
/// printable.
inline std::string quote_name(std::string_view name) { return "'" + printable(name, 80) + "'"; }

}  // namespace lift
