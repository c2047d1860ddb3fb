// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <lift/core/thread_pool.hpp>
#include <lift/io/checkpoint.hpp>
#include <lift/io/file.hpp>
#include <lift/train/sgd.hpp>

#include <comma_locale.hpp>
#include <io/file_size_limit.hpp>
#include <io/hostile.hpp>
#include <io/scratch_folder.hpp>
#include <message_of.hpp>
#include <tensors.hpp>
#include <train/toy.hpp>

BOOST_AUTO_TEST_SUITE(checkpoint_tests)

using namespace lift;
using namespace lift::test;

namespace {

const lift_unet architecture{{{8, 16}}};

const tensor_images<tensor_f>& source() {
  static const auto images = noise_source<tensor_f>(10, 8);
  return images;
}

training_state<tensor_f> fresh() {
  return training_state<tensor_f>(network<lift_unet, tensor_f>(architecture, 3).weights, 3);
}

/// Ten images in batches of four: two batches an epoch, two images dropped.
template <class Source = tensor_images<tensor_f>>
auto training_from(const training_state<tensor_f>& state, const Source& images = source()) {
  return trainer(architecture, state, images, objective{}, cosine_annealing{.steps = 30},
                 {.batch_size = 4, .accumulation = 2});
}

training_state<tensor_f> trained(const training_state<tensor_f>& state, std::uint64_t steps) {
  auto training = training_from(state);
  training.run(steps, [](const step_report<>&) {});
  return training.state();
}

void save(const std::filesystem::path& file, const training_state<tensor_f>& state) {
  save_checkpoint(file, architecture, state);
}

training_state<tensor_f> load(const std::filesystem::path& file) {
  return checkpoint(file).state<tensor_f>(architecture);
}

/// A checkpoint after three steps, with its content for tests to change.
struct saved_checkpoint {
  scratch_folder folder;
  std::filesystem::path file = folder / "a.safetensors";
  training_state<tensor_f> state = trained(fresh(), 3);
  safetensors content;

  saved_checkpoint() {
    save_checkpoint(file, architecture, state, {{"regime", "independent"}, {"step", "99"}});
    content = read_safetensors(file);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(everything_comes_back, saved_checkpoint) {
  const checkpoint read(file);
  BOOST_CHECK(same_state(read.state<tensor_f>(architecture), state));
  BOOST_CHECK(read.resumable());
  BOOST_CHECK_EQUAL(read.architecture(), "lift");
  BOOST_CHECK(read.config() == config_texts(architecture.config));
  BOOST_CHECK_EQUAL(read.metadata().at("regime"), "independent");
  BOOST_CHECK_EQUAL(read.metadata().at("hidden_dims"), "[8, 16]");
  BOOST_CHECK_EQUAL(read.metadata().at("step"), "3");  // a setting cannot hide a counter
  BOOST_CHECK_EQUAL(folder.files(), 1u);

  const auto last = read.weights<tensor_f>(architecture, weight_kind::trained);
  const auto average = read.weights<tensor_f>(architecture);
  for (const auto& [name, value] : state.weights.entries()) {
    BOOST_CHECK(last[name].to_host() == value.to_host());
    BOOST_CHECK(average[name].to_host() == state.average[name].to_host());
  }
}

BOOST_FIXTURE_TEST_CASE(a_locale_of_the_host_program_changes_no_byte, saved_checkpoint) {
  state.step = 1234567;
  state.samples = 7654321;
  save(folder / "plain", state);
  const comma_locale other;
  save(folder / "commas", state);
  BOOST_CHECK(read_file(folder / "commas") == read_file(folder / "plain"));
  BOOST_CHECK(same_state(load(folder / "plain"), state));
  BOOST_CHECK_EQUAL(checkpoint(folder / "plain").metadata().at("step"), "1234567");
  BOOST_CHECK_EQUAL(checkpoint_name(12345678), "checkpoint_12345678.safetensors");
}

BOOST_AUTO_TEST_CASE(resumed_training_ends_with_the_same_bytes) {
  const scratch_folder folder;
  const auto undisturbed = trained(fresh(), 20);
  save(folder / "undisturbed", undisturbed);
  for (const std::uint64_t k : {0u, 1u, 2u, 5u, 11u, 19u, 20u})  // odd ones are mid-epoch
    BOOST_TEST_CONTEXT("interrupted after step " << k) {
      save(folder / "k", trained(fresh(), k));
      const auto resumed = trained(load(folder / "k"), 20);
      BOOST_CHECK(same_state(resumed, undisturbed));
      save(folder / "resumed", resumed);
      BOOST_CHECK(read_file(folder / "resumed") == read_file(folder / "undisturbed"));
    }
}

namespace {

template <class Optimiser>
auto training_by(const Optimiser& optimiser, const training_state<tensor_f>& state) {
  return trainer(architecture, state, source(), objective{}, constant_rate{0.01},
                 training_options<Optimiser>{.batch_size = 4, .optimiser = optimiser});
}

/// p ← (1 − η)·p, for which nothing is remembered.
struct shrinks {
  static constexpr const char* name = "shrinks";
  static constexpr std::array<const char*, 0> states{};
  template <class T>
  std::array<T, 1> coefficients_at(double rate, std::uint64_t) const {
    return {static_cast<T>(1 - rate)};
  }
  void update(parameters<tensor_f>& p, std::vector<parameters<tensor_f>>&,
              const std::vector<tensor_f>&, const tensor_f&, const tensor_f& numbers) const {
    for (auto& entry : p.entries())
      entry.value.assign(scaled(entry.value, numbers.to_host()[0]));
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_optimiser_resumes_with_the_same_bytes_and_refuses_the_state_of_another) {
  const scratch_folder folder;
  const auto check = [&](const auto& optimiser, const std::string& states) {
    const auto trained = [&](const training_state<tensor_f>& state, std::uint64_t steps) {
      auto training = training_by(optimiser, state);
      training.run(steps, [](const step_report<>&) {});
      return training.state();
    };
    const training_state begun(fresh().weights, 3, optimiser);
    const auto undisturbed = trained(begun, 7);
    save(folder / "undisturbed", undisturbed);
    save(folder / "k", trained(begun, 3));
    const auto resumed = trained(load(folder / "k"), 7);
    BOOST_CHECK(same_state(resumed, undisturbed));
    save(folder / "resumed", resumed);
    BOOST_CHECK(read_file(folder / "resumed") == read_file(folder / "undisturbed"));
    const checkpoint read(folder / "k");
    BOOST_CHECK(read.remarks().empty());
    BOOST_CHECK(read.optimiser() == optimiser_names(optimiser));
    check_error([&] { training_from(load(folder / "k")); },
                text("optimiser of a training state: got ", optimiser.name, " (", states,
                     "), want adamw (m, v)"));
  };
  check(sgd{.nesterov = true}, "momentum");
  check(shrinks{}, "");
  save(folder / "adamw", fresh());
  check_error([&] { training_by(sgd{}, load(folder / "adamw")); },
              "optimiser of a training state: got adamw (m, v), want sgd (momentum)");
  save_checkpoint(folder / "named", architecture, fresh(),
                  {{"optimiser", "sgd"}, {"optimiser_states", "momentum"}});
  BOOST_CHECK(read_file(folder / "named") == read_file(folder / "adamw"));
}

BOOST_AUTO_TEST_CASE(one_thread_and_two_train_to_the_same_bytes) {
  default_thread_pool().resize(1);
  const auto one = trained(fresh(), 8);
  default_thread_pool().resize(2);
  BOOST_CHECK(same_state(trained(fresh(), 8), one));
  default_thread_pool().resize(0);
}

BOOST_AUTO_TEST_CASE(a_run_stopped_by_nan_leaves_its_last_checkpoint) {
  const scratch_folder folder;
  const spoilt_source<tensor_f> spoilt{source(), 7};
  std::uint64_t last = 0;
  check_error(
      [&] {
        auto training = training_from(fresh(), spoilt);
        training.run(20, [&](const step_report<>& r) {
          last = r.step;
          save(folder / checkpoint_name(r.step), training.state());
        });
      },
      "loss of the fine scale");
  BOOST_REQUIRE_GT(last, 0u);
  BOOST_REQUIRE_LT(last, 20u);
  BOOST_CHECK(same_state(load(find_checkpoint(folder.path())), trained(fresh(), last)));
}

// --- files that are not what is wanted --------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(any_damage_is_an_error, saved_checkpoint) {
  const auto bytes = read_file(file);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    auto damaged = bytes;
    // The header is a small part of the file: aim at its beginning half the time.
    const std::size_t range = i % 2 ? bytes.size() : 4096;
    damaged[random() % range] ^= std::byte{1} << random() % 8;
    atomic_write(file, damaged, durability::cached);
    BOOST_CHECK(refuses([&] { load(file); }));
  }
  for (int i = 0; i < 50; ++i) {
    atomic_write(file, std::span(bytes).first(random() % bytes.size()), durability::cached);
    check_error([&] { load(file); }, file.string());
  }
}

BOOST_FIXTURE_TEST_CASE(damaged_elements_name_the_file, saved_checkpoint) {
  auto bytes = read_file(file);
  bytes.back() ^= std::byte{1};
  atomic_write(file, bytes);
  check_error([&] { checkpoint{file}; }, file.string() + ": damaged: checksum");
  content.metadata.erase("checksum");
  write_safetensors(file, content);
  check_error([&] { checkpoint{file}; }, file.string() + ": a checkpoint without its checksum");
}

BOOST_FIXTURE_TEST_CASE(weights_of_another_network_are_one_clear_line, saved_checkpoint) {
  const checkpoint read(file);
  check_error([&] { read.weights<tensor_f>(lift_unet{{{8, 24}}}); },
              "hidden dims of " + file.string() + ": got [8, 16], want [8, 24]");
  check_error([&] { read.weights<tensor_f>(baseline_unet{{{8, 16}}}); },
              "architecture of " + file.string() + ": got lift, want baseline");
  check_error([&] { read.weights<tensor_f>(multiscale_unet<3>{{{8, 16}}}); },
              "architecture of " + file.string() + ": got lift, want lift-3-scales");
}

BOOST_FIXTURE_TEST_CASE(weights_alone_load_by_name, saved_checkpoint) {
  // As a file converted from PyTorch: no metadata, no moments, no average.
  safetensors plain;
  for (const auto& [name, value] : state.weights.entries())
    plain.add<float>(name, value.shape(), value.to_host());
  write_safetensors(file, plain);
  const checkpoint read(file);
  BOOST_CHECK(!read.resumable());
  BOOST_CHECK_EQUAL(read.architecture(), "lift");
  const auto weights = read.weights<tensor_f>(architecture);
  for (const auto& [name, value] : state.weights.entries())
    BOOST_CHECK(weights[name].to_host() == value.to_host());
  check_error([&] { read.state<tensor_f>(architecture); }, "holds weights alone");
  BOOST_CHECK(read.has_raw() && !read.has_average());
  BOOST_CHECK(read.remarks().empty());
  check_error([&] { read.weights<tensor_f>(architecture, weight_kind::average); },
              file.string() + ": holds no average, only the raw weights");

  auto changed = plain;
  changed.tensors.erase("final_conv.2.bias");
  write_safetensors(file, changed);
  check_error([&] { checkpoint(file).weights<tensor_f>(architecture); },
              "no tensor 'final_conv.2.bias' in " + file.string());
  changed = plain;
  changed.tensors["final_conv.2.bias"] = changed.tensors["init_conv.bias"];
  write_safetensors(file, changed);
  check_error([&] { checkpoint(file).weights<tensor_f>(architecture); },
              "shape of 'final_conv.2.bias' in " + file.string() + ": got (8), want (6)");
  write_safetensors(file, {});
  check_error([&] { checkpoint{file}; }, "holds no weights of a LIFT network");
}

namespace {

using renaming = std::pair<std::string, std::string>;

/// The tensors of a checkpoint whose names begin so, begun otherwise instead; of the first that
/// fits.
safetensors renamed(const safetensors& content, const std::vector<renaming>& names) {
  safetensors result;
  for (const auto& [name, tensor] : content.tensors)
    for (const auto& [from, to] : names) {
      const bool raw = from.empty() && (name.starts_with("ema.") || name.starts_with("adamw."));
      if (raw || !name.starts_with(from)) continue;
      result.tensors[to + name.substr(from.size())] = tensor;
    }
  return result;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(weights_are_found_behind_the_names_of_wrappers, saved_checkpoint) {
  const auto check = [&](const std::vector<renaming>& names, bool raw, bool average,
                         std::size_t remarks) {
    write_safetensors(file, renamed(content, names));
    const checkpoint read(file);
    BOOST_TEST_CONTEXT(names.front().second) {
      BOOST_CHECK_EQUAL(read.has_raw(), raw);
      BOOST_CHECK_EQUAL(read.has_average(), average);
      BOOST_CHECK_EQUAL(read.remarks().size(), remarks);
      const auto compare = [&](weight_kind kind, const parameters<tensor_f>& want) {
        const auto got = read.weights<tensor_f>(architecture, kind);
        for (const auto& [name, value] : want.entries())
          BOOST_CHECK(got[name].to_host() == value.to_host());
      };
      if (raw) compare(weight_kind::trained, state.weights);
      if (average) compare(weight_kind::average, state.average);
      BOOST_CHECK((read.default_kind() == weight_kind::average) == average);
    }
  };
  check({{"", ""}}, true, false, 0);
  for (const char* wrapper :
       {"module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module.model."})
    check({{"", wrapper}}, true, false, 1);
  check({{"ema.", "ema."}}, false, true, 0);
  for (const char* wrapper : {"ema_model.", "ema_model.module.", "ema._orig_mod.", "module.ema."})
    check({{"ema.", wrapper}}, false, true, 1);
  check({{"", "module."}, {"ema.", "ema_model.module."}}, true, true, 2);
}

BOOST_FIXTURE_TEST_CASE(weights_that_can_be_read_in_two_ways_are_refused, saved_checkpoint) {
  write_safetensors(file, renamed(content, {{"", "module."}, {"", "model."}, {"ema.", "ema."}}));
  const checkpoint twice(file);
  check_error([&] { twice.weights<tensor_f>(architecture, weight_kind::trained); },
              "two sets of tensors could be the raw weights: those named 'model.…' and 'module.…'");
  twice.weights<tensor_f>(architecture);  // of the average there is one

  safetensors two = renamed(content, {{"", ""}});
  const network<lift_unet, tensor_f> other(lift_unet{{{8}}}, 1);
  for (const auto& [name, value] : other.weights.entries())
    two.add<float>("ema." + name, value.shape(), value.to_host());
  write_safetensors(file, two);
  check_error([&] { checkpoint{file}; }, "holds two networks, lift with hidden dims [8");
}

BOOST_FIXTURE_TEST_CASE(what_is_missing_is_named_with_what_is_nearest, saved_checkpoint) {
  safetensors plain = renamed(content, {{"", "module."}});
  const auto rename = [&](const std::string& from, const std::string& to) {
    plain.tensors[to] = plain.tensors.at(from);
    plain.tensors.erase(from);
  };
  rename("module.final_conv.2.bias", "module.final_conv.two.bias");
  rename("module.time_mlp.1.weight", "module.somewhere.else");
  write_safetensors(file, plain);
  check_error([&] { checkpoint{file}; },
              "no tensor 'module.final_conv.2.bias' in " + file.string() + ", nor 1 more of the ");
  check_error([&] { checkpoint{file}; }, " of lift; nearest: 'module.final_conv.two.bias'");

  // An average with a gap is not passed over for the weights beside it, unless those are wanted.
  safetensors gap = renamed(content, {{"", ""}, {"ema.", "ema."}});
  gap.tensors.erase("ema.final_conv.2.bias");
  write_safetensors(file, gap);
  check_error([&] { checkpoint(file).weights<tensor_f>(architecture); },
              "no tensor 'ema.final_conv.2.bias'");
  checkpoint(file).weights<tensor_f>(architecture, weight_kind::trained);

  safetensors foreign;
  foreign.add<float>("conv.weight", {1}, std::vector<float>{1});
  write_safetensors(file, foreign);
  check_error([&] { checkpoint{file}; }, "of a LIFT network; it has tensor 'conv.weight'");
}

BOOST_FIXTURE_TEST_CASE(tensors_that_are_no_weights_are_ignored_aloud, saved_checkpoint) {
  safetensors plain = renamed(content, {{"", ""}});
  plain.add<std::int64_t>("init_conv.num_batches_tracked", {}, std::vector<std::int64_t>{7});
  plain.add<float>("nothing", {0, 3}, std::vector<float>{});
  plain.add<float>("optimizer.0.exp_avg", {2}, std::vector<float>{1, 2});
  write_safetensors(file, plain);
  const checkpoint read(file);
  BOOST_REQUIRE_EQUAL(read.remarks().size(), 1u);
  BOOST_CHECK_EQUAL(read.remarks()[0],
                    file.string() +
                        ": ignored tensor 'init_conv.num_batches_tracked' and 2 more, "
                        "no weights of this network");
  read.weights<tensor_f>(architecture);

  content.add<float>("nothing", {0}, std::vector<float>{});
  content.metadata["checksum"] = lift::detail::checksum_of(content);
  write_safetensors(file, content);
  BOOST_CHECK_EQUAL(checkpoint(file).remarks().size(), 1u);
  BOOST_CHECK(same_state(load(file), state));
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_without_some_of_its_parts_is_weights_alone, saved_checkpoint) {
  for (const std::vector<renaming>& left :
       {std::vector<renaming>{{"", ""}, {"ema.", "ema."}}, {{"ema.", "ema."}}, {{"", "module."}}}) {
    safetensors taken = renamed(content, left);
    taken.metadata = content.metadata;
    write_safetensors(file, taken);
    const checkpoint read(file);
    BOOST_CHECK(!read.resumable());
    read.weights<tensor_f>(architecture);
    check_error([&] { read.state<tensor_f>(architecture); }, "holds weights alone");
    BOOST_CHECK(read.remarks()[0].find("not covered by the checksum") != std::string::npos);
  }
  // One tensor less is damage.
  for (const std::string& prefix : lift::detail::part_prefixes(state.optimiser)) {
    safetensors damaged = content;
    damaged.tensors.erase(prefix + "init_conv.bias");
    write_safetensors(file, damaged);
    check_error([&] { checkpoint{file}; }, ": damaged: checksum");
  }
}

BOOST_FIXTURE_TEST_CASE(weights_that_are_not_finite_are_neither_read_nor_written,
                        saved_checkpoint) {
  const auto before = read_file(file);
  for (auto part : {&training_state<tensor_f>::weights, &training_state<tensor_f>::average}) {
    auto spoilt = state.clone();
    auto& entry = (spoilt.*part).entries()[3];
    auto values = entry.value.to_host();
    values[2] = std::numeric_limits<float>::infinity();
    entry.value = tensor_f(entry.value.shape(), values);
    check_error([&] { save(file, spoilt); },
                entry.name + ", element 2: got inf, want a finite number");
    BOOST_CHECK(read_file(file) == before);
  }
  for (const std::string name : {"ema.init_conv.bias", "init_conv.bias"}) {
    safetensors spoilt = content;
    const float bad[8] = {0, 0, NAN};
    spoilt.add<float>(name, {8}, bad);
    spoilt.metadata["checksum"] = lift::detail::checksum_of(spoilt);
    write_safetensors(file, spoilt);
    check_error([&] { load(file); },
                '\'' + name + "' in " + file.string() + ", element 2: got nan");
  }
}

BOOST_FIXTURE_TEST_CASE(weights_alone_come_back_in_each_type, saved_checkpoint) {
  for (const dtype type : {dtype::f32, dtype::f16, dtype::bf16})
    for (const weight_kind kind : {weight_kind::trained, weight_kind::average}) {
      const bool average = kind == weight_kind::average;
      const auto& weights = average ? state.average : state.weights;
      save_weights(file, architecture, weights, kind, type, {{"settings", "{}"}});
      const checkpoint read(file);
      BOOST_CHECK(!read.resumable());
      BOOST_CHECK(read.has_average() == average && read.has_raw() == !average);
      BOOST_CHECK_EQUAL(read.metadata().at("settings"), "{}");
      const auto got = read.weights<tensor_f>(architecture, kind);
      const double unit = type == dtype::f32 ? 0 : type == dtype::f16 ? 0x1p-11 : 0x1p-8;
      for (const auto& [name, value] : weights.entries()) {
        const auto a = got[name].to_host(), b = value.to_host();
        for (std::size_t i = 0; i < a.size(); ++i)
          BOOST_REQUIRE_LE(std::abs(a[i] - b[i]), unit * std::abs(b[i]) + (unit > 0 ? 0x1p-25 : 0));
      }
    }
  auto bytes = read_file(file);
  bytes.back() ^= std::byte{1};
  atomic_write(file, bytes);
  check_error([&] { checkpoint{file}; }, ": damaged: checksum");

  parameters<tensor_f> large = state.weights.clone();
  auto& entry = large.entries()[0];
  entry.value = full<tensor_f>(entry.value.shape(), 65520.f);
  std::filesystem::remove(file);
  check_error([&] { save_weights(file, architecture, large, weight_kind::trained, dtype::f16); },
              " in F16: " + entry.name + ", element 0: got inf");
  check_error([&] { save_weights(file, architecture, large, weight_kind::trained, dtype::i8); },
              "got I8, want F32, F16 or BF16");
  BOOST_CHECK_EQUAL(folder.files(), 0u);
}

BOOST_AUTO_TEST_CASE(architectures_are_told_apart) {
  const scratch_folder folder;
  const auto told = [&](const auto& a) {
    using Architecture = std::decay_t<decltype(a)>;
    const network<Architecture, tensor_f> net(a, 1);
    save_checkpoint(folder / "a", a, training_state<tensor_f>(net.weights));
    const checkpoint read(folder / "a");
    BOOST_CHECK_EQUAL(read.architecture(), Architecture::name);
    BOOST_CHECK(read.config() == config_texts(a.config));
    BOOST_CHECK_EQUAL(read.weights<tensor_f>(a).size(), net.weights.size());
  };
  told(lift_unet{{{8, 16}}});
  told(lift_unet_shared_timestep{{{16, 8, 24}}});
  told(baseline_unet{{{8}}});
  told(multiscale_unet<3>{{{8, 16}}});
  for (const char* which : {"fine", "own", "none"}) {
    told(lift_unet{{.hidden_dims = {8}, .told_timesteps = which}});
    told(baseline_unet{{.hidden_dims = {8}, .told_timesteps = which}});
  }
}

BOOST_AUTO_TEST_CASE(a_configuration_comes_back) {
  const scratch_folder folder;
  const unet_config config{.hidden_dims = {8, 16},
                           .blocks = 1,
                           .attention_levels = {{0, 1}},
                           .heads = 2,
                           .image_channels = 1,
                           .classes = 3};
  const auto kept = [&](const lift_unet& of) {
    const network<lift_unet, tensor_f> net(of, 1);
    save_weights(folder / "a", of, net.weights, weight_kind::trained);
    return checkpoint(folder / "a");
  };
  const checkpoint read = kept(lift_unet{config});
  BOOST_CHECK(read_config<unet_config>(read.config()) == config);
  BOOST_CHECK_EQUAL(read.metadata().at("attention_levels"), "[0, 1]");
  BOOST_CHECK_EQUAL(read.metadata().at("classes"), "3");
  check_error([&] { read.weights<tensor_f>(lift_unet{{{8, 16}}}); },
              "attention levels of " + (folder / "a").string() + ": got [0, 1], want ");
  BOOST_CHECK(kept(lift_unet{{.hidden_dims = {8}, .attention_levels = {{}}}})
                  .metadata()
                  .at("attention_levels") == "[]");
  // What is as by default is not written, so that files stay as they were.
  const checkpoint plain = kept(lift_unet{{{8}}});
  for (const char* name :
       {"blocks", "attention_levels", "heads", "image_channels", "classes", "told_timesteps"})
    BOOST_CHECK(!plain.metadata().contains(name));
}

BOOST_FIXTURE_TEST_CASE(a_configuration_must_be_one, saved_checkpoint) {
  const auto told = [&](const std::string& name, const std::string& value) {
    safetensors changed = content;
    changed.metadata[name] = value;
    changed.metadata["checksum"] = lift::detail::checksum_of(changed);
    write_safetensors(file, changed);
    return message_of([&] { checkpoint{file}; });
  };
  const std::string source = file.string();
  for (const char* bad : {"", "two", "-1", "2 ", "99999999999999999999", "\x1b[2J"})
    BOOST_CHECK(told("blocks", bad).starts_with(source + ": metadata 'blocks': got '"));
  for (const char* bad : {"", "8", "[8", "[8,16]", "[8, ]", "[8, -16]", "[eight]", "[[8]]"})
    BOOST_CHECK(told("hidden_dims", bad).starts_with(source + ": metadata 'hidden_dims': got '"));
  BOOST_CHECK_EQUAL(told("hidden_dims", "[8, 9]"),
                    source + ": hidden dim: got 9, want a positive multiple of 8");
  BOOST_CHECK_EQUAL(told("blocks", "65"),
                    source + ": residual blocks of a level: got 65, want 1 to 64");
  BOOST_CHECK_EQUAL(told("heads", "5"), source + ": heads of attention: got 5, want a divisor of "
                                                 "the 16 channels of level 1");
  BOOST_CHECK_EQUAL(told("told_timesteps", "all\n"),
                    source + ": unknown choice of told timesteps: got \"all\\x0a\", want one of each, "
                             "fine, own, none");
  BOOST_CHECK_EQUAL(told("architecture", "mine\n"),
                    "architecture of " + source +
                        ": got mine\\x0a, want lift, lift-shared-timestep, baseline, lift-3-scales");
}

BOOST_AUTO_TEST_CASE(ones_own_architecture_is_kept_and_read) {
  const scratch_folder folder;
  const network<toy_network, tensor_f> net(toy_network{}, 1);
  save_checkpoint(folder / "a", net.architecture, training_state<tensor_f>(net.weights));
  const checkpoint read(folder / "a", std::span(&kind_of<toy_network>, 1));
  BOOST_CHECK_EQUAL(read.architecture(), "toy");
  BOOST_CHECK(read.resumable());
  BOOST_CHECK(same_state(read.state<tensor_f>(net.architecture), training_state<tensor_f>(net.weights)));
  check_error([&] { checkpoint{folder / "a"}; }, "architecture of " + (folder / "a").string() +
                                                     ": got toy, want lift, lift-shared-timestep");
}

BOOST_FIXTURE_TEST_CASE(counters_must_be_numbers, saved_checkpoint) {
  for (const char* bad : {"", "-1", "1.5", "99999999999999999999", "7 "}) {
    content.metadata["cursor"] = bad;
    content.metadata["checksum"] = lift::detail::checksum_of(content);
    write_safetensors(file, content);
    check_error([&] { load(file); }, "metadata 'cursor': got ");
  }
}

BOOST_AUTO_TEST_CASE(the_newest_of_a_folder_is_never_passed_over) {
  const scratch_folder folder;
  check_error([&] { find_checkpoint(folder.path()); },
              "no checkpoint in " + folder.path().string());
  check_error([&] { load(find_checkpoint(folder / "none")); }, "No such file");
  save(folder / checkpoint_name(2), fresh());
  BOOST_CHECK_EQUAL(checkpoint_name(1234), "checkpoint_00001234.safetensors");
  for (const char* other : {"checkpoint_00000009.safetensors.tmp", "checkpoint_9.safetensors",
                            "checkpoint_best.safetensors", "zoo_00000009.safetensors", "x"})
    std::ofstream(folder / other) << "not a checkpoint";
  BOOST_CHECK_EQUAL(find_checkpoint(folder.path()), folder / checkpoint_name(2));
  BOOST_CHECK_EQUAL(find_checkpoint(folder / "x"), folder / "x");
  std::ofstream(folder / checkpoint_name(123456789)) << "cut off";
  check_error([&] { load(find_checkpoint(folder.path())); }, checkpoint_name(123456789));
}

// --- what happens to a process ------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_full_disk_leaves_the_old_checkpoint, saved_checkpoint) {
  const auto before = read_file(file);
  const auto later = trained(state, 4);
  for (std::size_t part = 0; part < 10; ++part) {
    const file_size_limit full(before.size() * part / 10);
    check_error([&] { save(file, later); }, "cannot write " + file.string());
  }
  BOOST_CHECK(read_file(file) == before);
  BOOST_CHECK_EQUAL(folder.files(), 1u);
  save(file, later);
  BOOST_CHECK(same_state(load(file), later));
}

namespace {

constexpr std::uint64_t killed_steps = 60;

/// Trains to the end, resuming where the folder's newest checkpoint stands and saving each step.
void train_in(const std::filesystem::path& folder) {
  const auto newest = newest_checkpoint(folder);
  auto training = training_from(newest ? load(*newest) : fresh());
  training.run(killed_steps, [&](const step_report<>& r) {
    save(folder / checkpoint_name(r.step), training.state());
  });
}

std::vector<std::filesystem::path> unfinished_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".tmp") files.push_back(entry.path());
  return files;
}

/// Runs train_in in a child process and kills that after `delay`, or at its next save after that;
/// false if it ended by itself.
bool killed_after(std::chrono::microseconds delay, bool at_save,
                  const std::filesystem::path& folder) {
  const ::pid_t child = ::fork();
  BOOST_REQUIRE_GE(child, 0);
  if (child == 0) {
    try {
      train_in(folder);
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  std::this_thread::sleep_for(delay);
  int status = 0;
  bool ended = false;
  while (at_save && !ended && unfinished_files(folder).empty())
    ended = ::waitpid(child, &status, WNOHANG) != 0;
  if (!ended) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  BOOST_REQUIRE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

}  // namespace

BOOST_AUTO_TEST_CASE(killed_and_resumed_training_ends_with_the_same_bytes) {
  // The process that forks has no other thread, and the children train with one.
  default_thread_pool().resize(1);
  source();
  const scratch_folder undisturbed;
  const auto start = std::chrono::steady_clock::now();
  train_in(undisturbed.path());
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  const auto want = read_file(undisturbed / checkpoint_name(killed_steps));

  const scratch_folder folder;
  std::mt19937_64 random(2);
  int kills = 0, mid_way = 0, mid_save = 0, finished = 0;
  const auto finish = [&] {
    train_in(folder.path());
    BOOST_CHECK(read_file(folder / checkpoint_name(killed_steps)) == want);
    ++finished;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      std::filesystem::remove(entry);
  };
  while (kills < 20) {
    const std::chrono::microseconds delay(static_cast<std::int64_t>(
        random() % static_cast<std::uint64_t>(1 + whole.count() / 8)));
    // Every second kill is aimed at a save; the others meet what those left behind.
    const bool at_save = kills % 2 == 1;
    if (at_save)
      for (const auto& left : unfinished_files(folder.path())) std::filesystem::remove(left);
    if (!killed_after(delay, at_save, folder.path())) {
      finish();
      continue;
    }
    ++kills;
    const auto newest = newest_checkpoint(folder.path());
    if (newest) BOOST_CHECK_GT(load(*newest).step, 0u);  // whole, whenever the kill came
    mid_way += newest.has_value();
    mid_save += at_save && !unfinished_files(folder.path()).empty();
  }
  finish();
  BOOST_TEST_MESSAGE(kills << " kills, " << mid_way << " with a checkpoint to resume from, "
                           << mid_save << " within a save, " << finished << " trainings finished");
  BOOST_CHECK_GT(mid_way, 9);
  BOOST_CHECK_GT(mid_save, 0);
  default_thread_pool().resize(0);
}

BOOST_AUTO_TEST_SUITE_END()
