// SPDX-License-Identifier: MIT
#pragma once

// What every backend computes like the CPU's plain one. Each backend runs these cases in a source
// file of its own, so that no compiler sees more of them than it can take; main.cpp compares.

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <lift/model/model.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>
#include <lift/train/trainer.hpp>

#include "hashed.hpp"
#include "op/primitives.hpp"

namespace lift::test {

/// How numbers may differ from the CPU's: not at all, by so much in relative L2, by so many units
/// in the last place, or by so much each.
enum class agreement { equal_bytes, relative_l2, last_places, absolute };

struct numbers {
  std::string name;
  agreement how;
  double tolerance;
  std::vector<float> values;
};

struct backend_under_test {
  std::string name;
  std::vector<numbers> (*compute)();
  /// Where products round more than float32's: all numbers but noise agree to this in relative L2.
  double rounding = 0;
};

/// The numbers of the plain CPU backend.
std::vector<numbers> cpu_numbers();
/// The backends that the program compares with it; none where they have no device.
std::vector<backend_under_test> backends_under_test();

/// A random word of the stream.
struct write_word {
  random_stream stream;
  float* out;
  LIFT_HD void operator()(std::size_t i) const {
    const std::uint32_t word = stream.word(i / 1000, i % 1000);
    reinterpret_cast<std::uint32_t*>(out)[i] = word;
  }
};

template <class Tensor>
class number_list {
 public:
  void add(const std::string& name, agreement how, double tolerance, const Tensor& x) {
    all.push_back({name, how, tolerance, x.to_host()});
  }

  /// The three rules of a primitive, on small integers where they are linear in each input: then
  /// every order of summation gives the same bytes.
  template <class Op>
  void add_primitive() {
    constexpr bool linear = is_linear<Op>;
    const auto how = linear ? agreement::equal_bytes : agreement::relative_l2;
    std::size_t number = 0;
    for (const auto& c : cases_of<Op>::list()) {
      const std::string name = text(Op::name, " of ", c.inputs[0], ", case ", number++);
      // Of a few pixels softmax and means leave nothing to differentiate, and sums may be zero.
      if (c.inputs[0].size() < (linear ? 10 : 64)) continue;
      std::array<Tensor, Op::inputs> x;
      op::tangents<Tensor, Op::inputs> d;
      for (std::size_t i = 0; i < Op::inputs; ++i) {
        x[i] = input(c.inputs[i], linear, 2 * i);
        d[i] = input(c.inputs[i], linear, 2 * i + 1);
      }
      const auto y = std::apply([&](const auto&... in) { return c.op.forward(in...); }, x);
      add(name + ": value", how, 1e-5, y.value);
      add(name + ": JVP", how, 1e-5, c.op.jvp(y.saved, d));
      op::selection<Op::inputs> all_inputs;
      all_inputs.fill(true);
      const auto g = c.op.vjp(y.saved, input(y.value.shape(), linear, 100), all_inputs);
      for (std::size_t i = 0; i < Op::inputs; ++i)
        add(text(name, ": gradient of input ", i), how, 1e-5, g[i]);
    }
  }

  template <class... Op>
  void add_primitives(std::tuple<Op...>*) { (add_primitive<Op>(), ...); }

  void add_noise() {
    const random_stream stream{.seed = 3, .use = purpose::probe, .step = 5};
    constexpr std::size_t count = 10'000'000;
    Tensor words(shape{count});
    Tensor::backend_type::for_each(count, write_word{stream, words.mutable_data()}, 8);
    add("random words", agreement::equal_bytes, 0, words);
    add("signs", agreement::equal_bytes, 0, rademacher_noise<Tensor>({100, 1000}, stream, 7));
    add("uniform numbers", agreement::equal_bytes, 0,
        uniform_noise<Tensor>({100, 1000}, stream, 7, 0.25));
    add("normal numbers", agreement::last_places, 2,
        normal_noise<Tensor>({1000, count / 1000}, stream, 0));
  }

  /// Outputs, stacked Jacobian-vector products and gradients of networks.
  void add_networks() {
    const lift_unet small{{{32, 128}}};
    const auto net = hashed_network<Tensor>(small, "same.");
    const Tensor fine = input({3, 3, 32, 32}, false, 1), coarse = input({3, 3, 16, 16}, false, 2);
    const timesteps t_fine{900, 500, 20}, t_coarse{700, 400, 300};
    const scales t{t_fine, t_coarse};
    const auto y = net(scales{fine, coarse}, t);
    add("LIFT: fine output", agreement::relative_l2, 1e-5, y.fine());
    add("LIFT: coarse output", agreement::relative_l2, 1e-5, y.coarse());
    const auto dy = net(scales{dual_of<Tensor>{fine, input({6, 3, 32, 32}, false, 3)},
                               dual_of<Tensor>{coarse, input({6, 3, 16, 16}, false, 4)}},
                        t);
    add("LIFT: fine tangents", agreement::relative_l2, 1e-4, dy.fine().tangent);
    add("LIFT: coarse tangents", agreement::relative_l2, 1e-4, dy.coarse().tangent);
    const scales batch{
        noised<Tensor>{fine, input(fine.shape(), false, 5), nn::on_backend<Tensor>(t_fine)},
        noised<Tensor>{coarse, input(coarse.shape(), false, 6), nn::on_backend<Tensor>(t_coarse)}};
    const auto loss = loss_and_gradients(small, net.weights, batch, {1, 1});
    for (std::size_t i = 0; i < loss.gradients.size(); ++i)
      add("LIFT: gradient of " + net.weights.entries()[i].name, agreement::relative_l2, 1e-4,
          loss.gradients[i]);

    const auto baseline = hashed_network<Tensor>(baseline_unet{{{32, 128}}}, "same.");
    add("baseline: output", agreement::relative_l2, 1e-5, 
        baseline(scales{fine}, scales{t_fine}).fine());
    const auto full = hashed_network<Tensor>(lift_unet{}, "full.");
    const auto z = full(scales{input({1, 3, 64, 64}, false, 7), input({1, 3, 32, 32}, false, 8)},
                        scales{timesteps{600}, timesteps{200}});
    add("full-size LIFT: fine output", agreement::relative_l2, 1e-5, z.fine());
    add("full-size LIFT: coarse output", agreement::relative_l2, 1e-5, z.coarse());
  }

  /// One step of a training, and 50 of DDIM.
  void add_runs() {
    const lift_unet small{{{32, 128}}};
    const auto net = hashed_network<Tensor>(small, "same.");
    const tensor_images<Tensor> images{input({4, 3, 16, 16}, false, 9)};
    const objective<> objective;
    trainer train(small, training_state(net.weights), images, objective,
                  cosine_annealing{.steps = 10}, {.batch_size = 4});
    const step_report<> report = train.step();
    all.push_back({"training step: losses and norm", agreement::relative_l2, 1e-4,
                   {float(report.loss.fine()), float(report.loss.coarse()),
                    float(report.gradient_norm)}});
    const training_state<Tensor>& state = train.state();
    for (const auto& [name, part] :
         {std::pair{"weights", &state.weights}, std::pair{"average", &state.average},
          std::pair{"first moment", &state.optimiser_state[0]},
          std::pair{"second moment", &state.optimiser_state[1]}})
      for (const auto& entry : part->entries())
        add(text("training step: ", name, " of ", entry.name), agreement::relative_l2, 2e-4,
            entry.value);

    const cosine_schedule schedule;
    const auto made =
        generate<Tensor>(model{net, predicts_noise{}, schedule}, schedule,
                         diagonal{}({}, schedule, 50), {2, 3, 16, 16});
    add("50 steps of DDIM: fine images", agreement::absolute, 1.0 / 255, made.fine());
    add("50 steps of DDIM: coarse images", agreement::absolute, 1.0 / 255, made.coarse());
  }

  std::vector<numbers> all;

 private:
  template <class Op>
  static constexpr bool is_linear =
      std::is_same_v<Op, op::add> || std::is_same_v<Op, op::concat> ||
      std::is_same_v<Op, op::conv2d> || std::is_same_v<Op, op::conv2d_add> ||
      std::is_same_v<Op, op::conv_transpose2d> || std::is_same_v<Op, op::downsample> ||
      std::is_same_v<Op, op::haar> || std::is_same_v<Op, op::inverse_haar> ||
      std::is_same_v<Op, op::linear> || std::is_same_v<Op, op::slice> ||
      std::is_same_v<Op, op::upsample>;

  /// Numbers made on the host, in [−1, 1) or whole ones from −4 to 4.
  static Tensor input(const shape& s, bool integers, std::uint64_t label) {
    std::vector<float> values(s.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double u = hashed_uniform(label, i);
      values[i] = static_cast<float>(integers ? std::round(4 * u) : u);
    }
    return Tensor(s, values);
  }
};

template <class Tensor>
std::vector<numbers> compute_numbers() {
  number_list<Tensor> list;
  list.add_primitives(static_cast<op::primitives*>(nullptr));
  list.add_noise();
  list.add_networks();
  list.add_runs();
  return list.all;
}

}  // namespace lift::test
