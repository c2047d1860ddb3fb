// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <map>

#include <lift/model/network.hpp>

#include "message_of.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(declared_parameters_tests)

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
  const network<lift_unet, tensor_d> net(lift_unet{{{8, 128}}}, 3);
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
  const parameters<tensor_f> small(declared_parameters(lift_unet{{{8, 16}}}), 1);
  const network<lift_unet, tensor_f> wide(lift_unet{{{16, 32}}}, small);
  BOOST_CHECK_EQUAL(message_of([&] { wide(x, zero); }),
                    "shape of weight 'time_mlp.1.weight': got (32, 8), want (64, 16)");
  const network<lift_unet, tensor_f> deep(lift_unet{{{8, 16, 16, 16, 16}}}, small);
  BOOST_CHECK_EQUAL(message_of([&] { deep(x, zero); }),
                    "image size for these hidden dims: got 16, want a multiple of 32");
  const network<lift_unet, tensor_f> fits(lift_unet{{{8, 16}}}, small);
  BOOST_CHECK_EQUAL(message_of([&] { fits(x, scales{timesteps{0, 1, 2}, timesteps{0}}); }),
                    "number of timesteps: got 3, want 1 or 1");
  BOOST_CHECK_EQUAL(message_of([&] { lift_unet{{{12}}}(scope(small), x, zero); }),
                    "hidden dim: got 12, want a positive multiple of 8");
}

BOOST_AUTO_TEST_CASE(a_configuration_is_what_the_network_is_made_of) {
  const auto shapes = [](const auto& architecture) {
    std::map<std::string, shape> result;
    for (const auto& d : declared_parameters(architecture)) result[d.name] = d.shape;
    return result;
  };
  const auto plain = shapes(lift_unet{{.hidden_dims = {8, 16}}});
  BOOST_CHECK(!plain.contains("encoder_blocks.0.2.qkv.weight"));
  const auto made = shapes(lift_unet{{.hidden_dims = {8, 16},
                                      .blocks = 1,
                                      .attention_levels = {{0}},
                                      .heads = 2,
                                      .image_channels = 1,
                                      .classes = 5}});
  BOOST_CHECK_EQUAL(made.at("init_conv.weight"), (shape{8, 2, 3, 3}));
  BOOST_CHECK_EQUAL(made.at("final_conv.2.weight"), (shape{2, 8, 3, 3}));
  BOOST_CHECK_EQUAL(made.at("label_embedding.weight"), (shape{32, 5}));
  for (const std::string level : {"encoder_blocks.0.", "decoder_blocks.1."}) {
    BOOST_CHECK(made.contains(level + "0.conv1.weight"));
    BOOST_CHECK(made.contains(level + "1.qkv.weight"));
    BOOST_CHECK(!made.contains(level + "1.conv1.weight"));
  }
  BOOST_CHECK(!made.contains("encoder_blocks.1.1.qkv.weight"));
  const auto nowhere = shapes(lift_unet{{.hidden_dims = {128}, .attention_levels = {{}}}});
  BOOST_CHECK(!nowhere.contains("encoder_blocks.0.2.qkv.weight"));
  BOOST_CHECK(shapes(lift_unet{{.hidden_dims = {128}}}).contains("encoder_blocks.0.2.qkv.weight"));

  // Grey images go through.
  const network<lift_unet, tensor_f> grey(lift_unet{{.hidden_dims = {8}, .image_channels = 1}}, 1);
  const auto y = grey(scales{tensor_f({2, 1, 8, 8}), tensor_f({2, 1, 4, 4})},
                      scales{timesteps{1}, timesteps{2}});
  BOOST_CHECK_EQUAL(y.coarse().shape(), (shape{2, 1, 4, 4}));

  const auto refused = [](const unet_config& config) {
    return message_of([&] { declared_parameters(lift_unet{config}); });
  };
  BOOST_CHECK_EQUAL(refused({.hidden_dims = {}}), "number of hidden dims: got 0, want 1 to 15");
  BOOST_CHECK_EQUAL(refused({.hidden_dims = {8}, .blocks = 0}),
                    "residual blocks of a level: got 0, want 1 to 64");
  BOOST_CHECK_EQUAL(refused({.hidden_dims = {8}, .attention_levels = {{1}}}),
                    "level with attention: got 1, want 0 to 0");
  BOOST_CHECK_EQUAL(refused({.hidden_dims = {8, 16}, .heads = 3}),
                    "heads of attention: got 3, want a divisor of the 16 channels of level 1");
}

BOOST_AUTO_TEST_SUITE_END()
