// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE declared_parameters
#include <boost/test/unit_test.hpp>

#include <map>

#include <lift/model/network.hpp>

#include "message_of.hpp"
#include "tensors.hpp"

using namespace lift;
using namespace lift::test;

BOOST_AUTO_TEST_CASE(names_and_shapes_are_the_references) {
  const auto golden = golden_json("parameters.json");
  const auto check = [&](const auto& architecture, const std::string& key) {
    const auto& want = golden.at(key);
    const auto declared = declared_parameters(architecture);
    std::size_t scalars = 0;
    for (const auto& d : declared) {
      BOOST_TEST_CONTEXT(key << ' ' << d.name) {
        BOOST_REQUIRE(want.at("tensors").contains(d.name));
        const auto extents = want.at("tensors").at(d.name).template get<std::vector<std::size_t>>();
        BOOST_CHECK_EQUAL(d.shape, shape(std::span<const std::size_t>(extents)));
      }
      scalars += d.shape.size();
    }
    BOOST_CHECK_EQUAL(declared.size(), want.at("tensors").size());
    BOOST_CHECK_EQUAL(scalars, want.at("parameters").template get<std::size_t>());
  };
  check(lift_unet{}, "lift");
  check(baseline_unet{}, "baseline");
  check(lift_unet_shared_timestep{}, "lift_shared_timestep");
}

BOOST_AUTO_TEST_CASE(initial_values_are_pytorchs) {
  const network<lift_unet, tensor_d> net(lift_unet{{8, 128}}, 3);
  // Uniform within ±1/√fan_in: fan_in 9·6 for init_conv, 4·4·128 (outputs) for upsample.0.
  for (const auto& [name, bound] : std::map<std::string, double>{
           {"init_conv.weight", 1 / std::sqrt(54.0)}, {"upsample.0.weight", 1 / std::sqrt(2048.0)},
           {"bottleneck.0.time_mlp.bias", 1 / std::sqrt(32.0)}}) {
    const auto v = net.weights[name].to_host();
    const auto [low, high] = std::minmax_element(v.begin(), v.end());
    BOOST_CHECK_GT(*low, -bound);
    BOOST_CHECK_LT(*high, bound);
    BOOST_CHECK_LT(*low, -0.9 * bound);
    BOOST_CHECK_GT(*high, 0.9 * bound);
  }
  for (const double g : net.weights["final_conv.0.weight"].to_host()) BOOST_CHECK_EQUAL(g, 1.0);
  for (const double b : net.weights["final_conv.0.bias"].to_host()) BOOST_CHECK_EQUAL(b, 0.0);
}

BOOST_AUTO_TEST_CASE(misfits_are_one_clear_line) {
  const scales x{tensor_f({1, 3, 16, 16}), tensor_f({1, 3, 8, 8})};
  const scales zero{timesteps{0}, timesteps{0}};
  const parameters<tensor_f> small(declared_parameters(lift_unet{{8, 16}}), 1);
  const network<lift_unet, tensor_f> wide(lift_unet{{16, 32}}, small);
  BOOST_CHECK_EQUAL(message_of([&] { wide(x, zero); }),
                    "shape of weight 'time_mlp.1.weight': got (32, 8), want (64, 16)");
  const network<lift_unet, tensor_f> deep(lift_unet{{8, 16, 16, 16, 16}}, small);
  BOOST_CHECK_EQUAL(message_of([&] { deep(x, zero); }),
                    "image size for these hidden dims: got 16, want a multiple of 32");
  const network<lift_unet, tensor_f> fits(lift_unet{{8, 16}}, small);
  BOOST_CHECK_EQUAL(message_of([&] { fits(x, scales{timesteps{0, 1, 2}, timesteps{0}}); }),
                    "number of timesteps: got 3, want 1 or 1");
  BOOST_CHECK_EQUAL(message_of([&] { lift_unet{{12}}(scope(small), x, zero); }),
                    "hidden dim: got 12, want a positive multiple of 8");
}
