// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <lift/train/trainer.hpp>

#include "hashed.hpp"
#include "tensors.hpp"
#include "train/check_gradients.hpp"

BOOST_AUTO_TEST_SUITE(objective_tests)

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
  const lift_unet architecture{{{32, 128}}};
  training_state<tensor_f> state(hashed_network<tensor_f>(architecture, "lift.small.").weights);
  const auto losses = golden.values("loss"), gradient_norms = golden.values("grad_norm");
  const cosine_annealing rate{.steps = 40};
  for (std::size_t k = 0; k < losses.size(); ++k)
    BOOST_TEST_CONTEXT("step " << k) {
      const std::string label = "." + std::to_string(k);
      const auto clean = hashed_normal("train.im" + label, {batch, 3, 16, 16}, true);
      const auto noise = [&](const tensor_f& images, const std::string& size) {
        return noise_images(predicts_noise{}, images,
                            hashed_normal("train.e" + size + label, images.shape()),
                            hashed_timesteps("train.t" + size + label), cosine_schedule());
      };
      const auto [loss, norm] =
          update(state,
                 loss_and_gradients(architecture, state.weights,
                                    scales{noise(clean, "64"), noise(coarsen(clean), "32")}, {1, 1}),
                 rate(k), {});
      BOOST_CHECK_SMALL(loss.fine() + loss.coarse() - losses[k], 1e-4 * losses[k]);
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
template <std::size_t N>
void check_batch(const prediction& predicted) {
  const auto clean = hashed_normal("clean", {4, 3, 8, 8}, true);
  const objective goal{cosine_schedule(), independent_regime{}, predicted};
  const auto made = goal.template batch<N>(clean, 5, 100);
  const auto timesteps_drawn = draw_timesteps<tensor_f, N>(
      goal.regime, {.seed = 5, .use = purpose::training_timestep}, 100, batch, 1000);
  const auto check = [&](std::size_t scale, const tensor_f& x0) {
    const noised<tensor_f>& images = made[scale];
    const random_stream stream{.seed = 5, .use = purpose::training_noise,
                               .scale = static_cast<std::uint32_t>(scale)};
    const auto noise = normal_noise<tensor_f>(x0.shape(), stream, 100);
    std::vector<combination> clean_weights, noise_weights, scaled, unscaled;
    std::vector<double> alpha_bars;
    std::vector<float> told;
    for (const float t : timesteps_drawn[scale].to_host()) {
      const double alpha_bar = goal.schedule.alpha_bar(static_cast<std::size_t>(t));
      alpha_bars.push_back(alpha_bar);
      clean_weights.push_back(predicted.clean(alpha_bar));
      noise_weights.push_back(predicted.noise(alpha_bar));
      scaled.push_back({predicted.input(alpha_bar), 0});
      unscaled.push_back({1 / predicted.input(alpha_bar), 0});
      told.push_back(static_cast<float>(predicted.time(alpha_bar, t)));
    }
    const auto noisy = add_noise(alpha_bars, x0, noise);
    BOOST_CHECK_LT(relative_l2(images.input, combined(scaled, noisy, noisy)), 1e-6);
    BOOST_CHECK(images.t.to_host() == told);
    // A network that outputs its target is right about the noise and about the image.
    const auto seen = combined(unscaled, images.input, images.input);
    BOOST_CHECK_LT(relative_l2(combined(noise_weights, seen, images.target), noise), 1e-5);
    BOOST_CHECK_LT(relative_l2(combined(clean_weights, seen, images.target), x0), 1e-4);
  };
  const auto images = copies{}.split<N>(clean);
  for (std::size_t scale = 0; scale < N; ++scale) {
    check(scale, images[scale]);
    for (std::size_t other = 0; other < scale; ++other)
      BOOST_CHECK(made[scale].t.to_host() != made[other].t.to_host());
  }

  const auto single = goal.template batch<1>(clean, 5, 100);
  BOOST_CHECK(single.fine().input.to_host() == made.fine().input.to_host());

  // Sample numbers count, not places in a batch.
  const auto rest = goal.template batch<N>(clean.rows(1, 4), 5, 101);
  BOOST_CHECK(rest.fine().input.to_host() == made.fine().input.rows(1, 4).to_host());
  BOOST_CHECK(rest.coarse().t.to_host() == made.coarse().t.rows(1, 4).to_host());
}

}  // namespace

BOOST_AUTO_TEST_CASE(batches_for_every_prediction) {
  for (const auto& row : prediction_choices)
    BOOST_TEST_CONTEXT(row.name) {
      check_batch<1>(row.make());
      check_batch<2>(row.make());
      check_batch<3>(row.make());
    }
}

BOOST_AUTO_TEST_CASE(more_scales_leave_the_finer_ones_as_they_are) {
  const auto clean = hashed_normal("clean", {4, 3, 8, 8}, true);
  const objective goal{cosine_schedule(), independent_regime{}};
  const auto two = goal.batch<2>(clean, 5, 100);
  const auto three = goal.batch<3>(clean, 5, 100);
  for (std::size_t scale = 0; scale < 2; ++scale) {
    BOOST_CHECK(three[scale].input.to_host() == two[scale].input.to_host());
    BOOST_CHECK(three[scale].target.to_host() == two[scale].target.to_host());
    BOOST_CHECK(three[scale].t.to_host() == two[scale].t.to_host());
  }
}

BOOST_AUTO_TEST_CASE(what_a_preconditioned_network_is_shown) {
  // Of images of EDM's σ_data = ½, against its formulas for x = x₀ + σ·ε.
  const cosine_schedule schedule;
  const std::vector<double> t{0, 1, 100, 500, 900, 999};
  const shape images{t.size(), 3, 128, 128};
  const auto normal = [&](purpose use) {
    return normal_noise<tensor_d>(images, {.seed = 1, .use = use}, 0);
  };
  const tensor_d clean = scaled(normal(purpose::evaluation_noise), 0.5);
  const tensor_d noise = normal(purpose::training_noise);
  const auto made = noise_images(predicts_preconditioned{}, clean, noise,
                                 tensor_d({t.size()}, t), schedule);
  const auto told = made.t.to_host(), input = made.input.to_host(), target = made.target.to_host(),
             x0 = clean.to_host(), e = noise.to_host();
  BOOST_REQUIRE(made.t.shape() == shape{t.size()});
  const std::size_t width = images.product(1, 4);
  for (std::size_t i = 0; i < t.size(); ++i)
    BOOST_TEST_CONTEXT("timestep " << t[i]) {
      const double alpha_bar = schedule.alpha_bar(static_cast<std::size_t>(t[i]));
      const double sigma = std::sqrt((1 - alpha_bar) / alpha_bar), power = sigma * sigma + 0.25;
      const double skip = 0.25 / power, out = 0.5 * sigma / std::sqrt(power);
      BOOST_CHECK_SMALL(told[i] - std::log(sigma) / 4, 1e-12);
      double furthest = 0, input_squares = 0, target_squares = 0;
      for (std::size_t k = i * width; k < (i + 1) * width; ++k) {
        const double x = x0[k] + sigma * e[k];
        furthest = std::max({furthest, std::abs(input[k] - x / std::sqrt(power)),
                             std::abs(out * target[k] + skip * x - x0[k])});
        input_squares += input[k] * input[k];
        target_squares += target[k] * target[k];
      }
      BOOST_CHECK_LT(furthest, 1e-10);
      // Five standard errors of a variance of so many numbers.
      BOOST_CHECK_SMALL(input_squares / double(width) - 1, 5 * std::sqrt(2 / double(width)));
      BOOST_CHECK_SMALL(target_squares / double(width) - 1, 5 * std::sqrt(2 / double(width)));
    }
}

BOOST_AUTO_TEST_CASE(losses_and_gradients_of_three_scales) {
  const multiscale_unet<3> architecture{{{8}}};
  const auto net = hashed_network<tensor_d>(architecture, "three.");
  const tensor_f images = hashed_normal("clean", {2, 3, 8, 8}, true);
  const std::vector<float> pixels = images.to_host();
  const tensor_d clean(images.shape(), std::vector<double>(pixels.begin(), pixels.end()));
  const scales<double, 3> weights{1, 0.5, 2};
  for (const auto& row : prediction_choices)
    BOOST_TEST_CONTEXT(row.name) {
      const objective goal{cosine_schedule(), independent_regime{}, row.make()};
      const auto seen = goal.batch<3>(clean, 5, 100);
      const auto loss = [&](const parameters<tensor_d>& at) {
        const auto y = architecture(
            scope(at), make_scales<3>([&](std::size_t s) { return seen[s].input; }),
            make_scales<3>([&](std::size_t s) { return seen[s].t; }));
        return make_scales<3>([&](std::size_t s) {
          const auto got = y[s].to_host(), want = seen[s].target.to_host();
          double squares = 0;
          for (std::size_t i = 0; i < got.size(); ++i)
            squares += (got[i] - want[i]) * (got[i] - want[i]);
          return squares / double(got.size());
        });
      };
      const auto found = loss_and_gradients(architecture, net.weights, seen, weights);
      const auto losses = loss(net.weights);
      for (std::size_t s = 0; s < 3; ++s)
        BOOST_CHECK_CLOSE(found.loss[s].to_host()[0], losses[s], 1e-10);

      const auto total = [&](const parameters<tensor_d>& at) {
        const auto there = loss(at);
        double sum = 0;
        for (std::size_t s = 0; s < 3; ++s) sum += weights[s] * there[s];
        return sum;
      };
      check_gradients(net.weights, found.gradients, total, 1e-5, 1e-7);
    }
}

BOOST_AUTO_TEST_SUITE_END()
