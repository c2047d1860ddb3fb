// SPDX-License-Identifier: MIT
#pragma once

// The weights of the golden networks are not stored: each is a hash of its name.

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <lift/model/network.hpp>

namespace lift::test {

/// FNV-1a, 64 bit.
inline std::uint64_t label_hash(const std::string& label) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : label) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

/// Number i of a label: uniform on [−1, 1), exact in float32.
inline double hashed_uniform(std::uint64_t label, std::uint64_t i) {
  std::uint64_t z = label + (i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<double>(z >> 40) / 8388608.0 - 1.0;
}

/// The first `count` numbers of a label, times a factor in float32.
inline std::vector<float> hashed_numbers(const std::string& label, std::size_t count, double factor) {
  const std::uint64_t h = label_hash(label);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(hashed_uniform(h, i)) * static_cast<float>(factor);
  return values;
}

/// The golden value of a parameter.
template <class T>
std::vector<T> hashed_parameter(const std::string& prefix, const std::string& name,
                                const shape& s) {
  const std::uint64_t h = label_hash(prefix + name);
  std::vector<T> values(s.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto u = static_cast<float>(hashed_uniform(h, i));
    float v = 0.1f * u;
    if (s.rank() >= 2) {
      const bool transposed = name.starts_with("upsample.");
      const double fan_in = transposed ? static_cast<double>(s[0] * s[2] * s[3]) / 4
                                       : static_cast<double>(s.size() / s[0]);
      v = u * static_cast<float>(std::sqrt(3.0 / fan_in));
    } else if (name.ends_with("weight")) {
      v = static_cast<float>(1.0 + static_cast<double>(0.1f * u));  // as two roundings: no fma
    }
    values[i] = static_cast<T>(v);
  }
  return values;
}

/// A network with the golden weights.
template <class Tensor, class Architecture>
network<Architecture, Tensor> hashed_network(const Architecture& architecture,
                                             const std::string& prefix) {
  std::vector<typename parameters<Tensor>::entry> entries;
  for (const auto& d : declared_parameters(architecture))
    entries.push_back(
        {d.name, Tensor(d.shape, hashed_parameter<typename Tensor::value_type>(prefix, d.name,
                                                                               d.shape))});
  return {architecture, parameters<Tensor>(std::move(entries))};
}

}  // namespace lift::test
