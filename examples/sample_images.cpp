// SPDX-License-Identifier: MIT
// Sampling along two paths with a denoiser known in closed form: the exact one of random fields
// with the power spectrum of natural images.

#include <cstdio>

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/png.hpp>
#include <lift/model/gaussian_field.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/path/given_path.hpp>
#include <lift/sample/generate.hpp>
#include <lift/schedule/cosine.hpp>

using image_tensor = lift::tensor<lift::xtensor_backend, float>;

int main() {
  const lift::cosine_schedule schedule;
  const lift::gaussian_field denoise(schedule, 16);  // 16×16 pixels
  const lift::shape images{8, 3, 16, 16};

  const auto sample = [&](const char* name, const lift::timestep_path<>& path) {
    const auto made = lift::generate<image_tensor>(
        denoise, schedule, path, images, {.seed = 1}, [&](const auto& step) {
          if (step.index + 1 == step.count) std::printf("%s: %zu steps", name, step.count);
        });
    const std::vector<float> pixels = made.fine().to_host();
    double power = 0;
    for (const float x : pixels) power += double(x) * double(x);
    std::printf(", mean square %.3f (the field's is 0.25)\n",
                power / static_cast<double>(pixels.size()));
    lift::write_png(lift::text(name, ".png"),
                    lift::image_grid(pixels, images, {.columns = 4}), {{"path", name}});
  };

  constexpr std::size_t steps = 20;
  sample("diagonal", lift::diagonal{}({}, schedule, steps));
  // The coarse scale ahead: it is four times as clean as the fine one all the way.
  sample("coarse_first",
         lift::given_path<>{{{0.01, 0.04}, {100, 400}}}({}, schedule, steps));
  std::printf("wrote diagonal.png and coarse_first.png\n");
}
