// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <lift/nn/condition.hpp>
#include <lift/nn/layers.hpp>
#include <lift/op/add.hpp>

namespace lift {

namespace kernel {
/// Writes number i of rows of `classes` numbers: 1 at the label of the row, else 0.
template <class T>
struct one_hot {
  using number = accumulator_t<T>;
  const number* labels;
  std::size_t count;  // of labels: one for every row, or 1
  T* out;
  std::size_t classes;
  LIFT_HD void operator()(std::size_t i) const {
    out[i] = static_cast<T>(
        number(labels[count == 1 ? 0 : i / classes] == static_cast<number>(i % classes)));
  }
};
}  // namespace kernel

namespace nn {

/// Labels as a tensor; throws lift::error for one of no class, and for any where there are none.
template <class Tensor>
Tensor labels_on_backend(const class_labels& labels, std::size_t classes) {
  require(classes > 0, "labels of a network without classes", labels.size(), "none");
  std::vector<typename Tensor::value_type> values;
  for (const std::int64_t label : labels) {
    require(label == no_label || (label >= 0 && static_cast<std::uint64_t>(label) < classes),
            "class of an image", label, text("0 to ", classes - 1, ", or ", no_label, " for none"));
    values.push_back(static_cast<typename Tensor::value_type>(label));
  }
  return Tensor(shape{values.size()}, values);
}
template <class Tensor>
Tensor labels_on_backend(const Tensor& labels, std::size_t) {
  return labels;
}

/// The labels of a batch like that of x as rows with a 1 at the label, all 0 where there is none: a
/// shape when x is one, otherwise a tensor (B, classes).
template <class X, class Labels>
auto one_hot(const X& x, const Labels& labels, std::size_t classes) {
  const shape s{shape_of(x)[0], classes};
  if constexpr (std::is_same_v<X, shape>) {
    return s;
  } else {
    using Tensor = lift::detail::tensor_of<X>;
    using T = typename Tensor::value_type;
    const auto numbers = labels_on_backend<typename Tensor::accumulators>(labels, classes);
    require(numbers.size() == 1 || numbers.size() == s[0], "number of labels", numbers.size(),
            text("1 or ", s[0]));
    Tensor rows(s);
    Tensor::backend_type::for_each(
        s.size(), kernel::one_hot<T>{numbers.data(), numbers.size(), rows.mutable_data(), classes});
    return rows;
  }
}

/// An embedding (B, D), and one of the class of each image of x added to it, where there are
/// classes: a linear map of the one-hot label without bias, as Karras et al. (2022) do, so that an
/// image without label adds nothing. Throws lift::error for labels where there are no classes.
template <class Scope, class X, class Embedding, class Labels>
auto add_label_embedding(const Scope& p, const X& x, const Embedding& embedding,
                         const condition<Labels>& given, std::size_t classes) {
  require(classes > 0 || given.empty(), "labels of a network without classes", given.labels.size(),
          "none");
  if (given.empty()) return embedding;
  const std::size_t width = shape_of(embedding)[1];
  const auto labels = one_hot(x, given.labels, classes);
  const initialiser start{.bound = 1 / std::sqrt(static_cast<double>(classes))};
  const auto weight = p("weight", {width, classes}, start);
  const auto no_bias = [&] {
    if constexpr (std::is_same_v<X, shape>)
      return shape{width};
    else
      return zeros<lift::detail::tensor_of<X>>({width});
  }();
  return apply(op::add{}, embedding, apply(op::linear{}, labels, weight, no_bias));
}

}  // namespace nn
}  // namespace lift
