// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include <lift/core/choice.hpp>
#include <lift/train/adamw.hpp>
#include <lift/train/optimiser.hpp>
#include <lift/train/sgd.hpp>

namespace lift {

/// An optimiser chosen at run time.
struct any_optimiser {
  std::variant<adamw, sgd> model;

  explicit operator optimiser_names() const {
    return std::visit([](const auto& o) { return optimiser_names(o); }, model);
  }
  /// Those of the one that was chosen, and zeros.
  template <class T>
  std::array<T, 3> coefficients_at(double rate, std::uint64_t step) const {
    return std::visit(
        [&](const auto& o) {
          const auto coefficients = o.template coefficients_at<T>(rate, step);
          std::array<T, 3> result{};
          static_assert(coefficients.size() <= result.size());
          std::ranges::copy(coefficients, result.begin());
          return result;
        },
        model);
  }
  template <class Tensor>
  void update(parameters<Tensor>& p, std::vector<parameters<Tensor>>& state,
              const std::vector<Tensor>& gradients, const Tensor& scale,
              const Tensor& coefficients) const {
    std::visit([&](const auto& o) { o.update(p, state, gradients, scale, coefficients); }, model);
  }
};

/// The optimisers by name; the first is the default.
inline constexpr choice<any_optimiser> optimiser_choices[] = {
    {adamw::name, [] { return any_optimiser{adamw{}}; }},
    {sgd::name, [] { return any_optimiser{sgd{}}; }},
};

/// Throws lift::error, listing the names, if there is no such optimiser.
inline any_optimiser make_optimiser(std::string_view name) {
  return choose("optimiser", optimiser_choices, name);
}

}  // namespace lift
