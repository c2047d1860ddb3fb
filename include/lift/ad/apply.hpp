// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include <lift/ad/dual.hpp>
#include <lift/ad/tape.hpp>

namespace lift {

namespace detail {
template <class Value>
struct value_traits;  // of the four value types of `apply`
template <>
struct value_traits<shape> {
  static constexpr int level = 0;
  using tensor = void;
};
template <class B, class T>
struct value_traits<lift::tensor<B, T>> {
  static constexpr int level = 1;
  using tensor = lift::tensor<B, T>;
  static const tensor& primal(const tensor& x) { return x; }
};
template <class B, class T>
struct value_traits<dual<B, T>> {
  static constexpr int level = 2;
  using tensor = lift::tensor<B, T>;
  static const tensor& primal(const dual<B, T>& x) { return x.primal; }
};
template <class B, class T>
struct value_traits<variable<B, T>> {
  static constexpr int level = 3;
  using tensor = lift::tensor<B, T>;
  static const tensor& primal(const variable<B, T>& x) { return x.value; }
};

template <class... X>
constexpr int level = std::max({value_traits<X>::level...});
template <class... X>
using tensor_of = typename value_traits<std::tuple_element_t<0, std::tuple<X...>>>::tensor;

template <class Tensor, class X>
Tensor tangent_of(const X& x) {
  if constexpr (value_traits<X>::level == 2)
    return x.tangent;
  else
    return {};
}
}  // namespace detail

/// A value a model can be evaluated on: a shape, a tensor, a dual or a variable.
template <class X>
concept value = requires { detail::value_traits<X>::level; };

inline const shape& shape_of(const shape& s) { return s; }
template <value X>
const shape& shape_of(const X& x) { return x.shape(); }

/// Applies a primitive to its inputs; what comes back depends on what goes in:
/// shapes give the shape of the result, tensors the result, duals the result with its tangents,
/// variables a variable whose gradient rule is on the tape. Tensors among duals or variables are
/// constants.
template <class Op, value... X>
  requires(sizeof...(X) == Op::inputs)
auto apply(const Op& primitive, const X&... x) {
  using Tensor = detail::tensor_of<X...>;
  if constexpr (detail::level<X...> == 0) {
    return primitive.output_shape(x...);
  } else {
    static_assert(op::primitive<Op, Tensor>,
                  "a primitive is to have const members output_shape(shapes...), forward(x...), "
                  "jvp(saved, dx) and vjp(saved, w, wanted), and a static name");
    if constexpr (detail::level<X...> == 1) {
      if constexpr (requires { primitive.value(x...); })
        return primitive.value(x...);
      else
        return primitive.forward(x...).value;
    } else if constexpr (detail::level<X...> == 2) {
      auto primal = primitive.forward(detail::value_traits<X>::primal(x)...);
      const op::tangents<Tensor, Op::inputs> dx{detail::tangent_of<Tensor>(x)...};
      return dual_of<Tensor>{primal.value, primitive.jvp(primal.saved, dx)};
    } else {
      static_assert(((detail::value_traits<X>::level != 2) && ...),
                    "duals and variables do not mix");
      auto primal = primitive.forward(detail::value_traits<X>::primal(x)...);
      tape_of<Tensor>* owner = nullptr;
      op::selection<Op::inputs> wanted{};
      std::array<std::size_t, Op::inputs> index{};
      std::size_t i = 0;
      const auto note = [&](const auto& input) {
        if constexpr (detail::value_traits<std::decay_t<decltype(input)>>::level == 3) {
          owner = input.owner;
          index[i] = input.index;
          wanted[i] = true;
        }
        ++i;
      };
      (note(x), ...);
      return owner->record(primal.value, [primitive, owner, wanted, index,
                                          saved = std::move(primal.saved)](const Tensor& w) {
        const auto g = primitive.vjp(saved, w, wanted);
        for (std::size_t j = 0; j < Op::inputs; ++j)
          if (wanted[j]) owner->add_gradient(index[j], g[j]);
      });
    }
  }
}

}  // namespace lift
