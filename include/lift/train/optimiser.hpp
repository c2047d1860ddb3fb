// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lift/nn/parameters.hpp>

namespace lift {

/// What an optimiser is called, and what it remembers of each parameter, as `name` and `states`.
struct optimiser_names {
  std::string optimiser;
  std::vector<std::string> states;

  optimiser_names() = default;
  optimiser_names(std::string name, std::vector<std::string> of_states)
      : optimiser(std::move(name)), states(std::move(of_states)) {}
  template <class O>
    requires requires(const O& o) { o.name, std::span<const char* const>(o.states); }
  explicit optimiser_names(const O& o) : optimiser(o.name) {
    for (const char* state : std::span<const char* const>(o.states)) states.emplace_back(state);
  }

  /// What stands before the names of parameters where files keep state number i: "adamw.m.", say.
  std::string prefix(std::size_t i) const { return optimiser + "." + states[i] + "."; }
  friend bool operator==(const optimiser_names&, const optimiser_names&) = default;
  /// "adamw (m, v)"
  friend std::string to_text(const optimiser_names& names) {
    std::string result = names.optimiser + " (";
    for (const auto& state : names.states) result += (&state == &names.states[0] ? "" : ", ") + state;
    return result + ")";
  }
};

/// An optimiser moves weights against scale·gradients, in place, by what it remembers of them in
/// tensors like the weights, one for each of its `states`, at first zero, and by what step 1, 2, …
/// does not share with the others, `coefficients`; it changes nothing where `scale` is not finite.
template <class O, class Tensor>
concept optimiser = requires(const O& o, parameters<Tensor>& weights,
                             std::vector<parameters<Tensor>>& state, const std::vector<Tensor>& g,
                             const Tensor& scale, const Tensor& coefficients, std::uint64_t step) {
  optimiser_names(o);
  std::span<const typename Tensor::value_type>(
      o.template coefficients_at<typename Tensor::value_type>(0.1, step));
  o.update(weights, state, g, scale, coefficients);
};

/// True of an optimiser; of anything else it does not compile, and says what is wanted.
template <class O, class Tensor>
constexpr bool is_optimiser() {
  constexpr bool holds = optimiser<O, Tensor>;
  static_assert(holds,
                "an optimiser is to have static members name and states, an array of names, and "
                "const member templates coefficients_at<T>(double rate, std::uint64_t step) -> an "
                "array of T and update(weights, state, gradients, scale, coefficients)");
  return holds;
}

}  // namespace lift
