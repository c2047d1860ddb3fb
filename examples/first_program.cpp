// SPDX-License-Identifier: MIT
// The whole way in one screen: images, a trained network, a path that was found, new images.

#include <lift/io.hpp>
#include <lift/lift.hpp>

int main() {
  lift::save_dataset_zip("emoji.zip", lift::render_emoji(16));
  const lift::image_dataset data("emoji.zip", {.size = 16});
  const auto model = lift::train(data, {.config = {.hidden_dims = {16, 32}}, .steps = 30});
  lift::save("emoji.safetensors", model);

  const auto heatmap = lift::measure_heatmap(model, data, {.points = 5, .images = 4});
  const auto path = lift::dp_total{}(heatmap, model.schedule, 10);
  const auto images = lift::generate(lift::load("emoji.safetensors"), {.count = 16}, path);
  lift::write_png("emoji.png", lift::image_grid(images.fine().to_host(), images.fine().shape()));
}
