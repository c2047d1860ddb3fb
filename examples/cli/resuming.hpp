// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <new>
#include <span>
#include <sstream>  // for JSON in messages
#include <string>
#include <vector>

#include <lift/core/digits.hpp>
#include <lift/io/checksum.hpp>

#include "interruption.hpp"
#include "report.hpp"

namespace lift::cli {

/// Throws lift::error, naming the setting and both values, unless a run that is to go on has the
/// settings that it began with, as `record` says.
inline void require_same_settings(const nlohmann::json& began, json now, const path& record) {
  for (const auto& [name, value] : began.items())
    if (!now.contains(name)) now[name] = nullptr;
  for (const auto& [name, value] : now.items()) {
    const nlohmann::json got = value, want = began.value(name, nlohmann::json());
    require(got == want, text("setting '", name, "' of a resumed run"), got,
            text(want, " as in ", record.string()));
  }
}

/// A number of the values themselves, so that a run cannot go on with others unnoticed.
inline std::string fingerprint(const std::vector<float>& values) {
  checksum sum;
  sum.add(std::as_bytes(std::span(values)));
  return hexadecimal(sum.value());
}

/// Calls work(); a failure or a signal that ends it is passed on with what `standing()` says added
/// to its message: what is finished, and how to go on.
template <class Work, class Standing>
void explaining_failure(const Work& work, const Standing& standing) {
  try {
    work();
  } catch (const interrupted& signal) {
    throw interrupted(signal.number(), standing());
  } catch (const std::bad_alloc&) {
    throw error("out of memory" + standing());
  } catch (const std::exception& failure) {
    throw error(failure.what() + standing());
  }
}

}  // namespace lift::cli
