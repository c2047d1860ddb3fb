// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lift/ad/tape.hpp>
#include <lift/tensor/noise.hpp>

namespace lift {

/// How a parameter starts: uniform on (−bound, bound), or `centre` where the bound is 0.
struct initialiser {
  double centre = 0;
  double bound = 0;
};

/// A parameter as a model asks for it: name, shape and initial distribution.
struct parameter_declaration {
  std::string name;
  lift::shape shape;
  initialiser start;
};

/// FNV-1a of a name, 48 bits: the sample of the initialisation stream that a parameter draws.
constexpr std::uint64_t name_hash(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h & 0xffffffffffffu;
}

/// Parameter source for shapes: running a model's text on shapes with it lists the parameters.
class parameter_list {
 public:
  shape get(const std::string& name, const shape& s, const initialiser& start) {
    entries_.push_back({name, s, start});
    return s;
  }
  const std::vector<parameter_declaration>& entries() const { return entries_; }

 private:
  std::vector<parameter_declaration> entries_;
};

/// The parameters of a network: tensors with names, in a fixed order.
template <class Tensor>
class parameters {
 public:
  struct entry {
    std::string name;
    Tensor value;
  };

  parameters() = default;
  explicit parameters(std::vector<entry> entries) : entries_(std::move(entries)) {
    for (std::size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].name] = i;
  }

  /// Random initial values: a function of seed and name, the same on every backend.
  parameters(const std::vector<parameter_declaration>& declarations, std::uint64_t seed) {
    const random_stream stream{.seed = seed, .use = purpose::initialisation};
    for (const auto& [name, shape, start] : declarations) {
      using T = typename Tensor::value_type;
      index_[name] = entries_.size();
      entries_.push_back(
          {name, start.bound > 0
                     ? uniform_noise<Tensor>(shape, stream, name_hash(name), start.bound)
                     : full<Tensor>(shape, static_cast<T>(start.centre))});
    }
  }

  const std::vector<entry>& entries() const { return entries_; }
  std::vector<entry>& entries() { return entries_; }
  std::size_t size() const { return entries_.size(); }

  /// Number of scalars in all parameters.
  std::size_t scalar_count() const {
    std::size_t n = 0;
    for (const entry& e : entries_) n += e.value.size();
    return n;
  }

  bool contains(const std::string& name) const { return index_.contains(name); }
  const Tensor& operator[](const std::string& name) const { return entries_[position(name)].value; }
  std::size_t position(const std::string& name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) throw error(text("the weights have no tensor '", name, "'"));
    return found->second;
  }

  /// Parameter source for tensors; throws when the stored shape is not the one the model wants.
  const Tensor& get(const std::string& name, const shape& s, const initialiser&) const {
    const Tensor& value = (*this)[name];
    require(value.shape() == s, text("shape of weight '", name, "'"), value.shape(), s);
    return value;
  }

  /// A copy with its own elements.
  parameters clone() const {
    parameters copy = *this;
    for (entry& e : copy.entries_) e.value = e.value.clone();
    return copy;
  }

 private:
  std::vector<entry> entries_;
  std::map<std::string, std::size_t> index_;
};

/// Parameter source for variables: every parameter becomes a leaf of a tape, once.
template <class Tensor>
class taped_parameters {
 public:
  taped_parameters(const parameters<Tensor>& weights, tape_of<Tensor>& tape)
      : weights_(weights), tape_(tape), leaves_(weights.size()) {}

  variable_of<Tensor> get(const std::string& name, const shape& s, const initialiser& start) {
    const std::size_t position = weights_.position(name);
    auto& leaf = leaves_[position];
    if (!leaf.owner) {
      leaf = tape_.watch(weights_.get(name, s, start));
      positions_[leaf.index] = position;
    }
    return leaf;
  }

  /// The position of the parameter that is the leaf of that index.
  std::size_t position(std::size_t leaf) const { return positions_.at(leaf); }
  /// The gradient of a parameter in a backward pass; an empty tensor where the loss does not depend
  /// on it.
  Tensor gradient(std::size_t position) const {
    const auto& leaf = leaves_[position];
    return leaf.owner ? tape_.gradient(leaf) : Tensor{};
  }
  /// All of them, in the order of the parameters.
  std::vector<Tensor> gradients() const {
    std::vector<Tensor> result;
    for (std::size_t i = 0; i < leaves_.size(); ++i) result.push_back(gradient(i));
    return result;
  }

 private:
  const parameters<Tensor>& weights_;
  tape_of<Tensor>& tape_;
  std::vector<variable_of<Tensor>> leaves_;
  std::map<std::size_t, std::size_t> positions_;  // of leaves
};

/// A place in the tree of parameter names: scope / "conv1" is below it, and
/// scope("weight", shape, start) asks the source for the parameter "….conv1.weight".
template <class Source>
class scope {
 public:
  explicit scope(Source& source, std::string prefix = {})
      : source_(&source), prefix_(std::move(prefix)) {}

  scope operator/(const std::string& name) const { return scope(*source_, prefix_ + name + "."); }
  scope operator/(std::size_t index) const { return *this / std::to_string(index); }

  auto operator()(const char* name, const shape& s, const initialiser& start) const {
    return source_->get(prefix_ + name, s, start);
  }

 private:
  Source* source_;
  std::string prefix_;
};

}  // namespace lift
