// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <lift/model/model.hpp>
#include <lift/sample/sample.hpp>
#include <lift/schedule/cosine.hpp>

#include "hashed.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(golden_sampling_tests)

using namespace lift;
using namespace lift::test;

namespace {

/// Trajectories of the reference: deterministic DDIM, x̂₀ clipped, landing on timestep 0.
void check_path(const std::string& name, const std::vector<double>& fine,
                const std::vector<double>& coarse) {
  const golden_file file("sampling_small.safetensors");
  const auto net = hashed_network<tensor_f>(lift_unet{{{32, 128}}}, file.metadata("weight_prefix"));
  const scales noise{golden_tensor<tensor_f>(file, "x_fine.init"),
                     golden_tensor<tensor_f>(file, "x_coarse.init")};
  timestep_path<> path;
  for (std::size_t i = 0; i < fine.size(); ++i) path.push_back({fine[i], coarse[i]});

  const auto check = [&](const scales<tensor_f>& x, const std::string& when) {
    BOOST_TEST_CONTEXT(name << ' ' << when) {
      BOOST_CHECK_LT(
          relative_l2(x.fine(), golden_tensor<tensor_f>(file, name + ".x_fine." + when)), 1e-4);
      BOOST_CHECK_LT(
          relative_l2(x.coarse(), golden_tensor<tensor_f>(file, name + ".x_coarse." + when)), 1e-4);
    }
  };
  std::size_t steps = 0;
  const cosine_schedule schedule;
  const auto x = sample(model{net, predicts_noise{}, schedule}, schedule, path, noise,
                        sampling_options<>::reference(),
                        [&](const sampling_step<tensor_f>& step) {
                          BOOST_TEST(step.index == steps++);
                          if (step.index == 0) check(step.x, "after_1");
                        });
  BOOST_TEST(steps == fine.size());
  check(x, "final");
}

}  // namespace

BOOST_AUTO_TEST_CASE(diagonal_trajectory) {
  const auto t =
      golden_file("sampling_small.safetensors").values("diagonal.timesteps");
  check_path("diagonal", t, t);
}

/// Its coarse timesteps repeat, first and last ones among them.
BOOST_AUTO_TEST_CASE(dp_64_trajectory) {
  const golden_file file("sampling_small.safetensors");
  check_path("dp64", file.values("dp64.timesteps_fine"),
             file.values("dp64.timesteps_coarse"));
}

BOOST_AUTO_TEST_SUITE_END()
