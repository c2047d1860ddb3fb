// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE objective
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <lift/train/trainer.hpp>

#include "hashed.hpp"
#include "tensors.hpp"

using namespace lift;
using namespace lift::test;

namespace {

constexpr std::size_t batch = 4;  // of the golden steps

/// Nearly normal numbers of a label, as the golden README defines them.
tensor_f hashed_normal(const std::string& label, const shape& s, bool clamped = false) {
  std::vector<float> values(s.size(), 0.0f);
  for (const char j : {'0', '1', '2', '3'}) {
    const std::uint64_t h = label_hash(label + "#" + j);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += static_cast<float>(hashed_uniform(h, i));
  }
  for (float& v : values) {
    v *= static_cast<float>(std::sqrt(3.0) / 2);
    if (clamped) v = std::clamp(v, -1.0f, 1.0f);
  }
  return {s, values};
}

tensor_f hashed_timesteps(const std::string& label) {
  std::vector<float> t;
  for (std::size_t i = 0; i < batch; ++i)
    t.push_back(static_cast<float>(std::floor((hashed_uniform(label_hash(label), i) + 1) * 500)));
  return {{batch}, t};
}

}  // namespace

BOOST_AUTO_TEST_CASE(twelve_golden_steps) {
  const golden_file golden("train_small.safetensors");
  const lift_unet architecture{{32, 128}};
  training_state<tensor_f> state(hashed_network<tensor_f>(architecture, "lift.small.").weights);
  const auto losses = golden.values("loss"), gradient_norms = golden.values("grad_norm");
  const cosine_annealing rate{.steps = 40};
  for (std::size_t k = 0; k < losses.size(); ++k)
    BOOST_TEST_CONTEXT("step " << k) {
      const std::string label = "." + std::to_string(k);
      const auto clean = hashed_normal("train.im" + label, {batch, 3, 16, 16}, true);
      const auto noise = [&](const tensor_f& images, const std::string& size) {
        return noise_images<predicts_noise>(
            images, hashed_normal("train.e" + size + label, images.shape()),
            hashed_timesteps("train.t" + size + label), cosine_schedule());
      };
      const auto [loss, norm] =
          update(state,
                 loss_and_gradients(architecture, state.weights,
                                    {noise(clean, "64"), noise(coarsen(clean), "32")}, {1, 1}),
                 rate(k), {});
      BOOST_CHECK_SMALL(loss.fine + loss.coarse - losses[k], 1e-4 * losses[k]);
      BOOST_CHECK_SMALL(norm - gradient_norms[k], 1e-4 * gradient_norms[k]);
    }
  std::size_t compared = 0;
  for (const auto& [name, value] : state.weights.entries())
    if (golden.contains("param." + name)) {
      BOOST_TEST_CONTEXT(name)
      BOOST_CHECK_LT(relative_l2(value, golden_tensor<tensor_f>(golden, "param." + name)), 1e-4);
      ++compared;
    }
  BOOST_CHECK_EQUAL(compared, 4u);
}

namespace {

/// The images a batch is made of, and what is made of them.
template <class Prediction>
void check_batch() {
  const auto clean = hashed_normal("clean", {4, 3, 8, 8}, true);
  const objective goal{cosine_schedule(), independent_regime{}, Prediction{}};
  const auto made = goal.template batch<lift_unet>(clean, 5, 100);
  const auto check = [&](const noised<tensor_f>& images, const tensor_f& x0, std::uint32_t scale) {
    const random_stream stream{.seed = 5, .use = purpose::training_noise, .scale = scale};
    const auto noise = normal_noise<tensor_f>(x0.shape(), stream, 100);
    std::vector<combination> clean_weights, noise_weights;
    std::vector<double> alpha_bars;
    for (const float t : images.t.to_host()) {
      alpha_bars.push_back(goal.schedule.alpha_bar(static_cast<std::size_t>(t)));
      clean_weights.push_back(Prediction::clean(alpha_bars.back()));
      noise_weights.push_back(Prediction::noise(alpha_bars.back()));
    }
    BOOST_CHECK_LT(relative_l2(images.input, add_noise(alpha_bars, x0, noise)), 1e-6);
    // A network that outputs its target is right about the noise and about the image.
    BOOST_CHECK_LT(relative_l2(combined(noise_weights, images.input, images.target), noise), 1e-5);
    BOOST_CHECK_LT(relative_l2(combined(clean_weights, images.input, images.target), x0), 1e-4);
  };
  check(made.fine, clean, 0);
  check(made.coarse, coarsen(clean), 1);
  BOOST_CHECK(made.fine.t.to_host() != made.coarse.t.to_host());

  const auto single = goal.template batch<baseline_unet>(clean, 5, 100);
  BOOST_CHECK(single.fine.input.to_host() == made.fine.input.to_host());
  BOOST_CHECK(single.coarse.input.empty());

  // Sample numbers count, not places in a batch.
  const auto rest = goal.template batch<lift_unet>(clean.rows(1, 4), 5, 101);
  BOOST_CHECK(rest.fine.input.to_host() == made.fine.input.rows(1, 4).to_host());
  BOOST_CHECK(rest.coarse.t.to_host() == made.coarse.t.rows(1, 4).to_host());
}

}  // namespace

BOOST_AUTO_TEST_CASE(batches_for_every_prediction) {
  check_batch<predicts_noise>();
  check_batch<predicts_clean>();
  check_batch<predicts_velocity>();
}
