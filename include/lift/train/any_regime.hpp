// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <variant>

#include <lift/core/choice.hpp>
#include <lift/train/aligned_regime.hpp>
#include <lift/train/diagonal_regime.hpp>
#include <lift/train/fine_loss_only_regime.hpp>
#include <lift/train/independent_regime.hpp>
#include <lift/train/largest_first_regime.hpp>
#include <lift/train/mixed_regime.hpp>
#include <lift/train/path_regime.hpp>
#include <lift/train/ratio_regime.hpp>

namespace lift {

/// A regime chosen at run time.
struct any_regime {
  std::variant<independent_regime, diagonal_regime, mixed_regime, largest_first_regime,
               fine_loss_only_regime, path_regime, aligned_regime, ratio_regime>
      model;

  /// f(the regime that was chosen).
  template <class F>
  auto visit(const F& f) const {
    return std::visit(f, model);
  }
  template <std::size_t N>
  scales<std::size_t, N> draw(const random_stream& stream, std::uint64_t sample,
                              std::size_t num_timesteps) const {
    return visit(
        [&](const auto& r) { return r.template draw<N>(stream, sample, num_timesteps); });
  }
  template <std::size_t N>
  scales<double, N> loss_weights() const {
    return visit([](const auto& r) { return loss_weights_of<N>(r); });
  }
};

static_assert(regime<any_regime>);

/// The regimes by name; the first is the default.
inline constexpr choice<any_regime> regime_choices[] = {
    {independent_regime::name, [] { return any_regime{independent_regime{}}; }},
    {diagonal_regime::name, [] { return any_regime{diagonal_regime{}}; }},
    {mixed_regime::name, [] { return any_regime{mixed_regime{}}; }},
    {largest_first_regime::name, [] { return any_regime{largest_first_regime{}}; }},
    {fine_loss_only_regime::name, [] { return any_regime{fine_loss_only_regime{}}; }},
    {path_regime::name, [] { return any_regime{path_regime{}}; }},
    {aligned_regime::name, [] { return any_regime{aligned_regime{}}; }},
    {ratio_regime::name, [] { return any_regime{ratio_regime{}}; }},
};

/// Throws lift::error, listing the names, if there is no such regime.
inline any_regime make_regime(std::string_view name) {
  return choose("training regime", regime_choices, name);
}

}  // namespace lift
