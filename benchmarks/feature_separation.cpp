// SPDX-License-Identifier: MIT
// What the default features tell apart: distances from real images to spoiled ones, as the Markdown
// table of docs/metrics.md. Usage: benchmark_feature_separation IMAGES [COUNT [SIZE]]
#include <cstddef>
#include <exception>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>

#include <lift/metric/frechet.hpp>
#include <lift/metric/scattering_features.hpp>

#include "drawn_images.hpp"

namespace {

void print_table(const lift::image_dataset& dataset, std::size_t count) {
  const lift::bench::drawn_images drawn(dataset, count);
  const lift::scattering_features extractor;
  const auto fit = [&](const corruption::image_set& images) {
    return lift::fit_features(extractor, images.view()).result();
  };
  const lift::gaussian real = fit(drawn.real);
  const double between_halves = lift::frechet_distance(real, fit(drawn.other));

  std::cout << std::fixed << std::setprecision(1) << "two halves of " << count << ": "
            << between_halves
            << "\n\n| spoiled by | grade: distance (over that of the halves) |\n|---|---|\n";
  for (const auto& family : corruption::families()) {
    std::cout << "| " << family.name << " |";
    for (const double grade : family.grades) {
      const double distance = lift::frechet_distance(real, fit(family.apply(drawn.other, grade)));
      std::cout << (grade == family.grades.front() ? " " : "; ") << lift::text(grade) << ": "
                << distance << " (" << distance / between_halves << ")";
    }
    std::cout << " |" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2 || argc > 4) throw std::invalid_argument("number of arguments");
    const std::size_t count = argc > 2 ? std::stoul(argv[2]) : 500;
    const std::size_t size = argc > 3 ? std::stoul(argv[3]) : 64;
    print_table(lift::image_dataset(argv[1], {.size = size, .max_bad = 0}), count);
  } catch (const std::invalid_argument&) {
    std::cerr << "usage: " << argv[0] << " IMAGES [COUNT [SIZE]]\n";
    return 2;
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
