// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <lift/core/error.hpp>
#include <lift/core/printable.hpp>

namespace lift {

/// One row of a run-time choice: a name, and a function that makes what it names.
template <class Value, class... Arguments>
struct choice {
  const char* name;
  Value (*make)(Arguments...);
};

/// The names of a table of choices: "cosine, linear".
template <class Choice, std::size_t Size>
std::string names(const Choice (&table)[Size]) {
  std::string result;
  for (const Choice& row : table) result += (result.empty() ? "" : ", ") + std::string(row.name);
  return result;
}

/// Makes what the table calls `name`; throws lift::error listing the names if there is no such row.
template <class Value, class... Arguments, std::size_t Size, class... Given>
Value choose(const char* what, const choice<Value, Arguments...> (&table)[Size],
             std::string_view name, Given&&... arguments) {
  for (const auto& row : table)
    if (name == row.name) return row.make(std::forward<Given>(arguments)...);
  throw error(text("unknown ", what, ": got \"", printable(name, 80), "\", want one of ", names(table)));
}

}  // namespace lift
