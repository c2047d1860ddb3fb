// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <lift/analysis/sample_mean.hpp>
#include <lift/core/random_permutation.hpp>
#include <lift/io/sha256.hpp>
#include <lift/metric/peak_signal_to_noise.hpp>
#include <lift/metric/structural_similarity.hpp>

#include "commands.hpp"
#include "feature_options.hpp"
#include "measure_result.hpp"
#include "resuming.hpp"

namespace lift::cli {
namespace {

constexpr const char* psnr = "psnr";
constexpr const char* ssim = "ssim";

/// The networks that LPIPS is published for.
constexpr choice<any_feature_network> lpips_networks[] = {
    {alexnet::name, [] { return any_feature_network(alexnet{}); }},
    {vgg16::name, [] { return any_feature_network(vgg16{}); }},
};

/// LPIPS of a network with its weights.
struct lpips_options {
  std::string network = alexnet::name;
  feature_weights_options weights;
  std::string backend = engine_names().front();

  void add(CLI::App& app) {
    choice_option(app, "--network", network, names_of(lpips_networks), "Network of LPIPS");
    weights.add(app);
    backend_option(app, backend);
  }
  compare_images load(json& about) const {
    const path file = weights.find(network);
    about["network"] = network;
    about["weights_sha256"] = sha256_of(file);
    return find_engine(backend).lpips(choose("network", lpips_networks, network), read_safetensors(file));
  }
};

struct pairs_settings : session {
  data_options data;
  path against;
  image_size size = 64;
  std::size_t num_images = 0;
  std::vector<std::string> measures = {psnr, ssim};
  lpips_options lpips;
  result_options result;
};

struct diversity_settings : session {
  data_options data;
  image_size size = 64;
  std::size_t num_pairs = 1000;
  std::uint64_t seed = 42;
  lpips_options lpips;
  result_options result;
};

using numbers = std::vector<std::size_t>;

/// The distances of pairs of images of two sets, 16 pairs at a time.
std::vector<double> compare_all(const compare_images& compare, const image_dataset& a, const numbers& of_a,
                                const image_dataset& b, const numbers& of_b, progress& bar,
                                std::size_t done) {
  constexpr std::size_t at_once = 16;
  std::vector<double> result;
  const auto view = [](const host_array& x) {
    return image_batch_view{x.values, x.shape[0], x.shape[1], x.shape[2], x.shape[3]};
  };
  for (std::size_t first = 0; first < of_a.size(); first += at_once) {
    stoppable::check();
    const std::size_t count = std::min(at_once, of_a.size() - first);
    const host_array x = to_array(a, std::span(of_a).subspan(first, count)),
                     y = to_array(b, std::span(of_b).subspan(first, count));
    const std::vector<double> distances = compare(view(x), view(y));
    result.insert(result.end(), distances.begin(), distances.end());
    bar.update(done + first + count);
  }
  return result;
}

std::vector<double> signal_to_noise(const image_batch_view& a, const image_batch_view& b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < a.count; ++i)
    result.push_back(peak_signal_to_noise(a.part(i, 1).values, b.part(i, 1).values));
  return result;
}

json mean_and_error(const std::vector<double>& values) {
  const sample_mean m = mean_of(values);
  return {m.mean, values.size() > 1 ? json(m.standard_error) : json()};
}

void measure_pairs(const pairs_settings& s) {
  interruption::install();
  auto output = s.result.claim({s.data.source, s.against});
  json about = {{"numbers", "mean over pairs, standard error"}};
  std::vector<std::pair<std::string, compare_images>> wanted;
  for (const std::string& name : s.measures)
    wanted.emplace_back(name, name == psnr   ? compare_images(signal_to_noise)
                              : name == ssim ? compare_images(structural_similarity)
                                             : s.lpips.load(about));
  const auto load = [&](const path& from) { return s.data.load_to_measure(s, from, s.size); };
  const auto [a, b] = interruptible([&] { return std::pair{load(s.data.source), load(s.against)}; });
  const std::size_t count = s.num_images == 0 ? a.size() : std::min(a.size(), s.num_images);
  require(b.size() == a.size() || (s.num_images > 0 && b.size() >= count), "images of --against",
          b.size(), text(a.size(), ", one for each of --data"));
  numbers all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = i;
  progress bar(s, "pairs", count * wanted.size());
  json result;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const std::string& name = wanted[k].first;
    std::vector<double> values = interruptible([&, &a = a, &b = b] {
      return compare_all(wanted[k].second, a, all, b, all, bar, k * count);
    });
    const auto equal = std::erase_if(values, [](double v) { return std::isinf(v); });
    if (equal > 0) result["equal_pairs_left_out_of_psnr"] = equal;
    require(!values.empty(), "pairs that differ", 0, "at least one");
    result[name] = mean_and_error(values);
  }
  result.update(about);
  result.update({{"data", path_text(s.data.source)},
                 {"data_fingerprint", fingerprint(a, count)},
                 {"against", path_text(s.against)},
                 {"against_fingerprint", fingerprint(b, count)},
                 {"images", count},
                 {"size", s.size}});
  s.result.deliver(s, std::move(output), result);
}

void measure_diversity(const diversity_settings& s) {
  interruption::install();
  auto output = s.result.claim({s.data.source});
  json about;
  const compare_images compare = s.lpips.load(about);
  const image_dataset data = interruptible([&] { return s.data.load_to_measure(s, s.data.source, s.size); });
  require(data.size() >= 2, "images of --data", data.size(), "at least 2");
  const random_stream stream{.seed = s.seed, .use = purpose::subset_order, .scale = 1};
  numbers first, second;
  const auto n = static_cast<std::uint32_t>(data.size());
  for (std::size_t i = 0; i < s.num_pairs; ++i) {
    first.push_back(stream.below(n, i, 0));
    const std::uint32_t other = stream.below(n - 1, i, 1);
    second.push_back(other + (other >= first.back()));
  }
  progress bar(s, "pairs", s.num_pairs);
  json result = {{"measure", "LPIPS diversity"},
                 {"diversity", mean_and_error(interruptible([&] {
                    return compare_all(compare, data, first, data, second, bar, 0);
                  }))},
                 {"numbers", "mean LPIPS of random pairs, standard error"},
                 {"pairs", s.num_pairs}};
  result.update(about);
  result.update({{"data", path_text(s.data.source)},
                 {"data_fingerprint", fingerprint(data, data.size())},
                 {"images", data.size()},
                 {"size", s.size}});
  s.result.deliver(s, std::move(output), result);
}

}  // namespace

void add_pair_measures(CLI::App& measure) {
  const auto p = std::make_shared<pairs_settings>();
  CLI::App& pairs = add_command(
      measure, "pairs", "Images compared with those they should be, in the order of their names",
      "lift measure pairs --data restored --against originals --size 64 --measures psnr,ssim", p,
      measure_pairs);
  p->data.add(pairs);
  option(pairs, "--against", p->against, "The images they should be, as --data")->required();
  size_option(pairs, p->size);
  number_option(pairs, "--num-images", p->num_images, "Only the first so many of each; 0 = all",
                from_zero);
  choices_option(pairs, "--measures", p->measures, {psnr, ssim, "lpips"}, "What is measured");
  p->lpips.add(pairs);
  p->result.add(pairs);

  const auto d = std::make_shared<diversity_settings>();
  CLI::App& diversity =
      add_command(measure, "diversity", "How different images of one set are from each other: mean LPIPS",
                  "lift measure diversity --data samples --size 64", d, measure_diversity);
  d->data.add(diversity);
  size_option(diversity, d->size);
  number_option(diversity, "--num-pairs", d->num_pairs, "Random pairs", whole(1, 100'000'000));
  seed_option(diversity, d->seed);
  d->lpips.add(diversity);
  d->result.add(diversity);
}

}  // namespace lift::cli
