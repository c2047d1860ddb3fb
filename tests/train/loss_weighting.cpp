// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <lift/schedule/zero_terminal_snr.hpp>
#include <lift/train/loss_weighting.hpp>

#include <hashed.hpp>
#include <message_of.hpp>
#include <tensors.hpp>
#include <train/check_gradients.hpp>
#include <train/toy.hpp>

BOOST_AUTO_TEST_SUITE(loss_weighting_tests)

using namespace lift;
using namespace lift::test;

namespace {

const double snrs[] = {1e-4, 0.1, 1, 4.9, 5, 5.1, 300, 1e4};

double of_output(const loss_weighting& weighting, const prediction& predicted, double snr) {
  return weighting.of_output(predicted, alpha_bar_from_snr(snr));
}

}  // namespace

BOOST_AUTO_TEST_CASE(min_snr_is_the_papers) {
  for (const double snr : snrs) {
    const auto weight = [&](const prediction& predicted) {
      return of_output(min_snr_weighting{}, predicted, snr);
    };
    BOOST_CHECK_CLOSE(weight(predicts_clean{}), std::min(snr, 5.0), 1e-9);
    BOOST_CHECK_CLOSE(weight(predicts_noise{}), std::min(snr, 5.0) / snr, 1e-9);
    BOOST_CHECK_CLOSE(weight(predicts_velocity{}), std::min(snr, 5.0) / (snr + 1), 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(the_others_are_what_they_say) {
  constexpr double data = predicts_preconditioned::data;
  for (const double snr : snrs) {
    const double sigma = 1 / std::sqrt(snr), power = sigma * sigma + data * data;
    BOOST_CHECK_CLOSE(of_output(snr_weighting{}, predicts_noise{}, snr), 1, 1e-9);
    BOOST_CHECK_CLOSE(of_output(snr_weighting{}, predicts_clean{}, snr), snr, 1e-9);
    BOOST_CHECK_CLOSE(of_output(edm_weighting{}, predicts_preconditioned{}, snr), 1, 1e-9);
    BOOST_CHECK_CLOSE(of_output(edm_weighting{}, predicts_clean{}, snr),
                      power / std::pow(sigma * data, 2), 1e-9);
    for (const auto& row : prediction_choices)
      BOOST_CHECK_EQUAL(of_output({}, row.make(), snr), 1);
  }
}

BOOST_AUTO_TEST_CASE(unweighted_losses_are_as_ever) {
  const auto images = noise_source<tensor_f>(3, 8).images;
  for (const auto& of_scale : objective<>{}.batch<2>(images, 5, 100))
    BOOST_CHECK(of_scale.error_scale.empty());
}

/// Against x̂₀ of the network's output, image by image.
BOOST_AUTO_TEST_CASE(losses_and_gradients_are_weighted) {
  const auto net = network<toy_network, tensor_d>(toy_network{}, 1);
  const auto images = noise_source<tensor_d>(4, 8).images;
  const auto clean = copies{}.split<2>(images);
  const scales<double> of_scales{1, 0.5};
  const cosine_schedule schedule;
  for (const auto& row : prediction_choices)
    for (const auto& weighting : loss_weighting_choices)
      BOOST_TEST_CONTEXT(row.name << " weighted by " << weighting.name) {
        objective<> goal{schedule, independent_regime{}, row.make()};
        goal.weighting = weighting.make();
        const prediction& predicted = goal.prediction;
        const auto seen = goal.batch<2>(images, 5, 100);
        const auto t = draw_timesteps<tensor_d, 2>(
            goal.regime, {.seed = 5, .use = purpose::training_timestep}, 100, 4, 1000);
        const auto loss = [&](const parameters<tensor_d>& at) {
          const auto y = toy_network{}(
              scope(at), make_scales<2>([&](std::size_t s) { return seen[s].input; }),
              make_scales<2>([&](std::size_t s) { return seen[s].t; }));
          return make_scales<2>([&](std::size_t s) {
            const auto output = y[s].to_host(), input = seen[s].input.to_host(),
                       target = seen[s].target.to_host(), x0 = clean[s].to_host(),
                       times = t[s].to_host();
            const std::size_t width = output.size() / times.size();
            double sum = 0;
            for (std::size_t i = 0; i < output.size(); ++i) {
              const double alpha_bar = schedule.alpha_bar(std::size_t(times[i / width]));
              const double gamma = alpha_bar / (1 - alpha_bar);
              const combination c = predicted.clean(alpha_bar);
              const double x = input[i] / predicted.input(alpha_bar);
              const double error = c.a * x + c.b * output[i] - x0[i];
              const std::string name = weighting.name;
              sum += name == "none"      ? std::pow(output[i] - target[i], 2)
                     : name == "min-snr" ? std::min(gamma, 5.0) * error * error
                     : name == "snr"     ? gamma * error * error
                                         : (gamma + 4) * error * error;
            }
            return sum / double(output.size());
          });
        };
        const auto found = loss_and_gradients(toy_network{}, net.weights, seen, of_scales);
        const auto losses = loss(net.weights);
        for (std::size_t s = 0; s < 2; ++s)
          BOOST_CHECK_CLOSE(found.loss[s].to_host()[0], losses[s], 1e-8);

        const auto total = [&](const parameters<tensor_d>& at) {
          const auto there = loss(at);
          return of_scales[0] * there[0] + of_scales[1] * there[1];
        };
        check_gradients(net.weights, found.gradients, total, 1e-4, 1e-6 * (1 + losses[0] + losses[1]));
      }
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_no_number_is_refused) {
  const auto noiseless = zero_terminal_snr(cosine_schedule(10));
  BOOST_TEST(message_of([&] {
               require_trainable(predicts_noise{}, noiseless, min_snr_weighting{});
             }).find("weight by min-snr of the loss at timestep 9 of a network that predicts noise: got") ==
             0u);
  for (const auto& row : loss_weighting_choices)
    for (const prediction& predicted : {prediction(predicts_clean{}), prediction(predicts_velocity{})})
      BOOST_CHECK_NO_THROW(require_trainable(predicted, noiseless, row.make()));
  const objective<> fine{};
  for (const auto& predicted : prediction_choices)
    for (const auto& row : loss_weighting_choices)
      BOOST_CHECK_NO_THROW(require_trainable(predicted.make(), fine.schedule, row.make()));
}

BOOST_AUTO_TEST_CASE(a_trainer_weighs) {
  const auto images = noise_source<tensor_f>(6, 8);
  const auto first_loss = [&](const loss_weighting& weighting) {
    objective<> goal{};
    goal.weighting = weighting;
    trainer training(toy_network{},
                     training_state(network<toy_network, tensor_f>(toy_network{}, 1).weights, 1), images,
                     goal, constant_rate{1e-3}, {.batch_size = 6});
    return training.step().loss.fine();
  };
  const double plain = first_loss({});
  BOOST_CHECK_CLOSE(first_loss(snr_weighting{}), plain, 1e-3);  // of noise
  BOOST_TEST(first_loss(min_snr_weighting{}) < plain);
}

BOOST_AUTO_TEST_CASE(an_unknown_name_lists_the_known) {
  BOOST_TEST(message_of([] { make_loss_weighting("snr-min"); }) ==
             "unknown loss weighting: got \"snr-min\", want one of none, min-snr, snr, edm");
}

BOOST_AUTO_TEST_SUITE_END()
