// SPDX-License-Identifier: MIT
// Training: a small LIFT on made-up images (soft discs of random colour), a checkpoint of it, and
// a few samples.

#include <cmath>
#include <cstdio>

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/io/checkpoint.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/png.hpp>
#include <lift/model/model.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>
#include <lift/train/trainer.hpp>

using image_tensor = lift::tensor<lift::xtensor_backend, float>;

image_tensor discs(std::size_t count, std::size_t size) {
  const lift::random_stream random{.seed = 7, .use = lift::purpose::data_order};
  const lift::shape dims{count, 3, size, size};
  std::vector<float> pixels;
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t y = 0; y < size; ++y)
        for (std::size_t x = 0; x < size; ++x) {
          const auto at = [&](std::size_t i) { return random.uniform(n, i); };
          const double side = static_cast<double>(size), radius = side * (0.2 + 0.2 * at(3));
          const double dx = static_cast<double>(x) + 0.5 - side * (0.3 + 0.4 * at(4));
          const double dy = static_cast<double>(y) + 0.5 - side * (0.3 + 0.4 * at(5));
          const double inside = 1 / (1 + std::exp(2 * (std::hypot(dx, dy) - radius)));
          pixels.push_back(static_cast<float>(1 - 2 * inside * at(c)));
        }
  return image_tensor(dims, pixels);
}

int main() {
  const std::size_t size = 16, steps = 60;
  const lift::tensor_images images{discs(256, size)};
  const lift::lift_unet architecture{{.hidden_dims = {16, 32}}};
  const lift::network<lift::lift_unet, image_tensor> initial(architecture, 1);
  const lift::cosine_schedule schedule;
  const lift::objective objective{schedule, lift::independent_regime{}, lift::predicts_noise{}};

  lift::training_options options;
  options.batch_size = 16;
  options.average.decay = 0.95;
  lift::trainer trainer(architecture, lift::training_state(initial.weights), images, objective,
                        lift::cosine_annealing{.steps = steps, .first = 2e-3}, options);
  trainer.run(steps, [](const lift::step_report<>& report) {
    if (report.step % 10 == 0)
      std::printf("step %3zu  loss %.3f fine, %.3f coarse\n", std::size_t(report.step),
                  report.loss.fine(), report.loss.coarse());
  });
  lift::save_checkpoint("discs.safetensors", architecture, trainer.state());

  const lift::network<lift::lift_unet, image_tensor> trained(architecture,
                                                             trainer.state().average);
  const lift::model denoise{trained, objective.prediction, schedule};
  const lift::shape shape{16, 3, size, size};
  const auto made = lift::generate<image_tensor>(denoise, schedule,
                                                 lift::diagonal{}({}, schedule, 20), shape);
  lift::write_png("discs.png", lift::image_grid(made.fine().to_host(), shape));
  std::printf("wrote discs.safetensors and discs.png\n");
}
