// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <lift/op/add.hpp>
#include <lift/op/mean_squared_error.hpp>

#include "hashed.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(golden_networks_tests)

using namespace lift;
using namespace lift::test;

namespace {

/// How far outputs and gradients may be from the golden ones, in relative L2.
template <class Tensor>
constexpr double output_tolerance = fast_or_plain<Tensor>(1e-4, 2e-5);
template <class Tensor>
constexpr double gradient_tolerance = fast_or_plain<Tensor>(1e-3, 1e-4);

template <class Tensor>
void check_output(const Tensor& got, const golden_file& file, const std::string& name) {
  BOOST_CHECK_LT(relative_l2(got, golden_tensor<Tensor>(file, name)), output_tolerance<Tensor>);
}

timesteps golden_timesteps(const golden_file& file, const std::string& name) {
  return file.values<double>(name);
}

/// Every parameter gradient: the stored ones element by element, all of them by their norm.
template <class Tensor>
void check_gradients(const golden_file& file, const parameters<Tensor>& weights,
                     const std::vector<Tensor>& gradients) {
  constexpr double tolerance = gradient_tolerance<Tensor>;
  std::size_t stored = 0, norms = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string& name = weights.entries()[i].name;
    BOOST_TEST_CONTEXT(name) {
      if (file.contains("grad." + name)) {
        BOOST_CHECK_LT(relative_l2(gradients[i], golden_tensor<Tensor>(file, "grad." + name)),
                       tolerance);
        ++stored;
      }
      BOOST_REQUIRE(file.contains("gradnorm." + name));
      double squares = 0;
      for (const float g : gradients[i].to_host()) squares += double(g) * double(g);
      const double want = file.values("gradnorm." + name)[0];
      BOOST_CHECK_LT(std::abs(std::sqrt(squares) - want), tolerance * want);
      ++norms;
    }
  }
  BOOST_CHECK_GT(stored, 10u);
  BOOST_CHECK_EQUAL(norms, weights.size());
}

template <class Tensor>
void check_lift(const std::string& size, std::vector<std::size_t> dims) {
  const golden_file file("lift_" + size + ".safetensors");
  const auto net = hashed_network<Tensor>(lift_unet{{std::move(dims)}}, "lift." + size + ".");
  const scales t{golden_timesteps(file, "t_fine"), golden_timesteps(file, "t_coarse")};
  const scales x{golden_tensor<Tensor>(file, "x_fine"), golden_tensor<Tensor>(file, "x_coarse")};
  const auto y = net(x, t);
  check_output(y.fine(), file, "out_fine");
  check_output(y.coarse(), file, "out_coarse");

  tape_of<Tensor> tape;
  taped_parameters leaves(net.weights, tape);
  const auto z = net.architecture(scope(leaves), x, t);
  const auto loss = apply(
      op::add{},
      apply(op::mean_squared_error{}, z.fine(), golden_tensor<Tensor>(file, "target_fine")),
      apply(op::mean_squared_error{}, z.coarse(), golden_tensor<Tensor>(file, "target_coarse")));
  const double want = file.values("loss")[0];
  BOOST_CHECK_LT(std::abs(double(loss.value.to_host()[0]) - want), output_tolerance<Tensor> * want);
  tape.backward(loss, full<Tensor>({1}, 1));
  check_gradients(file, net.weights, leaves.gradients());
}

template <class Tensor>
void check_baseline(const std::string& size, std::vector<std::size_t> dims) {
  const golden_file file("baseline_" + size + ".safetensors");
  const auto net =
      hashed_network<Tensor>(baseline_unet{{std::move(dims)}}, file.metadata("weight_prefix"));
  const scales t{golden_timesteps(file, "t")};
  const scales x{golden_tensor<Tensor>(file, "x")};
  check_output(net(x, t).fine(), file, "out");

  tape_of<Tensor> tape;
  taped_parameters leaves(net.weights, tape);
  const auto loss = apply(op::mean_squared_error{}, net.architecture(scope(leaves), x, t).fine(),
                          golden_tensor<Tensor>(file, "target"));
  const double want = file.values("loss")[0];
  BOOST_CHECK_LT(std::abs(double(loss.value.to_host()[0]) - want), output_tolerance<Tensor> * want);
  tape.backward(loss, full<Tensor>({1}, 1));
  check_gradients(file, net.weights, leaves.gradients());
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(lift_small, Tensor, float_tensors) {
  check_lift<Tensor>("small", {32, 128});
}
BOOST_AUTO_TEST_CASE_TEMPLATE(lift_mid, Tensor, float_tensors) {
  check_lift<Tensor>("mid", {32, 64, 128});
}
BOOST_AUTO_TEST_CASE_TEMPLATE(baseline_small, Tensor, float_tensors) {
  check_baseline<Tensor>("small", {32, 128});
}
BOOST_AUTO_TEST_CASE_TEMPLATE(baseline_mid, Tensor, float_tensors) {
  check_baseline<Tensor>("mid", {32, 64, 128});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(lift_full, Tensor, float_tensors) {
  const golden_file file("lift_full.safetensors");
  const auto net = hashed_network<Tensor>(lift_unet{}, "lift.full.");
  const scales x{golden_tensor<Tensor>(file, "x_fine"), golden_tensor<Tensor>(file, "x_coarse")};
  for (const std::string i : {".0", ".1", ".2"}) {
    const auto t = golden_timesteps(file, "t" + i);
    const auto y = net(x, scales{timesteps{t[0]}, timesteps{t[1]}});
    check_output(y.fine(), file, "out_fine" + i);
    check_output(y.coarse(), file, "out_coarse" + i);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(baseline_full, Tensor, float_tensors) {
  const golden_file file("baseline_full.safetensors");
  const auto net = hashed_network<Tensor>(baseline_unet{}, file.metadata("weight_prefix"));
  const scales x{golden_tensor<Tensor>(file, "x")};
  check_output(net(x, scales{golden_timesteps(file, "t")}).fine(), file, "out");
}

BOOST_AUTO_TEST_SUITE_END()
