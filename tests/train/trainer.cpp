// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <thread>
#include <tuple>
#include <vector>

#include <lift/core/stoppable.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/train/any_regime.hpp>

#include <io/hostile.hpp>
#include <own_schedule.hpp>
#include <tensors.hpp>
#include <train/toy.hpp>

BOOST_AUTO_TEST_SUITE(trainer_tests)

using namespace lift;
using namespace lift::test;

namespace {

static_assert(image_source<tensor_images<tensor_f>, tensor_f>);

const objective plain{cosine_schedule(), independent_regime{}};

/// A backend that says it records work.
struct keeping_backend : xtensor_backend {
  struct recorded_work : unrecorded_work {
    static constexpr bool records = true;
  };
};
using keeping_tensor = tensor<keeping_backend, float>;

template <class Tensor, class Architecture = toy_network>
training_state<Tensor> fresh(std::uint64_t seed = 1) {
  return training_state<Tensor>(network<Architecture, Tensor>(Architecture{}, seed).weights, seed);
}

/// Notes which images were asked for.
struct noting_source {
  tensor_images<tensor_f> images = noise_source<tensor_f>(10, 4);
  std::vector<std::vector<std::size_t>>* batches;

  std::size_t size() const { return images.size(); }
  tensor_f operator()(std::span<const std::size_t> indices) const {
    batches->emplace_back(indices.begin(), indices.end());
    return images(indices);
  }
};

/// The same, and which it was told to expect.
struct expecting_source : noting_source {
  std::vector<std::vector<std::size_t>>* expected;
  void expect(std::span<const std::size_t> indices) const {
    expected->emplace_back(indices.begin(), indices.end());
  }
};
static_assert(expecting_image_source<expecting_source, tensor_f>);
static_assert(!expecting_image_source<noting_source, tensor_f>);

std::vector<std::vector<std::size_t>> batches_of(std::uint64_t seed, std::uint64_t steps) {
  std::vector<std::vector<std::size_t>> batches;
  const noting_source source{.batches = &batches};
  trainer training(toy_network{}, fresh<tensor_f>(seed), source, plain, constant_rate{},
                   {.batch_size = 3});
  training.run(steps, [](const step_report<>&) {});
  return batches;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_epoch_sees_each_image_once_and_drops_the_rest) {
  const auto batches = batches_of(1, 9);  // three epochs of 10 div 3 batches
  BOOST_REQUIRE_EQUAL(batches.size(), 9u);
  std::set<std::vector<std::size_t>> orders;
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::size_t> seen;
    for (std::size_t i = 0; i < 3; ++i)
      for (const std::size_t image : batches[3 * epoch + i]) seen.push_back(image);
    orders.insert(seen);
    BOOST_CHECK_EQUAL(seen.size(), 9u);
    BOOST_CHECK_EQUAL(std::set<std::size_t>(seen.begin(), seen.end()).size(), 9u);
  }
  BOOST_CHECK_EQUAL(orders.size(), 3u);
  BOOST_CHECK(batches_of(1, 9) == batches);
  BOOST_CHECK(batches_of(2, 9) != batches);
}

BOOST_AUTO_TEST_CASE(a_source_is_told_the_images_of_the_next_batch) {
  std::vector<std::vector<std::size_t>> batches, expected;
  const expecting_source source{{.batches = &batches}, &expected};
  trainer training(toy_network{}, fresh<tensor_f>(), source, plain, constant_rate{}, {.batch_size = 3});
  training.run(8, [](const step_report<>&) {});  // over two ends of epochs
  BOOST_REQUIRE_EQUAL(expected.size(), 8u);
  expected.pop_back();
  BOOST_CHECK(expected == std::vector(batches.begin() + 1, batches.end()));
  BOOST_CHECK(batches == batches_of(1, 8));
}

BOOST_AUTO_TEST_CASE(reports_and_counters) {
  const auto source = noise_source<tensor_f>(10, 4);
  const auto initial = fresh<tensor_f>();
  const auto before = numbers_of(initial);
  trainer training(toy_network{}, initial, source, plain, cosine_annealing{.steps = 20},
                   {.batch_size = 4});
  BOOST_CHECK_EQUAL(training.batches_per_epoch(), 2u);
  std::vector<step_report<>> reports;
  training.run(5, [&](const step_report<>& r) { reports.push_back(r); });
  BOOST_REQUIRE_EQUAL(reports.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    BOOST_CHECK_EQUAL(reports[i].step, i + 1);
    BOOST_CHECK_EQUAL(reports[i].epoch, i / 2);
    BOOST_CHECK_EQUAL(reports[i].learning_rate, cosine_annealing{.steps = 20}(i));
    BOOST_CHECK_GT(reports[i].loss.fine(), 0);
    BOOST_CHECK_GT(reports[i].loss.coarse(), 0);
    BOOST_CHECK_GT(reports[i].gradient_norm, 0);
    BOOST_CHECK_GT(reports[i].images_per_second, 0);
  }
  const auto& state = training.state();
  BOOST_CHECK_EQUAL(state.step, 5u);
  BOOST_CHECK_EQUAL(state.samples, 20u);
  BOOST_CHECK_EQUAL(state.epoch, 2u);
  BOOST_CHECK_EQUAL(state.cursor, 4u);
  BOOST_CHECK_EQUAL(state.images, 10u);
  BOOST_CHECK(numbers_of(initial) == before);  // the trainer has its own copy
  BOOST_CHECK(numbers_of(state) != before);
}

BOOST_AUTO_TEST_CASE(a_rate_is_changed_between_steps) {
  const auto source = noise_source<tensor_f>(10, 4);
  const cosine_annealing rate{.steps = 20};
  const auto trained = [&](std::uint64_t change_after) {
    trainer training(toy_network{}, fresh<tensor_f>(), source, plain, rate, {.batch_size = 4});
    std::vector<double> rates;
    training.run(change_after, [&](const auto& r) { rates.push_back(r.learning_rate); });
    training.change_rate(rate.lasting(6));
    training.run(6, [&](const auto& r) { rates.push_back(r.learning_rate); });
    for (std::uint64_t step = 0; step < 6; ++step)
      BOOST_CHECK_EQUAL(rates.at(step), step < change_after ? rate(step) : rate.lasting(6)(step));
    return numbers_of(training.state());
  };
  BOOST_CHECK(trained(0) == trained(0));
  BOOST_CHECK(trained(2) != trained(0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(training_learns, Architecture,
                              decltype(std::tuple(toy_network{}, toy_baseline{}))) {
  const auto source = noise_source<tensor_f>(32, 8);
  trainer training(Architecture{}, fresh<tensor_f, Architecture>(), source, plain,
                   constant_rate{0.02}, {.batch_size = 16});
  double first = 0, last = 0;
  training.run(200, [&](const step_report<Architecture::scale_count>& r) {
    (r.step <= 20 ? first : last) += r.step <= 20 || r.step > 180 ? r.loss.fine() : 0;
  });
  BOOST_CHECK_LT(last, 0.6 * first);
}

BOOST_AUTO_TEST_CASE(three_scales_learn) {
  const multiscale_unet<3> architecture{{{8}}};
  const auto source = noise_source<tensor_f>(32, 8);
  trainer training(architecture,
                   training_state<tensor_f>(network<multiscale_unet<3>, tensor_f>(
                       architecture, 1).weights, 1),
                   source, plain, constant_rate{0.005}, {.batch_size = 16});
  scales<double, 3> first{}, last{};
  training.run(300, [&](const step_report<3>& r) {
    for (std::size_t scale = 0; scale < 3; ++scale) {
      if (r.step <= 20) first[scale] += r.loss[scale];
      if (r.step > 280) last[scale] += r.loss[scale];
    }
  });
  for (std::size_t scale = 0; scale < 3; ++scale)
    BOOST_TEST_CONTEXT("scale " << scale) BOOST_CHECK_LT(last[scale], 0.6 * first[scale]);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_step_of_every_prediction, Architecture,
                              decltype(std::tuple(baseline_unet{}, lift_unet{},
                                                  multiscale_unet<3>{}))) {
  const Architecture architecture{{{8}}};
  const training_state<tensor_f> initial(network<Architecture, tensor_f>(architecture, 1).weights);
  const auto source = noise_source<tensor_f>(16, 8);
  std::set<std::vector<float>> results;
  for (const auto& row : prediction_choices)
    BOOST_TEST_CONTEXT(row.name) {
      trainer training(architecture, initial, source,
                       objective{cosine_schedule(), independent_regime{}, row.make()},
                       constant_rate{}, {.batch_size = 16});
      for (const double loss : training.step().loss) {
        BOOST_CHECK(std::isfinite(loss));
        BOOST_CHECK_GT(loss, 0);
      }
      results.insert(numbers_of(training.state()));
    }
  BOOST_CHECK_EQUAL(results.size(), std::size(prediction_choices));
}

BOOST_AUTO_TEST_CASE(fine_loss_only_leaves_the_coarse_layer_to_weight_decay) {
  const auto source = noise_source<tensor_d>(8, 4);
  const auto initial = fresh<tensor_d>();
  trainer training(toy_network{}, initial, source,
                   objective{cosine_schedule(), make_regime("fine-loss-only")}, constant_rate{0.1},
                   {.batch_size = 8});
  const auto report = training.step();
  BOOST_CHECK_GT(report.loss.coarse(), 0);
  const auto before = initial.weights["coarse.conv.weight"].to_host();
  const auto after = training.state().weights["coarse.conv.weight"].to_host();
  for (std::size_t i = 0; i < before.size(); ++i)
    BOOST_CHECK_SMALL(after[i] - 0.999 * before[i], 1e-15);
}

BOOST_AUTO_TEST_CASE(accumulated_parts_equal_the_whole_batch) {
  const auto source = noise_source<tensor_d>(24, 4);
  const auto train = [&](std::size_t parts) {
    trainer training(toy_network{}, fresh<tensor_d>(), source, plain, constant_rate{0.01},
                     {.batch_size = 12, .accumulation = parts});
    std::vector<double> losses;
    training.run(6, [&](const step_report<>& r) {
      losses.push_back(r.loss.fine() + r.gradient_norm);
    });
    return std::pair(losses, numbers_of(training.state()));
  };
  const auto whole = train(1);
  for (const std::size_t parts : {2u, 3u, 12u}) {
    BOOST_CHECK_LT(relative_l2(train(parts).first, whole.first), 1e-12);
    BOOST_CHECK_LT(relative_l2(train(parts).second, whole.second), 1e-10);
  }
}

BOOST_AUTO_TEST_CASE(a_clipped_step_uses_the_scaled_gradient) {
  // β₁ = 0: the first moment is the gradient as the optimiser saw it.
  const auto source = noise_source<tensor_d>(8, 4);
  trainer training(toy_network{}, fresh<tensor_d>(), source, plain, constant_rate{},
                   {.batch_size = 8, .max_gradient_norm = 0.01, .optimiser = {.beta1 = 0}});
  const auto report = training.step();
  BOOST_CHECK_GT(report.gradient_norm, 0.1);
  std::vector<tensor_d> seen;
  for (const auto& entry : training.state().optimiser_state[0].entries()) seen.push_back(entry.value);
  BOOST_CHECK_CLOSE(global_norm(norms(seen)), 0.01, 1e-3);
}

BOOST_AUTO_TEST_CASE(not_finite_data_stop_the_step_and_change_nothing) {
  const spoilt_source<tensor_f> source{noise_source<tensor_f>(12, 4), 5};
  trainer training(toy_network{}, fresh<tensor_f>(), source, plain, constant_rate{},
                   {.batch_size = 2});
  training_state<tensor_f> before;
  std::uint64_t steps = 0;
  const auto take_step = [&] {
    before = training.state().clone();
    training.step();
  };
  while (!refuses(take_step)) ++steps;
  BOOST_CHECK_LT(steps, 6u);
  BOOST_CHECK(same_state(training.state(), before));
  // The state is untouched, so the same step fails again.
  check_error(take_step, text("training step ", steps + 1, ": loss of the fine scale: got "));
  check_error(take_step, "nan, want a finite number");
}

BOOST_AUTO_TEST_CASE(not_finite_gradients_stop_the_step_and_name_the_parameter) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          -std::numeric_limits<float>::infinity()})
    for (std::size_t i = 0; i < fresh<tensor_f>().weights.size(); ++i) {
      auto state = fresh<tensor_f>();
      state.step = 6;
      const auto before = state.clone();
      loss_gradient<tensor_f> found{{full<tensor_f>({1}, 1), {}}, {}};
      auto& gradients = found.gradients;
      for (const auto& entry : state.weights.entries())
        gradients.push_back(full<tensor_f>(entry.value.shape(), gradients.size() == i ? bad : 1));
      check_error([&] { update(state, found, 0.1, {}); },
                  text("training step 7: norm of the gradient of ",
                       state.weights.entries()[i].name, ": got "));
      BOOST_CHECK(same_state(state, before));
    }
}

BOOST_AUTO_TEST_CASE(a_loss_or_a_squared_norm_that_is_not_finite_changes_nothing) {
  const auto stops = [](float loss, float element, const char* message) {
    auto state = fresh<tensor_f>();
    const auto before = state.clone();
    loss_gradient<tensor_f> found{{full<tensor_f>({1}, 1), full<tensor_f>({1}, loss)}, {}};
    for (const auto& entry : state.weights.entries())
      found.gradients.push_back(full<tensor_f>(entry.value.shape(), element));
    check_error([&] { update(state, found, 0.1, {}); }, message);
    BOOST_CHECK(same_state(state, before));
  };
  stops(std::numeric_limits<float>::infinity(), 1,
        "training step 1: loss of the coarse scale: got inf, want a finite number");
  // Each gradient's squares still have a float for their sum, all together have not.
  stops(1, 1.8e18f, "training step 1: squared norm of all gradients: got inf");
}

BOOST_AUTO_TEST_CASE(one_thread_and_two_give_the_same_bytes) {
  const auto source = noise_source<tensor_f>(16, 32);
  const auto train = [&](std::size_t threads) {
    default_thread_pool().resize(threads);
    trainer training(toy_network{}, fresh<tensor_f>(), source, plain, constant_rate{0.01},
                     {.batch_size = 8});
    training.run(5, [](const step_report<>&) {});
    return training.state().clone();
  };
  const auto one = train(1);
  BOOST_CHECK(same_state(train(2), one));
  BOOST_CHECK(same_state(train(3), one));
  default_thread_pool().resize(0);
}

BOOST_AUTO_TEST_CASE(a_step_that_is_asked_to_stop_leaves_the_state_of_the_last_whole_one) {
  const auto source = noise_source<tensor_f>(16, 32);
  const training_options<> options{.batch_size = 8, .average = {.decay = 0.9}};
  trainer training(toy_network{}, fresh<tensor_f>(), source, plain, constant_rate{0.01}, options);
  std::vector<training_state<tensor_f>> undisturbed{training.state().clone()};
  {
    trainer whole(toy_network{}, fresh<tensor_f>(), source, plain, constant_rate{0.01}, options);
    whole.run(4, [&](const step_report<>&) { undisturbed.push_back(whole.state().clone()); });
  }

  std::atomic<bool> flag = true;
  const stoppable here(&flag);
  for (std::size_t step = 0; step < 4; ++step) {
    flag = true;
    BOOST_CHECK_THROW(training.step(), stopped);
    BOOST_CHECK(same_state(training.state(), undisturbed[step]));
    // Asked later and later, until it is too late to stop.
    using std::chrono::microseconds;
    for (microseconds delay{0}; training.state().step == step; delay += delay / 4 + microseconds(9)) {
      flag = false;
      const std::jthread asker([&] {
        std::this_thread::sleep_for(delay);
        flag = true;
      });
      try {
        training.step();
      } catch (const stopped&) {
      }
      BOOST_CHECK(same_state(training.state(), undisturbed[training.state().step]));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_step_is_not_left_where_weights_change_or_work_is_recorded) {
  const auto source = noise_source<keeping_tensor>(8, 4);
  trainer training(toy_network{}, fresh<keeping_tensor>(), source, plain, constant_rate{0.01},
                   {.batch_size = 8});
  auto state = fresh<tensor_f>();
  loss_gradient<tensor_f> found{{full<tensor_f>({1}, 1), {}}, {}};
  for (const auto& entry : state.weights.entries())
    found.gradients.push_back(full<tensor_f>(entry.value.shape(), 1));

  const std::atomic<bool> flag = true;
  const stoppable here(&flag);
  training.run(2, [](const step_report<>&) {});
  BOOST_CHECK_EQUAL(training.state().step, 2u);
  update(state, found, 0.1, {});
  BOOST_CHECK_EQUAL(state.step, 1u);
}

BOOST_AUTO_TEST_CASE(misuse_is_one_clear_line) {
  const auto source = noise_source<tensor_f>(10, 4);
  const auto check = [&](const training_options<>& options, std::uint64_t images,
                         const char* message) {
    auto state = fresh<tensor_f>();
    state.images = images;
    check_error([&] { trainer(toy_network{}, state, source, plain, constant_rate{}, options); },
                message);
  };
  check({.batch_size = 11}, 0, "batch size: got 11, want 1 to the number of training images, 10");
  check({.batch_size = 0}, 0, "batch size: got 0");
  check({.batch_size = 6, .accumulation = 4}, 0,
        "parts of a batch (gradient accumulation): got 4, want a divisor of the batch size 6");
  check({.batch_size = 4}, 11,
        "number of training images: got 10, want 11 as when this training began");
  const auto on = [&](const own_schedule& schedule) {
    return trainer(toy_network{}, fresh<tensor_f>(), source, objective{schedule}, constant_rate{},
                   {.batch_size = 2});
  };
  BOOST_TEST(wrong_refusals(on) == "");
  const auto loss = trainer(toy_network{}, fresh<tensor_f>(), source, plain, constant_rate{},
                            {.batch_size = 2})
                        .step()
                        .loss;
  const auto own_loss = on(own_copy(cosine_schedule())).step().loss;
  BOOST_TEST(own_loss.fine() == loss.fine());
  BOOST_TEST(own_loss.coarse() == loss.coarse());
}

BOOST_AUTO_TEST_SUITE_END()
