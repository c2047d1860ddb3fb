// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE golden_networks
#include <boost/test/unit_test.hpp>

#include <lift/op/mean_squared_error.hpp>

#include "hashed.hpp"
#include "tensors.hpp"

using namespace lift;
using namespace lift::test;

namespace {

timesteps golden_timesteps(const golden_file& file, const std::string& name) {
  return file.values<double>(name);
}

/// Every parameter gradient: the stored ones element by element, all of them by their norm.
void check_gradients(const golden_file& file, const parameters<tensor_f>& weights,
                     const std::vector<tensor_f>& gradients) {
  std::size_t stored = 0, norms = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string& name = weights.entries()[i].name;
    BOOST_TEST_CONTEXT(name) {
      if (file.contains("grad." + name)) {
        BOOST_CHECK_LT(relative_l2(gradients[i], golden_tensor<tensor_f>(file, "grad." + name)),
                       1e-4);
        ++stored;
      }
      BOOST_REQUIRE(file.contains("gradnorm." + name));
      double squares = 0;
      for (const float g : gradients[i].to_host()) squares += double(g) * double(g);
      const double want = file.values("gradnorm." + name)[0];
      BOOST_CHECK_LT(std::abs(std::sqrt(squares) - want), 1e-4 * want);
      ++norms;
    }
  }
  BOOST_CHECK_GT(stored, 10u);
  BOOST_CHECK_EQUAL(norms, weights.size());
}

void check_lift(const std::string& size, std::vector<std::size_t> dims) {
  const golden_file file("lift_" + size + ".safetensors");
  const auto net = hashed_network<tensor_f>(lift_unet{std::move(dims)}, "lift." + size + ".");
  const auto t_fine = golden_timesteps(file, "t_fine"), t_coarse = golden_timesteps(file, "t_coarse");
  const auto x_fine = golden_tensor<tensor_f>(file, "x_fine");
  const auto x_coarse = golden_tensor<tensor_f>(file, "x_coarse");
  const auto y = net(x_fine, x_coarse, t_fine, t_coarse);
  BOOST_CHECK_LT(relative_l2(y.fine, golden_tensor<tensor_f>(file, "out_fine")), 2e-5);
  BOOST_CHECK_LT(relative_l2(y.coarse, golden_tensor<tensor_f>(file, "out_coarse")), 2e-5);

  tape_of<tensor_f> tape;
  taped_parameters leaves(net.weights, tape);
  const auto z = net.architecture(scope(leaves), x_fine, x_coarse, t_fine, t_coarse);
  const auto loss = apply(
      op::add{},
      apply(op::mean_squared_error{}, z.fine, golden_tensor<tensor_f>(file, "target_fine")),
      apply(op::mean_squared_error{}, z.coarse, golden_tensor<tensor_f>(file, "target_coarse")));
  const double want = file.values("loss")[0];
  BOOST_CHECK_LT(std::abs(double(loss.value.to_host()[0]) - want), 2e-5 * want);
  tape.backward(loss, full<tensor_f>({1}, 1));
  check_gradients(file, net.weights, leaves.gradients());
}

void check_baseline(const std::string& size, std::vector<std::size_t> dims) {
  const golden_file file("baseline_" + size + ".safetensors");
  const auto net =
      hashed_network<tensor_f>(baseline_unet{std::move(dims)}, file.metadata("weight_prefix"));
  const auto t = golden_timesteps(file, "t");
  const auto x = golden_tensor<tensor_f>(file, "x");
  BOOST_CHECK_LT(relative_l2(net(x, t), golden_tensor<tensor_f>(file, "out")), 2e-5);

  tape_of<tensor_f> tape;
  taped_parameters leaves(net.weights, tape);
  const auto loss = apply(op::mean_squared_error{}, net.architecture(scope(leaves), x, t),
                          golden_tensor<tensor_f>(file, "target"));
  const double want = file.values("loss")[0];
  BOOST_CHECK_LT(std::abs(double(loss.value.to_host()[0]) - want), 2e-5 * want);
  tape.backward(loss, full<tensor_f>({1}, 1));
  check_gradients(file, net.weights, leaves.gradients());
}

}  // namespace

BOOST_AUTO_TEST_CASE(lift_small) { check_lift("small", {32, 128}); }
BOOST_AUTO_TEST_CASE(lift_mid) { check_lift("mid", {32, 64, 128}); }
BOOST_AUTO_TEST_CASE(baseline_small) { check_baseline("small", {32, 128}); }
BOOST_AUTO_TEST_CASE(baseline_mid) { check_baseline("mid", {32, 64, 128}); }

BOOST_AUTO_TEST_CASE(lift_full) {
  const golden_file file("lift_full.safetensors");
  const auto net = hashed_network<tensor_f>(lift_unet{}, "lift.full.");
  const auto x_fine = golden_tensor<tensor_f>(file, "x_fine");
  const auto x_coarse = golden_tensor<tensor_f>(file, "x_coarse");
  for (const std::string i : {".0", ".1", ".2"}) {
    const auto t = golden_timesteps(file, "t" + i);
    const auto y = net(x_fine, x_coarse, timesteps{t[0]}, timesteps{t[1]});
    BOOST_CHECK_LT(relative_l2(y.fine, golden_tensor<tensor_f>(file, "out_fine" + i)), 2e-5);
    BOOST_CHECK_LT(relative_l2(y.coarse, golden_tensor<tensor_f>(file, "out_coarse" + i)), 2e-5);
  }
}

BOOST_AUTO_TEST_CASE(baseline_full) {
  const golden_file file("baseline_full.safetensors");
  const auto net = hashed_network<tensor_f>(baseline_unet{}, file.metadata("weight_prefix"));
  const auto x = golden_tensor<tensor_f>(file, "x");
  BOOST_CHECK_LT(relative_l2(net(x, golden_timesteps(file, "t")),
                             golden_tensor<tensor_f>(file, "out")),
                 2e-5);
}
