// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include <lift/io/dataset.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/path/n_step.hpp>
#include <lift/pipeline/generate.hpp>
#include <lift/pipeline/load.hpp>
#include <lift/pipeline/measure_heatmap.hpp>
#include <lift/pipeline/train.hpp>
#include <lift/sample/heun.hpp>

#include "io/scratch_folder.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(jobs_tests)

using namespace lift;
using lift::test::message_of;
using tensor_f = tensor<xtensor_backend, float>;

namespace {

/// Eight images of 16×16 pixels in slowly changing colours.
struct toy_data {
  scratch_folder folder;
  image_dataset data = made();

  image_dataset made() const {
    std::vector<named_image> images;
    for (std::size_t n = 0; n < 8; ++n) {
      image picture = blank_image(16, 16, 3, 0);
      for (std::size_t i = 0; i < picture.pixels.size(); ++i)
        picture.pixels[i] = static_cast<std::uint8_t>(20 * n + i / 16);
      images.push_back({text(n), picture});
    }
    for (named_image& each : images) each.name += ".png";
    save_dataset_zip(folder / "data.zip", images);
    return image_dataset(folder / "data.zip", {.size = 16});
  }
};

train_options<> short_training() {
  train_options<> options{.config = {.hidden_dims = {8}}, .steps = 3, .prediction = predicts_velocity{}};
  options.update.batch_size = 4;
  return options;
}

template <class Model>
std::vector<float> pictures(const Model& model) {
  return generate(model, {.count = 3, .steps = 2, .batch_size = 2}).fine().to_host();
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(images_that_are_kept_on_the_backend_are_the_same, toy_data) {
  dataset_images<tensor_f> images{&data, false, 6};
  const std::vector<std::size_t> numbers{5, 0, 3, 3};
  const auto read = images(numbers);
  images.keep_on_backend(6 * 3 * 16 * 16 - 1);
  BOOST_CHECK(!images.resident());
  images.keep_on_backend();
  BOOST_CHECK(images.resident());
  BOOST_CHECK_EQUAL(images(numbers).shape(), read.shape());
  BOOST_CHECK(images(numbers).to_host() == read.to_host());
  BOOST_CHECK_EQUAL(message_of([&] { images(std::vector<std::size_t>{6}); }),
                    "number of an image: got 6, want below 6");
  // Those that are read again are, once; those of an index never.
  const image_dataset again(folder / "data.zip", {.size = 16, .read_again = true});
  dataset_images<tensor_f> others{&again};
  others.keep_on_backend();
  BOOST_CHECK(others(numbers).to_host() == read.to_host());
  std::filesystem::create_directory(folder / "pictures");
  write_png(folder / "pictures/one.png", blank_image(16, 16, 3, 0));
  save_image_index(folder / "data.index", index_images(folder / "pictures"));
  const image_dataset indexed(folder / "data.index", {.size = 16});
  dataset_images<tensor_f> by_index{&indexed};
  by_index.keep_on_backend();
  BOOST_CHECK(!by_index.resident());
}

BOOST_FIXTURE_TEST_CASE(a_model_is_trained_kept_and_loaded, toy_data) {
  std::vector<std::uint64_t> steps;
  train_options<> options = short_training();
  options.schedule = "linear";
  options.on_step = [&](std::uint64_t step, double loss) {
    steps.push_back(step);
    BOOST_CHECK(loss > 0);
  };
  const auto trained = train(data, options);
  BOOST_CHECK((steps == std::vector<std::uint64_t>{1, 2, 3}));
  BOOST_CHECK_EQUAL(trained.size, 16u);
  save(folder / "kept.safetensors", trained);
  const auto read = load(folder / "kept.safetensors");
  BOOST_CHECK_EQUAL(read.prediction.name(), "velocity");
  BOOST_CHECK_EQUAL(read.schedule_name, "linear");
  BOOST_CHECK_EQUAL(read.size, 16u);
  BOOST_CHECK(pictures(read) == pictures(trained));
}

BOOST_FIXTURE_TEST_CASE(the_jobs_are_those_of_the_library, toy_data) {
  const auto trained = train(data, short_training());
  const auto path = diagonal{}({}, trained.schedule, 2);
  const auto made = generate(trained, {.count = 3, .batch_size = 3}, path);
  const auto same = generate<tensor_f>(trained, trained.schedule, path, shape{3, 3, 16, 16},
                                       sampling_options<suited_solver>{});
  BOOST_CHECK(made.fine().to_host() == same.fine().to_host());
  BOOST_CHECK(made.coarse().to_host() == same.coarse().to_host());
  const auto by_heun =
      generate(trained, generate_options<heun>{.count = 1, .steps = 3});
  BOOST_CHECK((by_heun.fine().shape() == shape{1, 3, 16, 16}));

  const auto heatmap = measure_heatmap(trained, data, {.points = 3, .images = 2});
  BOOST_CHECK_EQUAL(heatmap.size(), 3u);
  const auto found = n_step_total{}(heatmap, trained.schedule, 3);
  BOOST_CHECK_EQUAL(generate(trained, {.count = 1}, found).coarse().size(), 3u * 8 * 8);
}

BOOST_FIXTURE_TEST_CASE(scales_of_haar, toy_data) {
  train_options<> options = short_training();
  options.config.pyramid = "haar";
  const auto trained = train(data, options);
  save(folder / "haar.safetensors", trained);
  const auto made = generate(load(folder / "haar.safetensors"), {.count = 2, .steps = 3});
  BOOST_CHECK((made.fine().shape() == shape{2, 9, 8, 8}));
  const auto images = trained.pyramid().join(made);
  BOOST_CHECK((images.shape() == shape{2, 3, 16, 16}));
  for (const float x : images.to_host()) BOOST_CHECK(std::abs(x) < 1 + 1e-5f);  // x̂₀, clipped
  BOOST_CHECK_EQUAL(measure_heatmap(trained, data, {.points = 2, .images = 1}).size(), 2u);
}

BOOST_FIXTURE_TEST_CASE(one_and_three_scales, toy_data) {
  const auto single = train<baseline_unet>(data, short_training());
  BOOST_CHECK_EQUAL(generate(single, {.count = 2, .steps = 2}).size(), 1u);
  const auto triple = train<multiscale_unet<3>>(data, short_training());
  const auto made = generate(triple, {.count = 2, .steps = 2});
  BOOST_CHECK((made[2].shape() == shape{2, 3, 4, 4}));
  BOOST_CHECK_EQUAL(measure_heatmap(triple, data, {.points = 2, .images = 1}).error[2][0].size(), 8u);
}

BOOST_FIXTURE_TEST_CASE(images_of_two_sides_go_the_same_ways, toy_data) {
  const image_dataset wide(folder / "data.zip", {.size = {20, 12}});
  const auto trained = train(wide, short_training());
  save(folder / "wide.safetensors", trained);
  const auto read = load(folder / "wide.safetensors");
  BOOST_CHECK_EQUAL(read.size, image_size(20, 12));
  const auto made = generate(read, {.count = 1, .steps = 2});
  BOOST_CHECK((made.fine().shape() == shape{1, 3, 12, 20}));
  BOOST_CHECK((made.coarse().shape() == shape{1, 3, 6, 10}));
  BOOST_CHECK_EQUAL(measure_heatmap(read, wide, {.points = 2, .images = 1}).size(), 2u);
  const std::string other = message_of([&] { measure_heatmap(read, data); });
  BOOST_CHECK_EQUAL(other, "side of the images of a heatmap: got 16, want 20x12");
  const image_dataset odd(folder / "data.zip", {.size = {20, 13}});
  BOOST_CHECK_EQUAL(message_of([&] { train(odd, short_training()); }),
                    "side of the training images: got 20x13, want a height that is a multiple of 2");
}

BOOST_FIXTURE_TEST_CASE(what_does_not_fit_is_refused, toy_data) {
  const auto trained = train(data, short_training());
  save(folder / "kept.safetensors", trained);
  const auto refusal = [&](const auto& f, const std::string& want) {
    const std::string got = message_of(f);
    BOOST_CHECK_MESSAGE(got.find(want) != got.npos, got);
  };
  refusal([&] { load<baseline_unet>(folder / "kept.safetensors"); },
          "architecture of");
  refusal([&] { load(folder / "missing"); }, "missing");
  refusal([&] { train(image_dataset(folder / "data.zip", {.size = 9}), short_training()); },
          "side of the training images");
  refusal([&] { measure_heatmap(trained, image_dataset(folder / "data.zip", {.size = 8})); },
          "side of the images");
  refusal([&] { generate(trained, {.batch_size = 0}); }, "batch size");
}

BOOST_FIXTURE_TEST_CASE(labels_go_from_folders_to_images, toy_data) {
  std::vector<named_image> images;
  for (std::size_t n = 0; n < 8; ++n)
    images.push_back({text(n % 2 ? "dark/" : "light/", n, ".png"),
                      blank_image(16, 16, 3, n % 2 ? 30 : 220)});
  save_dataset_zip(folder / "classes.zip", images);
  const image_dataset labelled(folder / "classes.zip", {.size = 16});
  train_options<> options = short_training();
  options.config.hidden_dims = {16};
  options.labels = true;
  const auto trained = train(labelled, options);
  save(folder / "kept.safetensors", trained);
  const auto read = load(folder / "kept.safetensors");
  BOOST_CHECK((read.class_names == std::vector<std::string>{"dark", "light"}));
  const auto made = [&](const class_labels& labels, double guidance = 1) {
    return generate(read, {.count = 3, .steps = 2, .batch_size = 2, .labels = labels,
                           .guidance = guidance})
        .fine();
  };
  const auto row = [](const tensor_f& all, std::size_t i) { return all.rows(i, i + 1).to_host(); };
  const tensor_f in_turn = made({0, 1}), first = made({0}), second = made({1}), none = made({});
  BOOST_CHECK(row(in_turn, 0) == row(first, 0));
  BOOST_CHECK(row(in_turn, 1) == row(second, 1));
  BOOST_CHECK(row(in_turn, 2) == row(first, 2));
  BOOST_CHECK(row(first, 2) != row(second, 2) && row(first, 2) != row(none, 2));
  BOOST_CHECK(made({0}, 0).to_host() == none.to_host());
  BOOST_CHECK(row(made({0}, 4), 0) != row(first, 0));
  BOOST_CHECK(message_of([&] { made({2}); }).starts_with("class of an image: got 2"));
  BOOST_CHECK(message_of([&] { train(data, options); }).starts_with("classes of "));
}

BOOST_FIXTURE_TEST_CASE(settings_of_a_file_are_checked, toy_data) {
  const auto trained = train(data, short_training());
  const auto told = [&](const nlohmann::json& settings) {
    const auto& net = trained.network.plain();
    save_weights(folder / "told.safetensors", net.architecture, net.weights, weight_kind::average,
                 dtype::f32, {{"settings", settings.dump()}});
    const std::string message = message_of([&] { load(folder / "told.safetensors"); });
    return message.substr(0, message.find(" of ")) + message.substr(std::min(message.find(": got"), message.size()));
  };
  BOOST_CHECK_EQUAL(told({{"size", 16}}), "nothing thrown");
  BOOST_CHECK_EQUAL(told({{"size", 0}}), "size: got 0, want at least 1");
  BOOST_CHECK_EQUAL(told({{"size", std::uint64_t{1} << 32}}),
                    "size: got 4294967296, want at most 8192");
  BOOST_CHECK_EQUAL(told({{"size", 9}}), "size: got 9, want a multiple of 2");
  BOOST_CHECK_EQUAL(told({{"size", "16x16"}}), "nothing thrown");
  BOOST_CHECK_EQUAL(told({{"size", "8x0"}}), "size: got 8x0, want at least 1");
  BOOST_CHECK_EQUAL(told({{"size", "8x9"}}), "size: got 8x9, want a height that is a multiple of 2");
  BOOST_CHECK_EQUAL(told({{"class_names", {"a", "b"}}}), "names: got 2, want 0");
}

BOOST_AUTO_TEST_SUITE_END()
