// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <lift/model/guided.hpp>
#include <lift/train/trainer.hpp>

#include <message_of.hpp>
#include <tensors.hpp>
#include <train/toy.hpp>

BOOST_AUTO_TEST_SUITE(labels_tests)

using namespace lift;
using namespace lift::test;

namespace {

/// Images that are all light or all dark, and say so.
struct light_and_dark {
  bool tells = true;

  std::size_t size() const { return 8; }
  tensor_f operator()(std::span<const std::size_t> indices) const {
    std::vector<float> values;
    for (const std::size_t i : indices) values.insert(values.end(), 3 * 8 * 8, i % 2 ? 0.8f : -0.8f);
    return tensor_f({indices.size(), 3, 8, 8}, values);
  }
  class_labels labels(std::span<const std::size_t> indices) const {
    class_labels result;
    for (const std::size_t i : indices)
      if (tells) result.push_back(static_cast<std::int64_t>(i % 2));
    return result;
  }
};
static_assert(labelled_image_source<light_and_dark, tensor_f>);
static_assert(!labelled_image_source<tensor_images<tensor_f>, tensor_f>);

// More channels than groups: the norm of a channel alone would take the label away.
const lift_unet two_classes{{.hidden_dims = {16}, .classes = 2}};

training_state<tensor_f> trained(const light_and_dark& images, std::size_t steps, double dropout,
                                 std::size_t accumulation = 1) {
  objective<> goal{.prediction = predicts_clean{}};
  goal.label_dropout = dropout;
  training_options<> options{.batch_size = 4, .accumulation = accumulation};
  options.optimiser.weight_decay = 0;
  trainer training(two_classes,
                   training_state<tensor_f>(network<lift_unet, tensor_f>(two_classes, 1).weights),
                   images, goal, constant_rate{0.003}, options);
  training.run(steps, [](const step_report<>&) {});
  return training.state();
}

}  // namespace

BOOST_AUTO_TEST_CASE(labels_are_dropped_by_sample_number) {
  std::vector<double> numbers(4000);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  const tensor_d all({numbers.size()}, numbers);
  const auto dropped = [&](const tensor_d& labels, double share, std::uint64_t first) {
    return drop_labels(labels, share, 3, {first, nullptr}).labels.to_host();
  };
  BOOST_CHECK(dropped(all, 0, 0) == numbers);
  for (const double label : dropped(all, 1, 0)) BOOST_CHECK_EQUAL(label, -1);
  const auto some = dropped(all, 0.1, 0);
  std::size_t count = 0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    BOOST_CHECK(some[i] == numbers[i] || some[i] == -1);
    count += some[i] == -1;
  }
  BOOST_CHECK(count > 330 && count < 470);  // 400 ± 3.7 standard deviations
  auto parts = dropped(all.rows(0, 1500), 0.1, 0);
  const auto rest = dropped(all.rows(1500, 4000), 0.1, 1500);
  parts.insert(parts.end(), rest.begin(), rest.end());
  BOOST_CHECK(parts == some);
  BOOST_CHECK_EQUAL(message_of([&] { dropped(all, 1.5, 0); }),
                    "label dropout: got 1.5, want 0 to 1");
}

BOOST_AUTO_TEST_CASE(a_network_learns_what_the_labels_say) {
  const auto state = trained({}, 120, 0.2);
  const model denoise{network<lift_unet, tensor_f>(two_classes, state.weights), predicts_clean{},
                      cosine_schedule()};
  // From noise alone it is the label that tells.
  const scales<tensor_f> x{normal_noise<tensor_f>({4, 3, 8, 8}, {.seed = 3}, 0),
                           normal_noise<tensor_f>({4, 3, 4, 4}, {.seed = 4}, 0)};
  const scales<timesteps> t{timesteps{990}, timesteps{990}};
  const auto mean = [&](const class_labels& labels) {
    const auto values = denoise(x, t, condition<>{labels}).fine().to_host();
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  BOOST_CHECK_LT(mean({0}), -0.4);
  BOOST_CHECK_GT(mean({1}), 0.4);
  BOOST_CHECK(mean({0}) < mean({no_label}) && mean({no_label}) < mean({1}));
}

BOOST_AUTO_TEST_CASE(labels_that_are_never_told_change_nothing) {
  const auto start = network<lift_unet, tensor_f>(two_classes, 1).weights;
  const auto dropped = trained({}, 3, 1), untold = trained({.tells = false}, 3, 0.1);
  const std::string embedding = "label_embedding.weight";
  BOOST_CHECK(dropped.weights[embedding].to_host() == start[embedding].to_host());
  for (std::size_t i = 0; i < start.size(); ++i)
    BOOST_CHECK(dropped.weights.entries()[i].value.to_host() ==
                untold.weights.entries()[i].value.to_host());
  BOOST_CHECK(trained({}, 3, 0.5).weights[embedding].to_host() != start[embedding].to_host());
}

BOOST_AUTO_TEST_CASE(parts_of_a_batch_see_the_labels_of_the_whole) {
  const auto whole = trained({}, 4, 0.3), parts = trained({}, 4, 0.3, 2);
  for (std::size_t i = 0; i < whole.weights.size(); ++i)
    BOOST_CHECK_LT(relative_l2(parts.weights.entries()[i].value, whole.weights.entries()[i].value),
                   1e-3);
}

BOOST_AUTO_TEST_CASE(labels_that_do_not_fit_are_one_clear_line) {
  struct too_many : light_and_dark {
    class_labels labels(std::span<const std::size_t>) const { return {0}; }
  };
  const auto start = training_state<tensor_f>(network<lift_unet, tensor_f>(two_classes, 1).weights);
  const objective<> goal;
  const too_many images;
  BOOST_CHECK_EQUAL(message_of([&] {
                      trainer(two_classes, start, images, goal, constant_rate{}, {.batch_size = 4})
                          .step();
                    }),
                    "labels of a batch of training images: got 1, want 4");
  const lift_unet none{{.hidden_dims = {8}}};
  const light_and_dark labelled;
  BOOST_CHECK_EQUAL(
      message_of([&] {
        trainer(none, training_state<tensor_f>(network<lift_unet, tensor_f>(none, 1).weights),
                labelled, goal, constant_rate{}, {.batch_size = 4})
            .step();
      }),
      "labels of a network without classes: got 4, want none");
}

BOOST_AUTO_TEST_CASE(labels_of_no_class_and_of_some_batches_are_refused) {
  struct spoilt : light_and_dark {
    std::size_t* asked;
    std::int64_t label = 0;
    bool tells_first = true;
    class_labels labels(std::span<const std::size_t> indices) const {
      const bool told = tells_first || (*asked)++ > 0;
      return class_labels(told ? indices.size() : 0, label);
    }
  };
  const auto start = training_state<tensor_f>(network<lift_unet, tensor_f>(two_classes, 1).weights);
  const objective<> goal;
  const auto trained_on = [&](spoilt images) {
    std::size_t asked = 0;
    images.asked = &asked;
    return message_of([&] {
      trainer training(two_classes, start, images, goal, constant_rate{}, {.batch_size = 4});
      training.run(2, [](const step_report<>&) {});
    });
  };
  spoilt images;
  images.label = 2;
  BOOST_CHECK_EQUAL(trained_on(images), "class of an image: got 2, want 0 to 1, or -1 for none");
  images.label = 1;
  images.tells_first = false;
  BOOST_CHECK_EQUAL(trained_on(images), "labels of a batch of training images: got 4, want 0");
}

BOOST_AUTO_TEST_SUITE_END()
