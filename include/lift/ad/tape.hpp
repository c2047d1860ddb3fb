// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <lift/backend/backend.hpp>
#include <lift/op/primitive.hpp>

namespace lift {

template <backend Backend, class T>
class tape;

/// A value that a tape follows (reverse mode): a handle to its tensor and its position on the tape.
template <backend Backend, class T>
struct variable {
  tensor<Backend, T> value;
  tape<Backend, T>* owner = nullptr;
  std::size_t index = 0;

  const lift::shape& shape() const { return value.shape(); }
};

/// The record of a computation, for one backward pass.
///
/// Leaves are made by `watch`; `apply` on variables records a node for every primitive, which
/// keeps what the primitive's rules need and nothing else. `backward` walks the record in reverse
/// and frees each node's share as it goes.
template <backend Backend, class T>
class tape {
 public:
  using tensor_type = tensor<Backend, T>;
  using variable_type = variable<Backend, T>;

  tape() = default;
  tape(const tape&) = delete;
  tape& operator=(const tape&) = delete;

  /// A leaf: a variable whose gradient will be asked for.
  variable_type watch(const tensor_type& value) { return record(value, {}); }

  /// Adds a node; `rule` passes the gradient of its value on to its inputs by `add_gradient`.
  variable_type record(const tensor_type& value, std::function<void(const tensor_type&)> rule) {
    nodes_.push_back({std::move(rule), {}});
    return {value, this, nodes_.size() - 1};
  }

  void add_gradient(std::size_t index, const tensor_type& g) {
    op::accumulate(nodes_[index].gradient, g);
  }

  /// Propagates `seeds`, the gradients of some scalar with respect to outputs; afterwards
  /// `gradient` answers for every leaf, and from when on_leaf(index of the leaf) is called for that
  /// one, while the pass goes on. A tape runs backward once.
  void backward(std::span<const variable_type> outputs, std::span<const tensor_type> seeds,
                const std::function<void(std::size_t)>& on_leaf = {}) {
    require(outputs.size() == seeds.size(), "tape: number of seeds", seeds.size(), outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      require(outputs[i].shape() == seeds[i].shape(), "tape: shape of the seed", seeds[i].shape(),
              outputs[i].shape());
      add_gradient(outputs[i].index, seeds[i]);
    }
    for (std::size_t i = nodes_.size(); i-- > 0;) {
      node& n = nodes_[i];
      if (!n.rule) {
        if (on_leaf) on_leaf(i);  // what it is used in was recorded later
        continue;
      }
      if (!n.gradient.empty()) n.rule(n.gradient);
      n = {};
    }
  }

  /// The same from one output.
  void backward(const variable_type& output, const tensor_type& seed) {
    backward(std::span(&output, 1), std::span(&seed, 1));
  }

  /// The gradient of a leaf; empty when the output does not depend on it.
  const tensor_type& gradient(const variable_type& leaf) const {
    return nodes_[leaf.index].gradient;
  }

 private:
  struct node {
    std::function<void(const tensor_type&)> rule;
    tensor_type gradient;
  };
  std::vector<node> nodes_;
};

template <class Tensor>
using tape_of = tape<typename Tensor::backend_type, typename Tensor::value_type>;
template <class Tensor>
using variable_of = variable<typename Tensor::backend_type, typename Tensor::value_type>;

}  // namespace lift
