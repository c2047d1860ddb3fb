// SPDX-License-Identifier: MIT
#pragma once

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <lift/nn/parameters.hpp>

#include "hashed.hpp"
#include "tensors.hpp"

namespace lift::test {

/// Each parameter along one direction, by central differences with steps h: gradients are those of
/// loss(parameters) -> double, each within the tolerance times one and its size.
template <class Loss>
void check_gradients(const parameters<tensor_d>& weights, const std::vector<tensor_d>& gradients,
                     const Loss& loss, double h, double tolerance) {
  parameters<tensor_d> at = weights.clone();
  BOOST_REQUIRE_EQUAL(gradients.size(), at.size());
  for (std::size_t i = 0; i < at.size(); ++i) {
    auto& entry = at.entries()[i];
    const auto centre = entry.value.to_host(), gradient = gradients[i].to_host();
    const std::uint64_t label = label_hash("direction " + entry.name);
    double product = 0, difference = 0;
    for (std::size_t k = 0; k < centre.size(); ++k) product += gradient[k] * hashed_uniform(label, k);
    for (const double side : {h, -h}) {
      auto moved = centre;
      for (std::size_t k = 0; k < centre.size(); ++k) moved[k] += side * hashed_uniform(label, k);
      entry.value = tensor_d(entry.value.shape(), moved);
      difference += loss(at) / (2 * side);
    }
    entry.value = tensor_d(entry.value.shape(), centre);
    BOOST_TEST_CONTEXT(entry.name) {
      BOOST_CHECK_SMALL(difference - product, tolerance * (1 + std::abs(product)));
    }
  }
}

}  // namespace lift::test
