// SPDX-License-Identifier: MIT
// What each measure of images tells apart, as the Markdown tables of docs/metrics.md: of spoiled images beside real ones,
// and beside the images that they were. WEIGHTS is the folder that scripts/fetch_features.py fills with alexnet, vgg16 and
// squeezenet1_1. Usage: benchmark_measure_separation IMAGES WEIGHTS [COUNT [SIZE]]
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <iostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/io/feature_weights.hpp>
#include <lift/metric/alexnet.hpp>
#include <lift/metric/frechet.hpp>
#include <lift/metric/gaussian.hpp>
#include <lift/metric/kernel_distance.hpp>
#include <lift/metric/lpips.hpp>
#include <lift/metric/network_features.hpp>
#include <lift/metric/peak_signal_to_noise.hpp>
#include <lift/metric/precision_recall.hpp>
#include <lift/metric/scattering_features.hpp>
#include <lift/metric/squeezenet.hpp>
#include <lift/metric/structural_similarity.hpp>
#include <lift/metric/vgg16.hpp>

#include "drawn_images.hpp"

namespace {

using corruption::image_set;
using tensor_f = lift::tensor<lift::xtensor_backend, float>;
using features_of = std::function<Eigen::MatrixXf(const lift::image_batch_view&)>;
using distances_of =
    std::function<std::vector<double>(const lift::image_batch_view&, const lift::image_batch_view&)>;

template <class Network>
lift::parameters<tensor_f> weights_in(const std::filesystem::path& folder) {
  return lift::feature_weights<tensor_f, Network>(
      lift::read_safetensors(folder / (std::string(Network::name) + ".safetensors")));
}

lift::gaussian fit(const Eigen::MatrixXf& features) {
  lift::gaussian_fit fit;
  fit.add(features);
  return fit.result();
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

/// The mean of the distances of images k of two sets, 16 at a time; pairs of equal images that have no PSNR are left out.
double mean_distance(const distances_of& compare, const image_set& a, const image_set& b) {
  std::vector<double> all;
  for (std::size_t first = 0; first < a.count; first += 16) {
    const std::size_t count = std::min<std::size_t>(16, a.count - first);
    for (const double d : compare(a.view().part(first, count), b.view().part(first, count)))
      if (std::isfinite(d)) all.push_back(d);
  }
  return all.empty() ? NAN : mean_of(all);
}

std::vector<double> signal_to_noise(const lift::image_batch_view& a, const lift::image_batch_view& b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < a.count; ++i)
    result.push_back(lift::peak_signal_to_noise(a.part(i, 1).values, b.part(i, 1).values));
  return result;
}

/// The images in another order, so that image k of it and of the set are two of the set's at random.
image_set partners(const image_set& images) {
  image_set result = images;
  std::mt19937 random(4);
  for (std::size_t n = 0; n < images.count; ++n) {
    const std::size_t other = (n + 1 + random() % (images.count - 1)) % images.count;
    std::copy_n(images.image(other), 3 * images.pixels(), result.image(n));
  }
  return result;
}

/// A cell of a table is what a measure says of a set that images were spoiled to.
struct measure {
  std::string name;
  std::function<std::string(const image_set& spoiled)> of;
};

std::string digits(double value, int precision) {
  if (!std::isfinite(value)) return "–";
  std::ostringstream out;
  out << std::fixed << std::setprecision(precision) << value;
  return out.str();
}

void print_table(const std::vector<measure>& measures, const image_set& images) {
  std::cout << "| spoiled by | grade |";
  for (const measure& m : measures) std::cout << ' ' << m.name << " |";
  std::cout << "\n|---|---|";
  for (std::size_t i = 0; i < measures.size(); ++i) std::cout << "---|";
  const auto row = [&](const std::string& name, const std::string& grade, const image_set& spoiled) {
    std::cout << "\n| " << name << " | " << grade << " |";
    for (const measure& m : measures) std::cout << ' ' << m.of(spoiled) << " |" << std::flush;
  };
  row("nothing", "", images);
  for (const auto& family : corruption::families())
    for (const double grade : family.grades)
      row(grade == family.grades.front() ? family.name : "", lift::text(grade), family.apply(images, grade));
  std::cout << "\n\n" << std::flush;
}

/// Fréchet distances to the real images, over that of the images before they were spoiled.
measure frechet_ratio(const std::string& name, const features_of& features, const lift::bench::drawn_images& drawn) {
  const lift::gaussian real = fit(features(drawn.real.view()));
  const double halves = lift::frechet_distance(real, fit(features(drawn.other.view())));
  return {name, [=](const image_set& spoiled) {
            return digits(lift::frechet_distance(real, fit(features(spoiled.view()))) / halves, 1);
          }};
}

void print_tables(const lift::image_dataset& dataset, const std::filesystem::path& weights, std::size_t count) {
  const lift::bench::drawn_images drawn(dataset, count);
  const lift::network_features<lift::vgg16, tensor_f> vgg(weights_in<lift::vgg16>(weights));
  const lift::network_features<lift::alexnet, tensor_f> alex(weights_in<lift::alexnet>(weights));
  const lift::network_features<lift::squeezenet, tensor_f> squeeze(weights_in<lift::squeezenet>(weights));
  const lift::lpips<lift::alexnet, tensor_f> lpips_alex(weights_in<lift::alexnet>(weights));
  const lift::lpips<lift::vgg16, tensor_f> lpips_vgg(weights_in<lift::vgg16>(weights));

  // Features of VGG-16 are taken once for all measures that are made of them.
  const Eigen::MatrixXf real = vgg(drawn.real.view());
  const lift::gaussian fitted = fit(real);
  const double halves = lift::frechet_distance(fitted, fit(vgg(drawn.other.view())));
  Eigen::MatrixXf of_vgg;
  print_table(
      {frechet_ratio("scattering", lift::scattering_features(), drawn),
       frechet_ratio("AlexNet", alex, drawn),
       frechet_ratio("SqueezeNet", squeeze, drawn),
       {"VGG-16",
        [&](const image_set& spoiled) {
          of_vgg = vgg(spoiled.view());
          return digits(lift::frechet_distance(fitted, fit(of_vgg)) / halves, 1);
        }},
       {"KID",
        [&](const image_set&) {
          const lift::sample_mean distance = lift::kernel_distance(of_vgg, real);
          return digits(distance.mean / distance.standard_error, 1);
        }},
       {"precision", [&](const image_set&) { return digits(lift::improved_precision_recall(of_vgg, real).precision, 2); }},
       {"recall", [&](const image_set&) { return digits(lift::improved_precision_recall(of_vgg, real).recall, 2); }},
       {"diversity",
        [&](const image_set& spoiled) { return digits(mean_distance(lpips_alex, spoiled, partners(spoiled)), 3); }}},
      drawn.other);

  const auto beside = [&](const std::string& name, const distances_of& compare, int precision) {
    return measure{name, [&drawn, compare, precision](const image_set& spoiled) {
                     return digits(mean_distance(compare, spoiled, drawn.other), precision);
                   }};
  };
  print_table({beside("PSNR", signal_to_noise, 1), beside("SSIM", lift::structural_similarity, 3),
               beside("LPIPS AlexNet", lpips_alex, 3), beside("LPIPS VGG-16", lpips_vgg, 3)},
              drawn.other);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3 || argc > 5) throw std::invalid_argument("number of arguments");
    const std::size_t count = argc > 3 ? std::stoul(argv[3]) : 200;
    const std::size_t size = argc > 4 ? std::stoul(argv[4]) : 64;
    print_tables(lift::image_dataset(argv[1], {.size = size, .max_bad = 0}), argv[2], count);
  } catch (const std::invalid_argument&) {
    std::cerr << "usage: " << argv[0] << " IMAGES WEIGHTS [COUNT [SIZE]]\n";
    return 2;
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
