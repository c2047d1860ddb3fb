// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <lift/core/error.hpp>

/// Checks that `action()` throws a lift::error of one line that holds `want`.
template <class Action>
void check_error(Action&& action, std::string_view want) {
  try {
    action();
    BOOST_ERROR("no error, want one with \"" << want << '"');
  } catch (const lift::error& caught) {
    const std::string_view what = caught.what();
    BOOST_CHECK_MESSAGE(what.find(want) != what.npos, '"' << what << "\" lacks \"" << want << '"');
    BOOST_CHECK_MESSAGE(what.find('\n') == what.npos, '"' << what << "\" has more than one line");
  }
}

/// Whether `read()` throws a lift::error, which must be one line; anything else it throws fails the
/// test.
template <class Read>
bool refuses(Read&& read) {
  try {
    read();
    return false;
  } catch (const lift::error& caught) {
    BOOST_REQUIRE(std::string_view(caught.what()).find('\n') == std::string_view::npos);
    return true;
  }
}

/// How many of the beginnings of `bytes` are refused by `read`.
template <class Read>
std::size_t count_refused_truncations(std::span<const std::byte> bytes, Read&& read) {
  std::size_t refused = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    refused += refuses([&] { read(bytes.first(size)); });
  }
  return refused;
}

/// How many of the versions of `bytes` that differ in one byte, by `flip`, are refused by `read`.
template <class Read>
std::size_t count_refused_changes(std::vector<std::byte> bytes, Read&& read,
                                  std::byte flip = std::byte{0xff}) {
  std::size_t refused = 0;
  for (std::byte& byte : bytes) {
    byte ^= flip;
    refused += refuses([&] { read(std::span<const std::byte>(bytes)); });
    byte ^= flip;
  }
  return refused;
}
