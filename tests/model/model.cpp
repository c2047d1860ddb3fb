// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <lift/model/model.hpp>
#include <lift/pyramid/copies.hpp>
#include <lift/schedule/tabulated_schedule.hpp>
#include <lift/tensor/noise.hpp>

#include "message_of.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(model_tests)

using namespace lift;
using namespace lift::test;

namespace {

const tabulated_schedule schedule({0.9999, 0.99, 0.8, 0.5, 0.1, 0.003});
const std::size_t levels = schedule.num_timesteps();

/// Unit noise with an image for each timestep of the schedule.
tensor_d noise_of_seed(std::uint64_t seed, std::size_t size = 8) {
  return normal_noise<tensor_d>({levels, 3, size, size}, {.seed = seed}, 0);
}

timesteps every_timestep() {
  timesteps result;
  for (std::size_t t = 0; t < levels; ++t) result.push_back(static_cast<double>(t));
  return result;
}
timesteps reversed(const timesteps& t) { return {t.rbegin(), t.rend()}; }

/// EDM's functions of σ (Karras et al. 2022, table 1) at an ᾱ, for x̄ = x_t/√ᾱ = x₀ + σ·ε.
struct edm {
  static constexpr double data = 0.5;
  double sigma, skip, out, in, noise;

  explicit edm(double alpha_bar)
      : sigma(std::sqrt((1 - alpha_bar) / alpha_bar)),
        skip(data * data / (sigma * sigma + data * data)),
        out(sigma * data / std::sqrt(data * data + sigma * sigma)),
        in(1 / std::sqrt(sigma * sigma + data * data)),
        noise(std::log(sigma) / 4) {}
};

/// What a network is to give and is shown where it predicts by this name, as the definitions say.
struct definition {
  combination target;  // of x₀ and ε
  double input, time;  // what x_t is multiplied by, and what the network is told
};
definition definition_of(const std::string& name, double alpha_bar, double t) {
  const double signal = std::sqrt(alpha_bar), noise = std::sqrt(1 - alpha_bar);
  if (name == "noise") return {{0, 1}, 1, t};
  if (name == "clean") return {{1, 0}, 1, t};
  if (name == "velocity") return {{-noise, signal}, 1, t};
  BOOST_TEST_REQUIRE(name == "edm");
  const edm c(alpha_bar);  // y = (x₀ − c_skip·x̄)/c_out, shown c_in·x̄
  return {{(1 - c.skip) / c.out, -c.skip * c.sigma / c.out}, c.in / signal, c.noise};
}

/// An image of zeros for each input, whatever the number of scales.
struct zero_network {
  template <class X, std::size_t N>
  scales<X, N> operator()(const scales<X, N>& x, const scales<timesteps, N>&) const {
    return make_scales<N>([&](std::size_t s) { return scaled(x[s], 0); });
  }
};

/// Both estimates are exact where the network's output is the target, of N scales with clocks of
/// their own, an ᾱ for each image.
template <std::size_t N>
void check_exact_estimates(const prediction& predicted) {
  const std::string name = predicted.name();
  const scales<tensor_d, N> clean = copies{}.split<N>(noise_of_seed(1));
  const auto noise = make_scales<N>(
      [&](std::size_t s) { return noise_of_seed(2 + s, clean[s].shape()[2]); });
  const auto t = make_scales<N>(
      [&](std::size_t s) { return s % 2 ? reversed(every_timestep()) : every_timestep(); });

  scales<tensor_d, N> x = clean, input = clean, target = clean;
  scales<timesteps, N> told = t;
  for (std::size_t s = 0; s < N; ++s) {
    std::vector<combination> targets, inputs;
    for (std::size_t i = 0; i < levels; ++i) {
      const auto want = definition_of(name, alpha_bars(schedule, t[s])[i], t[s][i]);
      targets.push_back(want.target);
      inputs.push_back({want.input, 0});
      told[s][i] = want.time;
    }
    x[s] = add_noise(alpha_bars(schedule, t[s]), clean[s], noise[s]);
    input[s] = combined(inputs, x[s], x[s]);
    target[s] = combined(targets, clean[s], noise[s]);
  }
  const auto network = [&](const scales<tensor_d, N>& shown, const scales<timesteps, N>& at) {
    for (std::size_t s = 0; s < N; ++s) {
      BOOST_TEST(relative_l2(shown[s], input[s]) < 1e-15);
      BOOST_TEST(at[s] == told[s], boost::test_tools::tolerance(1e-12)
                                       << boost::test_tools::per_element());
    }
    return target;
  };
  const model made{network, predicted, schedule};
  const scales<tensor_d, N> got_clean = made(x, t), got_noise = made.noise(x, t);
  for (std::size_t s = 0; s < N; ++s)
    BOOST_TEST_CONTEXT(name << ", scale " << s << " of " << N) {
      BOOST_TEST(relative_l2(got_clean[s], clean[s]) < 1e-12);
      BOOST_TEST(relative_l2(got_noise[s], noise[s]) < 1e-12);
    }
}

bool refuses(const auto& call) { return message_of(call) != "nothing thrown"; }

}  // namespace

BOOST_AUTO_TEST_CASE(the_target_gives_back_image_and_noise) {
  std::vector<std::string> names;
  for (const auto& choice : prediction_choices) {
    const prediction predicted = choice.make();
    names.push_back(predicted.name());
    BOOST_TEST(names.back() == choice.name);
    check_exact_estimates<1>(predicted);
    check_exact_estimates<2>(predicted);
    check_exact_estimates<3>(predicted);
  }
  BOOST_TEST(names == (std::vector<std::string>{"noise", "clean", "velocity", "edm"}),
             boost::test_tools::per_element());
}

/// The rules of every prediction, as the trainer and the model use them, agree with its definition.
BOOST_AUTO_TEST_CASE(targets_are_those_of_the_definitions) {
  for (const auto& choice : prediction_choices)
    for (const double t : every_timestep()) {
      const prediction predicted = choice.make();
      const double a = alpha_bar_at(schedule, t);
      const auto want = definition_of(choice.name, a, t);
      const auto check = [](double got, double wanted) {
        BOOST_TEST(std::abs(got - wanted) < 1e-12 * std::max(1.0, std::abs(wanted)));
      };
      check(predicted.target(a).a, want.target.a);
      check(predicted.target(a).b, want.target.b);
      check(predicted.input(a), want.input);
      check(predicted.time(a, t), want.time);
    }
}

/// In EDM's coordinates: D = c_skip·x̄ + c_out·F(c_in·x̄, c_noise), ε̂ = (x̄ − D)/σ.
BOOST_AUTO_TEST_CASE(edm_is_table_1) {
  using rule = predicts_preconditioned;
  for (const double a : {1 - 1e-6, 0.9999, 0.9, 0.8, 0.5, 0.1, 0.003, 1e-6}) {
    const edm c(a);
    const double root = std::sqrt(a);
    const auto same = [&](double got, double want) {
      BOOST_TEST(got == want, boost::test_tools::tolerance(1e-9));
    };
    BOOST_TEST_CONTEXT("alpha_bar " << a) {
      same(rule::clean(a).a, c.skip / root);
      same(rule::clean(a).b, c.out);
      same(rule::noise(a).a, (1 - c.skip) / c.sigma / root);
      same(rule::noise(a).b, -c.out / c.sigma);
      same(rule::input(a), c.in / root);
      same(rule::time(a, 17), c.noise);
      same(rule::target(a).a, (1 - c.skip) / c.out);
      same(rule::target(a).b, -c.skip * c.sigma / c.out);
      // Inputs and targets have unit variance where images have σ_data.
      const auto power = [&](double image, double noise) {
        return image * image * rule::data * rule::data + noise * noise;
      };
      same(power(root * rule::input(a), std::sqrt(1 - a) * rule::input(a)), 1);
      same(power(rule::target(a).a, rule::target(a).b), 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_error_of_edm_is_the_images_with_edms_weight) {
  for (const double t : every_timestep()) {
    const auto clean = noise_of_seed(1), noise = noise_of_seed(2), y = noise_of_seed(3);
    const double a = alpha_bar_at(schedule, t), out = edm(a).out;
    const auto network = [&](const scales<tensor_d, 1>&, const scales<timesteps, 1>&) {
      return scales{y};
    };
    const model made{network, predicts_preconditioned{}, schedule};
    const auto denoised = made(scales{add_noise({a}, clean, noise)}, scales{timesteps{t}}).fine();
    const auto target = combined({made.prediction.target(a)}, clean, noise);
    BOOST_TEST(squared_norm(axpby(1, y, -1, target)) ==
                   squared_norm(axpby(1, denoised, -1, clean)) / (out * out),
               boost::test_tools::tolerance(1e-10));
  }
}

BOOST_AUTO_TEST_CASE(pure_noise_and_clean_images) {
  const tabulated_schedule whole({1, 0.5, 0});
  const scales x{noise_of_seed(1), noise_of_seed(2, 4)};
  const auto made = [&](const prediction& p) { return model{zero_network{}, p, whole}; };
  const auto at = [](double fine, double coarse) {
    return scales{timesteps{fine}, timesteps{coarse}};
  };

  BOOST_TEST(message_of([&] { made(predicts_noise{})(x, at(1, 2)); }) ==
             "alpha_bar at timestep 2 for a network that predicts noise: got 0, want one at which "
             "that gives an estimate of the image");
  BOOST_TEST(message_of([&] { made(predicts_clean{}).noise(x, at(0, 1)); }) ==
             "alpha_bar at timestep 0 for a network that predicts clean: got 1, want one at which "
             "that gives an estimate of the noise");
  const scales clean_end = at(0, 1), noisy_end = at(1, 2);
  const struct {
    prediction predicted;
    bool image_of_clean, noise_of_clean, image_of_noise, noise_of_noise;
  } kinds[] = {{predicts_noise{}, true, true, false, true},
               {predicts_clean{}, true, false, true, true},
               {predicts_velocity{}, true, true, true, true},
               {predicts_preconditioned{}, false, false, false, false}};
  for (const auto& kind : kinds) {
    const auto m = made(kind.predicted);
    BOOST_TEST_CONTEXT(kind.predicted.name()) {
      BOOST_TEST(refuses([&] { m(x, clean_end); }) == !kind.image_of_clean);
      BOOST_TEST(refuses([&] { m.noise(x, clean_end); }) == !kind.noise_of_clean);
      BOOST_TEST(refuses([&] { m(x, noisy_end); }) == !kind.image_of_noise);
      BOOST_TEST(refuses([&] { m.noise(x, noisy_end); }) == !kind.noise_of_noise);
    }
  }
  // One image of a batch is enough.
  timesteps t(levels, 1);
  t.back() = 2;
  BOOST_CHECK_THROW(made(predicts_noise{})(x, scales{t, timesteps{1}}), error);
  BOOST_CHECK_THROW(made(predicts_noise{})(x, at(3, 1)), error);
  BOOST_CHECK_THROW(made(predicts_noise{})(x, at(1, -1)), error);
  const auto smaller = [](const scales<tensor_d>& images, const scales<timesteps>&) {
    return scales{images.coarse(), images.coarse()};
  };
  BOOST_TEST(message_of([&] { model{smaller, predicts_noise{}, whole}(x, at(1, 1)); }) ==
             "shape of the network's output: got (6, 3, 4, 4), want (6, 3, 8, 8)");
}

/// Fractional timesteps have the ᾱ between; those that the network is told are not rounded.
BOOST_AUTO_TEST_CASE(fractional_timesteps) {
  const scales x{noise_of_seed(1)};
  std::vector<double> told;
  const auto network = [&](const scales<tensor_d, 1>& shown, const scales<timesteps, 1>& t) {
    told = t.fine();
    return shown;
  };
  for (const double t : {0.25, 2.5, 4.75}) {
    const double a = alpha_bar_at(schedule, t);
    BOOST_TEST(a < schedule.alpha_bar(static_cast<std::size_t>(t)));
    BOOST_TEST(a > schedule.alpha_bar(static_cast<std::size_t>(t) + 1));
    const auto got = model{network, predicts_velocity{}, schedule}(x, scales{timesteps{t}});
    const double weight = std::sqrt(a) - std::sqrt(1 - a);
    BOOST_TEST(relative_l2(got.fine(), scaled(x.fine(), weight)) < 1e-14);
    BOOST_TEST(told == std::vector<double>{t}, boost::test_tools::per_element());
  }
}

/// What a model takes is what its network takes: here duals.
BOOST_AUTO_TEST_CASE(duals_go_through) {
  using made = model<zero_network, tabulated_schedule>;
  static_assert(differentiable_denoiser<made, tensor_d, 1>);
  static_assert(differentiable_denoiser<made, tensor_d, 3>);
  using dual_d = dual_of<tensor_d>;
  const double a = schedule.alpha_bar(2);
  const scales x{dual_d{noise_of_seed(1), noise_of_seed(2)}};
  const auto got = made{zero_network{}, predicts_noise{}, schedule}(x, scales{timesteps{2}}).fine();
  BOOST_TEST(relative_l2(got.primal, scaled(x.fine().primal, 1 / std::sqrt(a))) < 1e-15);
  BOOST_TEST(relative_l2(got.tangent, scaled(x.fine().tangent, 1 / std::sqrt(a))) < 1e-15);
}

BOOST_AUTO_TEST_CASE(predictions_by_name) {
  BOOST_TEST(make_prediction("edm").name() == std::string("edm"));
  BOOST_TEST(message_of([] { make_prediction("x0"); }) ==
             "unknown prediction: got \"x0\", want one of noise, clean, velocity, edm");
  // Without a word on it, a network predicts noise on the cosine schedule.
  const model plain{zero_network{}};
  static_assert(std::is_same_v<decltype(plain), const model<zero_network, cosine_schedule>>);
  BOOST_TEST(plain.prediction.name() == std::string("noise"));
}

BOOST_AUTO_TEST_SUITE_END()
