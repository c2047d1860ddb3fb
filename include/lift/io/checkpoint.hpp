// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lift/core/digits.hpp>
#include <lift/core/error.hpp>
#include <lift/io/checkpoint_folder.hpp>
#include <lift/io/checksum.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/safetensors.hpp>
#include <lift/io/state_names.hpp>
#include <lift/io/weight_names.hpp>
#include <lift/train/training_state.hpp>

namespace lift {

namespace detail {

/// Covers the metadata but for itself, then names, types, shapes and elements of the tensors in the
/// order of their names.
class content_checksum {
 public:
  explicit content_checksum(const std::map<std::string, std::string>& metadata) {
    for (const auto& [key, value] : metadata)
      if (key != "checksum") sum_.add(key), sum_.add(value);
  }
  void add(const std::string& name, dtype type, const shape& dims,
           std::span<const std::byte> elements) {
    sum_.add(name);
    sum_.add(lift::name(type));
    sum_.add(std::as_bytes(std::span(dims.begin(), dims.end())));
    sum_.add(elements);
  }
  /// 16 hexadecimal digits.
  std::string digits() const { return hexadecimal(sum_.value(), 16); }

 private:
  checksum sum_;
};

inline std::string checksum_of(const safetensors& content) {
  content_checksum sum(content.metadata);
  for (const auto& [name, tensor] : content.tensors)
    sum.add(name, tensor.type, tensor.dims, tensor.data);
  return sum.digits();
}

/// Throws lift::error, naming the tensor and the element, unless all of them are finite.
template <class T>
void require_finite(const std::string& name, std::span<const T> values) {
  const auto bad = std::ranges::find_if_not(values, [](T x) { return std::isfinite(x); });
  if (bad == values.end()) return;
  throw error(text(name, ", element ", bad - values.begin(), ": got ", *bad,
                   ", want a finite number"));
}

/// Writes tensors of one network, all of one type, with what the file says of itself and its
/// checksum; `read(name, bytes)` makes `bytes` the elements of one while the one before is written.
template <class Architecture, class Read>
void write_sealed(output_file file, safetensors_header header, const Architecture& architecture,
                  const Read& read) {
  note_architecture(header.metadata, architecture);
  header.metadata["checksum"] = std::string(16, '0');
  safetensors_writer to(std::move(file), std::move(header));
  content_checksum sum(to.metadata());
  std::vector<std::byte> bytes, others;
  std::future<void> writing;  // others
  for (const auto* each : to.order()) {
    const auto& [name, record] = *each;
    read(name, bytes);
    sum.add(name, record.type, record.dims, bytes);
    if (writing.valid()) writing.get();
    std::swap(bytes, others);
    writing = std::async(std::launch::async, [&] { to.write(others); });
  }
  if (writing.valid()) writing.get();
  to.metadata()["checksum"] = sum.digits();
  to.commit();
}

}  // namespace detail

/// Writes a whole training state to one safetensors file, whole or not at all; throws lift::error
/// if one of the weights or their average is not finite.
///
/// Weights have their own names, as the PyTorch reference gives them; the moving average and the
/// states of the optimiser have the same names after "ema." and, of AdamW, "adamw.m." and
/// "adamw.v.". The metadata hold the architecture with its configuration, the counters, the optimiser
/// unless it is AdamW, a checksum, and `settings`, which are the caller's.
template <network_architecture Architecture, class Tensor>
void save_checkpoint(output_file file, const Architecture& architecture,
                     const training_state<Tensor>& state,
                     std::map<std::string, std::string> settings = {}) {
  using T = typename Tensor::value_type;
  safetensors_header header{{}, std::move(settings)};
  detail::for_each_counter(state, [&](const char* name, std::uint64_t value) {
    header.metadata[name] = std::to_string(value);
  });
  detail::note_optimiser(header.metadata, state.optimiser);
  std::map<std::string, std::pair<Tensor, bool>> tensors;  // with whether they are to be finite
  detail::for_each_part(state, [&](const std::string& prefix, const parameters<Tensor>& part,
                                   bool finite) {
    for (const auto& [name, value] : part.entries()) {
      tensors[prefix + name] = {value, finite};
      header.tensors[prefix + name] = {dtype_of<T>(), value.shape()};
    }
  });
  const std::string failure = text("cannot write ", file.path().string(), ": ");
  detail::write_sealed(
      std::move(file), std::move(header), architecture,
      [&](const std::string& name, std::vector<std::byte>& bytes) {
        const auto& [tensor, finite] = tensors[name];
        bytes.resize(tensor.size() * sizeof(T));
        const std::span values(reinterpret_cast<T*>(bytes.data()), tensor.size());
        tensor.copy_to(values);
        if (finite) detail::require_finite<T>(failure + name, values);
      });
}

/// Writes weights alone to a safetensors file, whole or not at all, in F32, F16 or BF16, rounded to
/// the nearest; throws lift::error naming a tensor that has an element which is not finite then.
///
/// The metadata hold the architecture with its configuration, which weights they are ("weights":
/// "ema" or "raw"), a checksum, and `settings`, which are the caller's.
template <network_architecture Architecture, class Tensor>
void save_weights(output_file file, const Architecture& architecture,
                  const parameters<Tensor>& weights, weight_kind kind, dtype type = dtype::f32,
                  std::map<std::string, std::string> settings = {}) {
  safetensors_header header{{}, std::move(settings)};
  header.metadata["weights"] = kind == weight_kind::average ? "ema" : "raw";
  for (const auto& [name, value] : weights.entries()) header.tensors[name] = {type, value.shape()};
  const std::string failure =
      text("cannot write ", file.path().string(), " in ", lift::name(type), ": ");
  detail::write_sealed(
      std::move(file), std::move(header), architecture,
      [&](const std::string& name, std::vector<std::byte>& bytes) {
        const auto values = weights[name].to_host();
        host_tensor stored =
            host_tensor::from(weights[name].shape(), std::span(values.data(), values.size()))
                .rounded_to(type);
        detail::require_finite<float>(failure + name, stored.as<float>());
        bytes = std::move(stored.data);
      });
}

/// A file of weights in host memory: a checkpoint, or weights alone, such as those converted by
/// name from the PyTorch reference.
class checkpoint {
 public:
  /// Reads the file; throws lift::error naming it, and what it holds instead, when it is damaged or
  /// holds no network of the library's architectures or the given ones.
  explicit checkpoint(const std::filesystem::path& file,
                      std::span<const network_kind> kinds = network_kinds)
      : content_(read_safetensors(file)), readings_(find_weights(content_, kinds)),
        optimiser_(detail::optimiser_of(content_.metadata)) {
    const auto& tensors = content_.tensors;
    if (readings_.empty())
      throw error(
          text(content_.source, ": holds no weights of a LIFT network; it has ",
               tensors.empty() ? "no tensors" : listed(tensors.begin()->first, tensors.size())));
    main_ = *std::ranges::min_element(readings_, {}, [](const weight_reading& r) {
      return std::pair(!r.whole(), r.missing);
    });
    if (main_.network) check_integrity();
    if (!main_.whole()) throw error(fault_of(main_, content_));
    for (const weight_reading& r : readings_)
      if (r.whole() && (r.network->architecture != architecture() || r.network->config != config()))
        throw error(text(content_.source, ": holds two networks, ", described(main_), " and ",
                         described(r)));
    const auto kind = content_.metadata.find("weights");
    if (kind != content_.metadata.end() && kind->second == "ema" && readings_.size() == 1)
      readings_[0].kind = weight_kind::average;
    remark_on_names();
  }

  /// Name of the architecture and the fields of its configuration, as the metadata tell them, or
  /// else the tensors' names and shapes.
  const std::string& architecture() const { return main_.network->architecture; }
  const metadata_map& config() const { return main_.network->config; }

  /// The name of the file, as messages have it.
  const std::string& source() const { return content_.source; }

  /// The settings it was saved with, among the counters of the training.
  const std::map<std::string, std::string>& metadata() const { return content_.metadata; }

  /// A number of all that the file holds, so that another is not taken for it.
  const std::string& fingerprint() const { return fingerprint_; }

  /// Whether it holds a training state, not weights alone.
  bool resumable() const { return resumable_; }

  /// A counter of the metadata, such as "step"; throws lift::error unless it is a whole number.
  std::uint64_t counter(const std::string& name) const {
    const auto found = content_.metadata.find(name);
    const std::string digits = found == content_.metadata.end() ? "" : found->second;
    std::uint64_t value = 0;
    const char* last = digits.data() + digits.size();
    const auto [end, problem] = std::from_chars(digits.data(), last, value);
    require(problem == std::errc() && end == last,
            text(content_.source, ": metadata ", quote_name(name)), quote_name(digits),
            "a whole number");
    return value;
  }

  /// Which weights it holds.
  bool has_raw() const { return has(weight_kind::trained); }
  bool has_average() const { return has(weight_kind::average); }
  /// The average where there is one.
  weight_kind default_kind() const {
    return has_average() ? weight_kind::average : weight_kind::trained;
  }

  /// What a user should know of how the file was read: a sentence each.
  const std::vector<std::string>& remarks() const { return remarks_; }

  /// The weights of that kind; throws lift::error, saying what there is, where the file has none or
  /// more than one, where one of them is not finite, and where they are of another architecture.
  template <class Tensor, class Architecture>
  parameters<Tensor> weights(const Architecture& architecture, weight_kind kind) const {
    require_fit(architecture);
    return part<Tensor>(reading(kind).prefix);
  }
  /// The average where there is one, or else the weights themselves.
  template <class Tensor, class Architecture>
  parameters<Tensor> weights(const Architecture& architecture) const {
    return weights<Tensor>(architecture, default_kind());
  }

  /// The optimiser whose state it holds, if it holds one.
  const optimiser_names& optimiser() const { return optimiser_; }

  /// The training state, whichever the optimiser; throws lift::error unless the file holds one that
  /// fits the architecture.
  template <class Tensor, class Architecture>
  training_state<Tensor> state(const Architecture& architecture) const {
    if (!resumable())
      throw error(content_.source + ": holds weights alone, so training cannot be resumed from it");
    require_fit(architecture);
    training_state<Tensor> result;
    detail::for_each_counter(result, [&](const char* name, std::uint64_t& value) {
      value = counter(name);
    });
    result.optimiser = optimiser_;
    result.optimiser_state.resize(optimiser_.states.size());
    detail::for_each_part(
        result, [&](const std::string& prefix, parameters<Tensor>& into, bool finite) {
          into = part<Tensor>(prefix, finite);
        });
    return result;
  }

 private:
  static std::string listed(const std::string& first, std::size_t count) {
    return text("tensor ", quote_name(first), count > 1 ? text(" and ", count - 1, " more") : "");
  }

  /// A field's name in a message.
  static std::string spoken(std::string name) {
    std::ranges::replace(name, '_', ' ');
    return name;
  }

  static std::string described(const weight_reading& r) {
    const auto& [architecture, config, declared] = *r.network;
    std::string fields;
    for (const auto& [name, value] : config)
      if (value.starts_with('[')) fields += text(" with ", spoken(name), " ", value);
    return text(architecture, fields, " named ", quote_name(r.prefix + declared.front().name),
                " and so on");
  }

  /// Whether the file is a training state, and whether it is as it was written. The checksum is
  /// that of the whole file, so a checkpoint from which whole parts were taken is weights alone.
  void check_integrity() {
    fingerprint_ = detail::checksum_of(content_);
    std::size_t whole = 0, absent = 0;
    const std::vector<std::string> prefixes = detail::part_prefixes(optimiser_);
    for (const std::string& prefix : prefixes) {
      const auto found = static_cast<std::size_t>(std::ranges::count_if(
          main_.network->declared,
          [&](const parameter_declaration& d) { return content_.contains(prefix + d.name); }));
      whole += found == main_.network->declared.size();
      absent += found == 0;
    }
    const bool counted = content_.metadata.contains("cursor");
    resumable_ = counted && whole == prefixes.size();
    const bool taken_apart = counted && absent > 0 && whole + absent == prefixes.size();
    const auto stored = content_.metadata.find("checksum");
    if (stored == content_.metadata.end()) {
      if (resumable_) throw error(content_.source + ": a checkpoint without its checksum");
      return;
    }
    if (fingerprint_ == stored->second) return;
    require(taken_apart, content_.source + ": damaged: checksum", fingerprint_, stored->second);
    remarks_.push_back(content_.source +
                       ": parts of a checkpoint, not covered by the checksum of the whole");
  }

  /// Says which names were read as what, and how many were passed over.
  void remark_on_names() {
    std::set<std::string> known;
    for (const weight_reading& r : readings_) {
      if (r.whole() && r.prefix != "" && r.prefix != "ema.")
        remarks_.push_back(text(content_.source, ": tensors named ", quote_name(r.prefix + "…"),
                                " are read as the ", kind_name(r.kind)));
      for (const auto& declared : r.network->declared)
        if (r.whole()) known.insert(r.prefix + declared.name);
    }
    if (resumable_)
      for (const auto& declared : main_.network->declared)
        for (const std::string& prefix : detail::part_prefixes(optimiser_))
          known.insert(prefix + declared.name);
    std::size_t others = 0;
    std::string first;
    for (const auto& [name, tensor] : content_.tensors)
      if (!known.contains(name) && others++ == 0) first = name;
    if (others > 0)
      remarks_.push_back(text(content_.source, ": ignored ", listed(first, others),
                              ", no weights of this network"));
  }

  static const char* kind_name(weight_kind kind) {
    return kind == weight_kind::average ? "average" : "raw weights";
  }

  bool has(weight_kind kind) const {
    return std::ranges::count(readings_, kind, &weight_reading::kind) > 0;
  }

  /// The one way to read weights of that kind.
  const weight_reading& reading(weight_kind kind) const {
    const weight_reading* found = nullptr;
    for (const weight_reading& r : readings_) {
      if (r.kind != kind || (found && !r.whole())) continue;
      if (found && found->whole())
        throw error(text(content_.source, ": two sets of tensors could be the ", kind_name(kind),
                         ": those named ", quote_name(found->prefix + "…"), " and ",
                         quote_name(r.prefix + "…")));
      found = &r;
    }
    if (!found) {
      const bool average = kind == weight_kind::average;
      throw error(text(content_.source, ": holds no ", kind_name(kind), ", only the ",
                       kind_name(average ? weight_kind::trained : weight_kind::average)));
    }
    if (!found->whole()) throw error(fault_of(*found, content_));
    return *found;
  }

  template <class Architecture>
  void require_fit(const Architecture& wanted) const {
    require(architecture() == Architecture::name, "architecture of " + content_.source,
            architecture(), Architecture::name);
    for (const auto& [field, want] : config_texts(wanted.config))
      require(config().at(field) == want, text(spoken(field), " of ", content_.source),
              config().at(field), want);
  }

  template <class Tensor>
  parameters<Tensor> part(const std::string& prefix, bool finite = true) const {
    using T = typename Tensor::value_type;
    std::vector<typename parameters<Tensor>::entry> entries;
    for (const auto& [name, shape, start] : main_.network->declared) {
      const host_tensor& stored = content_.at(prefix + name);
      const std::string what = text(quote_name(prefix + name), " in ", content_.source);
      require(stored.dims == shape, "shape of " + what, stored.dims, shape);
      const auto values = stored.as<T>();
      if (finite) detail::require_finite<T>(what, values);
      entries.push_back({name, Tensor(shape, values)});
    }
    return parameters<Tensor>(std::move(entries));
  }

  safetensors content_;
  std::vector<weight_reading> readings_;
  weight_reading main_;  // the best of them
  optimiser_names optimiser_;
  std::string fingerprint_;
  bool resumable_ = false;
  std::vector<std::string> remarks_;
};

}  // namespace lift
