// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <lift/core/random_permutation.hpp>
#include <lift/model/guided.hpp>
#include <lift/model/model.hpp>
#include <lift/model/recorded_network.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>
#include <lift/train/any_regime.hpp>

#ifdef LIFT_TEST_CUDA
#include "backends.hpp"
#else
#include "backend/recording_backend.hpp"
#endif
#include "io/hostile.hpp"
#include "relative_l2.hpp"
#include "train/toy.hpp"

BOOST_AUTO_TEST_SUITE(recorded_work_tests)

using namespace lift;
using namespace lift::test;

namespace {

#ifdef LIFT_TEST_CUDA
using recording = cuda_backend;
#else
using recording = recording_backend;
#endif
using T = tensor<recording, float>;

const objective goal{cosine_schedule(), make_regime("independent"), predicts_velocity{}};
const cosine_annealing rate{.steps = 20, .first = 0.01};

/// Images that are read into host memory; number `bad` holds a NaN, and reading number `broken` fails.
struct host_images {
  std::vector<float> values = noise_source<T>(10, 4).images.to_host();
  std::size_t bad = 10, broken = 10;
  std::shared_ptr<std::size_t> reads = std::make_shared<std::size_t>(0);

  std::size_t size() const { return 10; }
  shape image_shape() const { return {3, 4, 4}; }
  void read(std::span<const std::size_t> numbers, std::span<float> to) const {
    ++*reads;
    const std::size_t width = image_shape().size();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] == broken) throw std::runtime_error("broken image");
      for (std::size_t k = 0; k < width; ++k) to[i * width + k] = values[numbers[i] * width + k];
      if (numbers[i] == bad) to[i * width] = NAN;
    }
  }
  T operator()(std::span<const std::size_t> numbers) const {
    std::vector<float> batch(numbers.size() * image_shape().size());
    read(numbers, batch);
    return T({numbers.size(), 3, 4, 4}, batch);
  }
};
static_assert(host_image_source<host_images, T>);

template <class Architecture>
training_state<T> fresh() {
  return training_state<T>(network<Architecture, T>(Architecture{}, 1).weights, 1);
}

/// The state after so many steps of 3 of 10 images, each asked for by itself.
template <class Architecture>
training_state<T> step_by_step(std::uint64_t steps, std::vector<double>& losses) {
  constexpr std::size_t n = Architecture::scale_count;
  auto state = fresh<Architecture>();
  const tensor_images<T> images = noise_source<T>(10, 4);
  for (std::uint64_t k = 0; k < steps; ++k) {
    const auto order = random_permutation({.seed = 1, .use = purpose::data_order,
                                           .step = static_cast<std::uint32_t>(k / 3)}, 10);
    const auto clean = images(std::span(order).subspan(k % 3 * 3, 3));
    const auto batch = goal.batch<n>(clean, 1, 3 * k);
    const auto found = loss_and_gradients(Architecture{}, state.weights, batch,
                                          loss_weights_of<n>(goal.regime));
    losses.push_back(update(state, found, rate(k), {}).loss.fine());
  }
  return state;
}

/// Counts its calls.
struct counted_network {
  network<lift_unet, T> net;
  std::size_t* calls;

  template <value X, class... Arguments>
  scales<X> operator()(const scales<X>& x, const Arguments&... more) const {
    ++*calls;
    return net(x, more...);
  }
  condition<T> on_backend(const condition<>& given) const { return net.on_backend(given); }
};

template <class Source, class Architecture>
void check_training(const Source& images, std::size_t parts) {
  std::vector<double> want, got;
  const auto state = step_by_step<Architecture>(8, want);
  trainer training(Architecture{}, fresh<Architecture>(), images, goal, rate,
                   {.batch_size = 3, .accumulation = parts});
  training.run(8, [&](const auto& r) { got.push_back(r.loss.fine()); });
  if (parts == 1) {
    BOOST_CHECK(got == want);
    BOOST_CHECK(numbers_of(training.state()) == numbers_of(state));
  } else {
    BOOST_CHECK_LT(relative_l2(got, want), 1e-5);
    BOOST_CHECK_LT(relative_l2(numbers_of(training.state()), numbers_of(state)), 1e-5);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(work_is_called_twice_and_done_every_time) {
  recorded_work<recording> work;
  T x = zeros<T>({4}), sum = zeros<T>({4}), result;
  int calls = 0;
  for (int k = 1; k <= 6; ++k) {
    const std::vector<float> now{float(k), float(2 * k), 0, 1};
    recording::copy_in(x.mutable_data(), std::span<const float>(now));
    work.run([&] {
      ++calls;
      // What comes from the host is there every time, though its memory has other uses too.
      const auto others = [] {
        for (int i = 0; i < 3; ++i) full<T>({4}, -7);
      };
      others();
      T constants({4}, std::vector<float>{1, 2, 3, 4});
      const T doubled = sum_of(x, x), shifted = sum_of(doubled, constants);
      constants = {};
      others();
      result = shifted;
      recording::map(4, sum.mutable_data(), kernel::add{}, each(sum), each(x));
    });
    BOOST_CHECK((result.to_host() ==
                 std::vector<float>{2 * float(k) + 1, 4 * float(k) + 2, 3, 6}));
    BOOST_CHECK_EQUAL(sum.to_host()[0], float(k * (k + 1) / 2));
  }
  BOOST_CHECK_EQUAL(calls, 2);
}

BOOST_AUTO_TEST_CASE(work_that_cannot_be_recorded_says_so_and_can_be_mended) {
  recorded_work<recording> work;
  T x = full<T>({2}, 3), y;
  bool waits = true;
  const auto f = [&] {
    y = sum_of(x, x);
    if (waits) y.to_host();
  };
  work.run(f);
  for (int i = 0; i < 2; ++i) check_error([&] { work.run(f); }, "to the host");
  waits = false;
  for (int i = 0; i < 2; ++i) {
    work.run(f);
    BOOST_CHECK((y.to_host() == std::vector<float>{6, 6}));
  }
}

BOOST_AUTO_TEST_CASE(results_outlive_the_record) {
  T y;
  {
    recorded_work<recording> work;
    for (int i = 0; i < 3; ++i) work.run([&] { y = full<T>({1000}, 5); });
  }
  BOOST_CHECK((y.to_host() == std::vector<float>(1000, 5)));
}

BOOST_AUTO_TEST_CASE(work_within_work_is_part_of_it) {
  recorded_work<recording> outer, inner;
  T x = zeros<T>({1}), y, z;
  for (int k = 0; k < 3; ++k) inner.run([&] { y = sum_of(x, x); });
  for (int k = 0; k < 5; ++k) {
    const float now = float(k);
    recording::copy_in(x.mutable_data(), std::span<const float>(&now, 1));
    outer.run([&] {
      inner.run([&] { y = sum_of(x, x); });
      z = sum_of(y, x);
    });
    BOOST_CHECK_EQUAL(z.to_host()[0], 3 * now);
  }
  // Afterwards it has its own results again.
  for (int k = 5; k < 8; ++k) {
    const float now = float(k);
    recording::copy_in(x.mutable_data(), std::span<const float>(&now, 1));
    inner.run([&] { y = sum_of(x, x); });
    BOOST_CHECK_EQUAL(y.to_host()[0], 2 * now);
  }
}

BOOST_AUTO_TEST_CASE(what_is_sent_is_there_from_then_on_and_not_before) {
  recording::upload upload;
  T to({16});
  std::vector<T> sums;
  for (int k = 0; k < 40; ++k) {
    upload.mark();
    std::ranges::fill(upload.stage<float>(16), static_cast<float>(k));
    upload.send(to.mutable_data());
    sums.push_back(sum_of(to, to));
  }
  for (int k = 0; k < 40; ++k)
    BOOST_TEST((sums[static_cast<std::size_t>(k)].to_host() ==
                std::vector<float>(16, static_cast<float>(2 * k))));
}

BOOST_AUTO_TEST_CASE(a_recorded_training_step_does_what_each_step_does) {
  for (const std::size_t parts : {1u, 3u}) {
    check_training<tensor_images<T>, toy_network>(noise_source<T>(10, 4), parts);
    check_training<host_images, toy_network>({}, parts);
    check_training<host_images, toy_baseline>({}, parts);
  }
}

BOOST_AUTO_TEST_CASE(the_next_batch_is_read_once_and_ahead) {
  const host_images images;
  trainer training(toy_network{}, fresh<toy_network>(), images, goal, rate, {.batch_size = 3});
  for (std::size_t k = 1; k <= 7; ++k) {
    training.step();
    BOOST_CHECK_EQUAL(*images.reads, k + 1);
  }
}

BOOST_AUTO_TEST_CASE(a_step_that_fails_changes_nothing_and_fails_again) {
  for (const bool broken : {false, true})
    for (const std::size_t image : {0u, 5u, 9u}) {
      host_images images;
      (broken ? images.broken : images.bad) = image;
      trainer training(toy_network{}, fresh<toy_network>(), images, goal, rate, {.batch_size = 2});
      training_state<T> before;
      const auto failure = [&]() -> std::string {
        before = training.state().clone();
        try {
          training.step();
        } catch (const std::exception& caught) {
          return caught.what();
        }
        return {};
      };
      std::size_t steps = 0;
      while (failure().empty()) ++steps;
      BOOST_CHECK_LT(steps, 5u);
      BOOST_CHECK(same_state(training.state(), before));
      BOOST_CHECK_NE(failure().find(broken ? "broken image" : "loss of the fine scale: got nan"),
                     std::string::npos);
      BOOST_CHECK(same_state(training.state(), before));
    }
}

BOOST_AUTO_TEST_CASE(a_recorded_network_gives_what_the_network_gives) {
  const cosine_schedule schedule;
  const network<toy_network, T> two(toy_network{}, 1);
  const network<toy_baseline, T> one(toy_baseline{}, 1);
  const recorded_network<network<toy_network, T>, T> two_again(two);
  const recorded_network<network<toy_baseline, T>, T, 1> one_again(one);
  const auto generated = [&]<std::size_t N>(const auto& net, const timestep_path<N>& path,
                                            const shape& s) {
    std::vector<std::vector<float>> all;
    for (const T& images :
         generate<T>(model{std::cref(net), predicts_noise{}, schedule}, schedule, path, s))
      all.push_back(images.to_host());
    return all;
  };
  const timestep_path<> path = diagonal{}({}, schedule, 9);
  timestep_path<1> fine;
  for (const auto& t : path) fine.push_back({t.fine()});
  for (const std::size_t images : {2u, 2u, 5u, 2u}) {  // of other sizes, and again
    const shape s{images, 3, 8, 8};
    BOOST_CHECK(generated(two_again, path, s) == generated(two, path, s));
    BOOST_CHECK(generated(one_again, fine, s) == generated(one, fine, s));
  }
  // Timesteps of each image, and outputs that stay when the next come.
  const scales x{full<T>({2, 3, 8, 8}, 0.5f), full<T>({2, 3, 4, 4}, 0.25f)};
  const scales t{timesteps{900, 100}, timesteps{5, 6}};
  const auto first = two_again(x, t);
  const auto kept = first.fine().to_host();
  two_again(x, scales{timesteps{1, 2}, timesteps{3, 4}});
  BOOST_CHECK(first.fine().to_host() == kept);
  BOOST_CHECK(two(x, t).fine().to_host() == kept);
  static_assert(differentiable_denoiser<decltype(two_again), T>);
  static_assert(differentiable_denoiser<decltype(one_again), T, 1>);
  static_assert(!denoiser<decltype(two_again), T, 1>);
}

BOOST_AUTO_TEST_CASE(a_recorded_network_takes_duals) {
  std::size_t calls = 0;
  const network<lift_unet, T> net(lift_unet{{.hidden_dims = {16}, .classes = 3}}, 1);
  const recorded_network<counted_network, T> again({net, &calls});
  for (const std::size_t directions : {1u, 3u, 3u, 1u}) {
    const std::size_t before = calls;
    for (const double time : {900.0, 500.0, 20.0}) {
      const auto along = [&](const shape& s, float a) {
        shape stack = s;
        stack[0] *= directions;
        return dual_of<T>{full<T>(s, a), full<T>(stack, static_cast<float>(time / 1000))};
      };
      const scales x{along({2, 3, 4, 4}, 0.5f), along({2, 3, 2, 2}, 0.25f)};
      const scales t{timesteps{time, 100}, timesteps{time / 2}};
      const condition<> given{{2, 1}};
      const auto got = again(x, t, given), want = net(x, t, given);
      for (std::size_t s = 0; s < 2; ++s) {
        BOOST_CHECK(got[s].primal.to_host() == want[s].primal.to_host());
        BOOST_CHECK(got[s].tangent.to_host() == want[s].tangent.to_host());
      }
    }
    BOOST_CHECK_LE(calls - before, 3u);  // called, tried out and recorded
  }
}

BOOST_AUTO_TEST_CASE(other_sizes_that_come_once_leave_the_record) {
  std::size_t calls = 0;
  const network<lift_unet, T> net(lift_unet{{.hidden_dims = {16}, .classes = 3}}, 1);
  const recorded_network<counted_network, T> again({net, &calls});
  const scales t{timesteps{900}, timesteps{500}};
  const auto called = [&](std::size_t images) {
    const std::size_t before = calls;
    const scales x{full<T>({images, 3, 4, 4}, 0.5f), full<T>({images, 3, 2, 2}, 0.25f)};
    BOOST_CHECK(again(x, t).fine().to_host() == net(x, t).fine().to_host());
    return calls - before;
  };
  BOOST_CHECK_EQUAL(called(4), 1u);  // tried out
  BOOST_CHECK_EQUAL(called(4), 1u);  // recorded
  for (int i = 0; i < 2; ++i) {
    BOOST_CHECK_EQUAL(called(2), 1u);
    BOOST_CHECK_EQUAL(called(4), 0u);
  }
  for (const std::size_t more : {1u, 1u, 1u, 0u}) BOOST_CHECK_EQUAL(called(2), more);
}

BOOST_AUTO_TEST_CASE(timesteps_that_are_hidden_stay_so) {
  for (const char* which : {"fine", "own", "none"}) {
    const network<lift_unet, T> net(lift_unet{{.hidden_dims = {16}, .told_timesteps = which}}, 1);
    const recorded_network<network<lift_unet, T>, T> again(net);
    const scales x{full<T>({2, 3, 4, 4}, 0.5f), full<T>({2, 3, 2, 2}, 0.25f)};
    for (const double time : {900.0, 500.0, 20.0}) {
      const scales t{timesteps{time, 100}, timesteps{time / 2}};
      const auto got = again(x, t), want = net(x, t);
      for (std::size_t s = 0; s < 2; ++s) BOOST_CHECK(got[s].to_host() == want[s].to_host());
    }
  }
}

BOOST_AUTO_TEST_CASE(labels_are_those_of_each_evaluation_and_step) {
  const lift_unet architecture{{.hidden_dims = {16}, .classes = 3}};
  const network<lift_unet, T> net(architecture, 1);
  const recorded_network<network<lift_unet, T>, T> again(net);
  const scales x{full<T>({2, 3, 4, 4}, 0.5f), full<T>({2, 3, 2, 2}, 0.25f)};
  const scales t{timesteps{900, 100}, timesteps{5}};
  for (const class_labels& labels : std::vector<class_labels>{
           {0}, {1}, {2, 0}, {no_label, 1}, {0, 2}, {}, {2}, {2, 2}})
    BOOST_CHECK(again(x, t, condition<>{labels}).fine().to_host() ==
                net(x, t, condition<>{labels}).fine().to_host());
  check_error([&] { again(x, t, condition<>{{3}}); }, "class of an image: got 3");

  // With guidance both evaluations are replays of one record: the network is called to make it.
  std::size_t calls = 0;
  const recorded_network<counted_network, T> counted({net, &calls});
  const guided guide{model{std::cref(counted), predicts_velocity{}, cosine_schedule()},
                     condition<>{{1, 2}}, 3};
  const guided plain{model{net, predicts_velocity{}, cosine_schedule()}, condition<>{{1, 2}}, 3};
  for (const double time : {900.0, 500.0, 20.0}) {
    const scales at{timesteps{time}, timesteps{time / 2}};
    BOOST_CHECK(guide(x, at).fine().to_host() == plain(x, at).fine().to_host());
  }
  BOOST_CHECK_EQUAL(calls, 2);

  struct labelled_images : host_images {
    class_labels labels(std::span<const std::size_t> numbers) const {
      class_labels result;
      for (const std::size_t i : numbers) result.push_back(static_cast<std::int64_t>(i % 3));
      return result;
    }
  };
  const labelled_images images;
  auto wanted = goal;
  wanted.label_dropout = 0.3;
  wanted.weighting = min_snr_weighting{};
  training_state<T> state(net.weights, 1);
  trainer training(architecture, state, images, wanted, rate, {.batch_size = 3});
  training.run(8, [](const auto&) {});
  for (std::uint64_t k = 0; k < 8; ++k) {
    const auto order = random_permutation({.seed = 1, .use = purpose::data_order,
                                           .step = static_cast<std::uint32_t>(k / 3)}, 10);
    const auto numbers = std::span(order).subspan(k % 3 * 3, 3);
    const T labels = nn::labels_on_backend<T>(images.labels(numbers), 3);
    const auto found =
        loss_and_gradients(architecture, state.weights, wanted.batch<2>(images(numbers), 1, 3 * k),
                           loss_weights_of<2>(wanted.regime), drop_labels(labels, 0.3, 1, 3 * k));
    update(state, found, rate(k), {});
  }
  BOOST_CHECK(numbers_of(training.state()) == numbers_of(state));
}

BOOST_AUTO_TEST_SUITE_END()
