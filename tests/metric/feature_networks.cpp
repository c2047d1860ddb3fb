// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <lift/io/feature_weights.hpp>
#include <lift/io/image.hpp>
#include <lift/io/decode_image.hpp>
#include <lift/metric/alexnet.hpp>
#include <lift/metric/inception.hpp>
#include <lift/metric/lpips.hpp>
#include <lift/metric/network_features.hpp>
#include <lift/metric/squeezenet.hpp>
#include <lift/metric/vgg16.hpp>

#include "golden.hpp"
#include "hashed.hpp"
#include "message_of.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(feature_networks_tests)

namespace {

using lift::shape;
using lift::test::tensor_f;

std::vector<float> scaled(const std::vector<float>& bytes) {
  std::vector<float> values;
  for (const float x : bytes) values.push_back(x / 127.5F - 1);
  return values;
}

/// Bytes (B, H, W, C) as images (B, C, H, W) in [−1, 1].
std::vector<float> planar(const std::vector<float>& bytes, std::size_t pixels) {
  std::vector<float> values(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t c = i % 3, pixel = i / 3;
    values[(pixel / pixels * 3 + c) * pixels + pixel % pixels] = bytes[i] / 127.5F - 1;
  }
  return values;
}

/// The golden weights of the Inception network, under the names that its file has.
lift::safetensors hashed_inception() {
  lift::safetensors file;
  file.source = "inception.safetensors";
  const nlohmann::json declared = golden_json("inception_parameters.json");
  for (const auto& [name, extents] : declared.items()) {
    const auto dims = extents.get<std::vector<std::size_t>>();
    const shape s{std::span<const std::size_t>(dims)};
    std::vector<float> values = lift::test::hashed_parameter<float>("inception.", name, s);
    if (s.rank() >= 2)  // with twice the variance
      values = lift::test::hashed_numbers("inception." + name, s.size(),
                                          std::sqrt(6.0 / (static_cast<double>(s.size()) / static_cast<double>(s[0]))));
    if (name.ends_with("running_var"))
      for (float& x : values) x = 1 + 5 * x;
    file.add<float>(name, s, values);
  }
  return file;
}

static_assert(lift::is_feature_extractor<lift::network_features<lift::vgg16, tensor_f>>());

/// A network of two stages that is easily followed by hand.
struct two_stages {
  static constexpr const char* name = "two stages";
  static constexpr std::size_t least_size = 2;
  static constexpr lift::input_preparation preparation = {};

  template <class Scope, lift::value X>
  std::vector<X> operator()(const Scope& p, const X& x) const {
    return {x, lift::nn::max_pool2d(lift::nn::conv2d(p / "mix", x, 2, 1), {.kernel = 2})};
  }
};

template <class Tensor>
lift::parameters<Tensor> weights_of_two_stages() {
  return lift::parameters<Tensor>({{"mix.weight", Tensor({2, 3, 1, 1}, {1, 2, 0, -1, 0, 3})},
                                   {"mix.bias", Tensor({2}, {0.5F, 0})},
                                   {"lin0.model.1.weight", Tensor({1, 3, 1, 1}, {1, 2, 4})},
                                   {"lin1.model.1.weight", Tensor({1, 2, 1, 1}, {0.5F, 3})}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_inception_features) {
  const golden_file file("inception.safetensors");
  const std::vector<float> images = planar(file.values<float>("images"), 64 * 64);
  const auto weights = lift::feature_weights<tensor_f, lift::inception>(hashed_inception());
  for (std::size_t stage = 0; stage < 4; ++stage) {
    const lift::network_features<lift::inception, tensor_f> features(
        weights, {}, lift::inception::preparation, stage);
    const std::size_t d = features.dimension(64, 64);
    const auto expected = file.values("features_" + std::to_string(d));
    const Eigen::MatrixXf found = features({images, 4, 3, 64, 64});
    double error = 0, difference = 0;
    for (Eigen::Index i = 0; i < 4; ++i)
      for (Eigen::Index j = 0; j < found.cols(); ++j) {
        const auto wanted = [&](Eigen::Index row) {
          return expected[static_cast<std::size_t>(row) * d + static_cast<std::size_t>(j)];
        };
        error = std::max(error, std::abs(found(i, j) - wanted(i)));
        difference = std::max(difference, std::abs(double(found(i, j)) - found(0, j) - (wanted(i) - wanted(0))));
      }
    BOOST_TEST(error < 1e-4);
    BOOST_TEST(difference < 1e-4);
  }
}

BOOST_AUTO_TEST_CASE(weights_that_do_not_fit) {
  const auto message = [](const auto& spoil) {
    lift::safetensors file = hashed_inception();
    spoil(file);
    return lift::test::message_of(
        [&] { lift::feature_weights<lift::test::plain_f, lift::inception>(file); });
  };
  BOOST_TEST(message([](auto& f) { f.tensors.erase("Mixed_7c.branch_pool.conv.weight"); }) ==
             "no tensor 'Mixed_7c.branch_pool.weight' in inception.safetensors");
  BOOST_TEST(message([](auto& f) { f.tensors.erase("Mixed_7c.branch_pool.bn.running_var"); }) ==
             "no tensor 'Mixed_7c.branch_pool.bn.running_var' in inception.safetensors");
  BOOST_TEST(message([](auto& f) { f.tensors["Conv2d_1a_3x3.conv.weight"].dims = {32, 27}; }) ==
             "shape of tensor 'Conv2d_1a_3x3.conv.weight' in inception.safetensors: got (32, 27), "
             "want (32, 3, 3, 3)");
  const auto spoilt = [](auto& f) {
    f.template add<float>("Conv2d_1a_3x3.bn.bias", {32}, std::vector<float>(32, std::numeric_limits<float>::infinity()));
  };
  BOOST_TEST(message(spoilt) == "tensor 'Conv2d_1a_3x3.bn.bias' in inception.safetensors: got NaN or "
                                "infinity, want finite");
}

BOOST_AUTO_TEST_CASE(features_are_means_over_pixels) {
  const std::vector<float> images = {1, 2, 3, 4, 0, 0, 1, 0, 0.5F, 0, 0, 0};
  const lift::image_batch_view one{images, 1, 3, 2, 2};
  const auto of = [&](std::size_t stage) {
    return Eigen::MatrixXf(lift::network_features<two_stages, tensor_f>(
        weights_of_two_stages<tensor_f>(), {}, {}, stage)(one));
  };
  BOOST_TEST((of(0) - Eigen::RowVector3f(2.5F, 0.25F, 0.125F)).norm() < 1e-6);
  // 0.5 + x₀ + 2x₁: 1.5, 2.5, 5.5, 4.5; 3x₂ − x₀: 0.5, −2, −3, −4
  BOOST_TEST((of(1) - Eigen::RowVector2f(5.5F, 0.5F)).norm() < 1e-6);
  BOOST_TEST(lift::test::message_of([&] { of(2); }) ==
             "stage of the network two stages: got 2, want below 2");
}

// Against the definition, written out.
BOOST_AUTO_TEST_CASE(lpips_by_hand) {
  const std::vector<float> a = {0.5F, -0.25F, 1, 0, 0.125F, 0.75F, -1, 0.5F, 0.25F, 0.5F, -0.5F, 1};
  std::vector<float> b = a;
  b[1] += 0.5F;
  b[6] -= 0.25F;
  b[11] = 0;
  const lift::lpips<two_stages, tensor_f> distance(weights_of_two_stages<tensor_f>());
  const auto d = [&](const std::vector<float>& x, const std::vector<float>& y) {
    return distance({x, 1, 3, 2, 2}, {y, 1, 3, 2, 2}).at(0);
  };
  const auto stages = [&](const std::vector<float>& x) {
    const double mean[] = {-0.030, -0.088, -0.188}, deviation[] = {0.458, 0.448, 0.450};
    std::vector<std::vector<double>> first(4), second(1, {-1e9, -1e9});
    for (std::size_t p = 0; p < 4; ++p) {
      for (std::size_t c = 0; c < 3; ++c) first[p].push_back((x[c * 4 + p] - mean[c]) / deviation[c]);
      second[0][0] = std::max(second[0][0], 0.5 + first[p][0] + 2 * first[p][1]);
      second[0][1] = std::max(second[0][1], 3 * first[p][2] - first[p][0]);
    }
    return std::vector{first, second};
  };
  const std::vector<std::vector<double>> heads = {{1, 2, 4}, {0.5, 3}};
  const auto x = stages(a), y = stages(b);
  double expected = 0;
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t p = 0; p < x[l].size(); ++p) {
      const auto norm = [](const std::vector<double>& v) {
        double squares = 0;
        for (const double k : v) squares += k * k;
        return std::sqrt(squares) + 1e-10;
      };
      for (std::size_t c = 0; c < heads[l].size(); ++c) {
        const double difference = x[l][p][c] / norm(x[l][p]) - y[l][p][c] / norm(y[l][p]);
        expected += heads[l][c] * difference * difference / static_cast<double>(x[l].size());
      }
    }
  BOOST_TEST(d(a, b) == expected, boost::test_tools::tolerance(1e-5));
  BOOST_TEST(d(b, a) == expected, boost::test_tools::tolerance(1e-5));
  BOOST_TEST(d(a, a) == 0.0);
  BOOST_TEST(lift::test::message_of([&] { distance({a, 1, 3, 2, 2}, {b, 2, 3, 1, 2}); }) ==
             "images to compare by LPIPS: got (2, 3, 1, 2), want (1, 3, 2, 2)");
}

// The folder with weights of VGG-16, AlexNet and SqueezeNet, and the numbers that PyTorch makes with
// them, is LIFT_FEATURES in the environment.
BOOST_AUTO_TEST_CASE(published_weights) {
  const char* const named = std::getenv("LIFT_FEATURES");
  if (!named) {
    BOOST_TEST_MESSAGE("not run: LIFT_FEATURES names no folder");
    return;
  }
  const std::filesystem::path folder = named;
  const auto golden = lift::read_safetensors(folder / "golden.safetensors");
  const std::vector<float> images = scaled(golden.at("images").as<float>());
  const lift::image_batch_view eight{images, 8, 3, 64, 64};
  const auto weights = [&]<class Network>(const Network&, const std::string& file) {
    return lift::feature_weights<tensor_f, Network>(lift::read_safetensors(folder / (file + ".safetensors")));
  };
  const auto features = [&]<class Network>(const Network& network, const std::string& file) {
    const Eigen::MatrixXf found = lift::network_features<Network, tensor_f>(weights(network, file))(eight);
    const auto expected = golden.at(Network::name).template as<float>();
    const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> wanted(
        expected.data(), found.rows(), found.cols());
    BOOST_TEST((found - wanted).norm() < 1e-5 * wanted.norm());
  };
  features(lift::vgg16{}, "lpips_vgg16");
  features(lift::squeezenet{}, "squeezenet1_1");

  std::vector<float> next(images.begin() + 3 * 64 * 64, images.end());
  next.insert(next.end(), images.begin(), images.begin() + 3 * 64 * 64);
  const auto example = [&](const char* name) {
    const lift::image picture = lift::read_image(folder / name);
    return planar({picture.pixels.begin(), picture.pixels.end()}, picture.width * picture.height);
  };
  const auto reference = example("ex_ref.png");
  const auto lpips = [&]<class Network>(const Network& network, const std::string& name,
                                        const std::vector<double>& published) {
    const lift::lpips<Network, tensor_f> distance(weights(network, "lpips_" + name));
    const auto found = distance(eight, {next, 8, 3, 64, 64});
    const auto expected = golden.at("lpips_" + name).template as<double>();
    for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(std::abs(found[i] - expected[i]) < 1e-5);
    for (std::size_t i = 0; i < 2; ++i) {
      const auto other = example(i == 0 ? "ex_p0.png" : "ex_p1.png");
      BOOST_TEST(std::abs(distance({reference, 1, 3, 64, 64}, {other, 1, 3, 64, 64})[0] - published[i]) < 1e-5);
    }
  };
  lpips(lift::alexnet{}, "alexnet", {0.7218806743621826, 0.13756559789180756});
  lpips(lift::vgg16{}, "vgg16", {0.568612813949585, 0.421664297580719});
}

BOOST_AUTO_TEST_SUITE_END()
