// SPDX-License-Identifier: MIT

#include "feature_options.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <string>
#include <utility>

#include <lift/core/cache_folder.hpp>
#include <lift/io/sha256.hpp>
#include <lift/metric/scattering_features.hpp>

#include "packed.hpp"
#include "resuming.hpp"
#include "same_on_ranks.hpp"

namespace lift::cli {
namespace {

constexpr choice<any_feature_network> feature_networks[] = {
    {vgg16::name, [] { return any_feature_network(vgg16{}); }},
    {alexnet::name, [] { return any_feature_network(alexnet{}); }},
    {squeezenet::name, [] { return any_feature_network(squeezenet{}); }},
    {inception::name, [] { return any_feature_network(inception{}); }},
};

/// The published ways to show images to the Inception network, whose distances are FIDs.
struct protocol_row {
  const char* name;
  input_preparation preparation;
};
constexpr protocol_row protocols[] = {
    {"pytorch-fid", inception::preparation},
    // Pillow's filter, and the network's own (x − 128)/128 of 0 … 255
    {"clean-fid",
     {.size = 299,
      .resampling = resampling::antialiased_bicubic,
      .mean = {0.5 / 127.5, 0.5 / 127.5, 0.5 / 127.5},
      .deviation = {128 / 127.5, 128 / 127.5, 128 / 127.5}}},
};

std::vector<std::string> feature_names() {
  std::vector<std::string> names = names_of(feature_networks);
  names.insert(names.begin(), std::string(scattering_features().name()));
  return names;
}

/// Scattering is computed an image at a time: many are by all threads.
Eigen::MatrixXf scatter(const image_batch_view& images) {
  constexpr std::size_t chunk = 16;
  const scattering_features extractor;
  Eigen::MatrixXf rows(images.count, extractor.dimension(images.height, images.width));
  default_thread_pool().run((images.count + chunk - 1) / chunk, [&](std::size_t k) {
    const std::size_t first = k * chunk, number = std::min(chunk, images.count - first);
    rows.middleRows(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(number)) =
        extractor(images.part(first, number));
  });
  return rows;
}

std::string resize_text(const image_size& size) {
  return text(size.is_square() ? "shorter side to " : "scaled to cover ", size,
              " (Pillow's antialiased bilinear), centre crop");
}

std::string input_text(const input_preparation& how) {
  return text(how.size, "x", how.size,
              how.resampling == resampling::bilinear ? " (bilinear, not antialiased)"
                                                     : " (Pillow's antialiased bicubic)");
}

bool is_statistics(const path& source) { return source.extension() == ".npz"; }

/// The features of the first `count` images, 64 at a time, each by a rank that is free.
feature_statistics gather(const image_features& features, const image_dataset& data,
                          std::size_t count, bool keep, const session& s) {
  constexpr std::size_t at_once = 64;
  const std::size_t pixels = 3 * data.sides().width * data.sides().height;
  progress bar(s, "features", count);
  gaussian_fit fit;
  feature_statistics result;
  if (keep)
    result.features.resize(static_cast<Eigen::Index>(count),
                           static_cast<Eigen::Index>(features.dimension));
  std::vector<float> values;
  const auto extract = [&](std::size_t batch) {
    stoppable::check();
    const std::size_t first = batch * at_once, number = std::min(at_once, count - first);
    values.resize(number * pixels);
    default_thread_pool().run(number, [&](std::size_t i) {
      data.normalised(first + i, std::span(values).subspan(i * pixels, pixels));
    });
    const Eigen::MatrixXf rows =
        features.of({values, number, 3, data.sides().height, data.sides().width});
    return packed(std::span<const float>(rows.data(), static_cast<std::size_t>(rows.size())));
  };
  std::map<std::size_t, std::string> early;  // batches, of which those before are not there yet
  std::size_t next = 0;
  const auto take = [&](std::size_t number, std::string bytes) {
    early.emplace(number, std::move(bytes));
    for (auto it = early.find(next); it != early.end(); it = early.find(++next)) {
      const std::size_t first = next * at_once;
      const auto numbers = unpacked<float>(it->second);
      const Eigen::MatrixXf rows = Eigen::MatrixXf::Map(
          numbers.data(), static_cast<Eigen::Index>(std::min(at_once, count - first)),
          static_cast<Eigen::Index>(features.dimension));
      fit.add(rows);
      if (keep) result.features.middleRows(static_cast<Eigen::Index>(first), rows.rows()) = rows;
      bar.update(first + static_cast<std::size_t>(rows.rows()));
      early.erase(it);
    }
  };
  hand_out(ceil_div(count, at_once), extract, take);
  if (!leads_ranks()) return result;
  result.fitted = fit.result();
  result.count = count;
  return result;
}

/// Throws lift::error where statistics are known to be of other features than are wanted.
void require_same_features(const path& file, const feature_statistics& s, const image_features& want) {
  const auto d = static_cast<std::size_t>(s.fitted.mean.size());
  require(d == want.dimension, "features in " + file.string(), d, want.dimension);
  if (s.about.empty()) {
    warn(file.string(), " does not say what its features are; taken for ",
         want.about.at("extractor").get<std::string>());
    return;
  }
  json about;
  try {
    about = json::parse(s.about);
  } catch (const std::exception&) {
    throw error(text(file.string(), ": about: got no JSON, want what `lift measure statistics` wrote"));
  }
  for (const auto& [name, value] : want.about.items()) {
    const json got = about.is_object() && about.contains(name) ? about.at(name) : json();
    require(got == value, text(name, " of ", file.string()), got, value);
  }
}

}  // namespace

void feature_weights_options::add(CLI::App& app) {
  option(app, "--weights", weights,
         "Weights of the network of features, safetensors [what scripts/fetch_features.py fetched]");
}

path feature_weights_options::find(const std::string& network) const {
  if (!weights.empty()) return weights;
  const path folder = cache_folder().value_or(".cache");
  const path file = folder / "lift" / "features" / (network + ".safetensors");
  require(std::filesystem::exists(file), "weights of " + network, "no " + file.string(),
          "that file, from scripts/fetch_features.py " + network + ", or another by --weights");
  return file;
}

void feature_options::add(CLI::App& app) {
  choice_option(app, "--features", features, feature_names(), "What images are described by");
  std::vector<std::string> names;
  for (const protocol_row& row : protocols) names.emplace_back(row.name);
  choice_option(app, "--protocol", protocol, names,
                "How the inception network is shown images [pytorch-fid]");
  weights.add(app);
  backend_option(app, backend);
}

image_features feature_options::load(const image_size& size) const {
  const bool published = features == inception::name;
  require_use(!protocol || published, "--protocol is for --features inception");
  if (features == scattering_features().name()) {
    require_use(weights.weights.empty(), "--weights is for features of a network");
    const scattering_features extractor;
    return {scatter, extractor.dimension(size.height, size.width),
            {{"extractor", features}, {"size", size}, {"protocol", resize_text(size) + "; not FID"}}};
  }
  const any_feature_network network = choose("features", feature_networks, features);
  input_preparation preparation = std::visit([](const auto& n) { return n.preparation; }, network);
  const std::string name = protocol.value_or(protocols[0].name);
  for (const protocol_row& row : protocols)
    if (published && name == row.name) preparation = row.preparation;
  const path file = weights.find(features);
  const std::string digest = sha256_of(file);
  const safetensors stored = read_safetensors(file);
  const std::size_t dimension = std::visit(
      [](const auto& n) {
        parameter_list list;
        return n(scope(list), shape{1, 3, n.least_size, n.least_size}).back()[1];
      },
      network);
  const std::string shown = text(resize_text(size), "; then ", input_text(preparation));
  const auto of = [extract = find_engine(backend).features(network, stored, preparation)](
                      const image_batch_view& images) {
    return matrix_of_rows(extract(images), images.count);
  };
  return {of, dimension,
          {{"extractor", features},
           {"weights_sha256", digest},
           {"size", size},
           {"protocol", published ? text(name, ": ", shown) : shown + "; not FID"}}};
}

void compared_sets::add(CLI::App& app) {
  data.add(app);
  option(app, "--against", against, "The real images, as --data")->required();
  for (const char* const flag : {"--data", "--against"})
    app.get_option(flag)->description(
        text(app.get_option(flag)->get_description(), ", or statistics of features (.npz)"));
  size_option(app, size);
  number_option(app, "--num-images", num_images, "Only the first so many of each; 0 = all",
                from_zero);
  features.add(app);
}

measured_set compared_sets::measure(const image_features& wanted, const path& source,
                                    bool keep) const {
  if (is_statistics(source)) {
    measured_set result{read_statistics(source), {{"source", path_text(source)}}};
    require_same_features(source, result.statistics, wanted);
    require(!keep || result.statistics.features.size() > 0, "features of each image in " + source.string(),
            "none", "those that `lift measure statistics --keep-features` writes");
    result.source["images"] =
        result.statistics.count ? cli::json(result.statistics.count) : cli::json();
    return result;
  }
  const image_dataset images = interruptible([&] { return data.load_to_measure(*this, source, size); });
  const std::size_t count = num_images == 0 ? images.size() : std::min(images.size(), num_images);
  cli::json about = {{"source", path_text(source)},
                     {"fingerprint", fingerprint(images, count)},
                     {"images", count}};
  cli::json all = about;
  all.update(wanted.about);
  require_same_on_ranks(all);
  return {interruptible([&] { return gather(wanted, images, count, keep, *this); }),
          std::move(about)};
}

cli::json compared_sets::about(const image_features& wanted, const measured_set& a,
                               const measured_set& b) const {
  cli::json result = {{"extractor", wanted.about.at("extractor")}, {"features", wanted.dimension}};
  const auto add = [&](const measured_set& set, const std::string& name, const std::string& end) {
    result[name] = set.source.at("source");
    if (set.source.contains("fingerprint")) result[name + "_fingerprint"] = set.source.at("fingerprint");
    result["images" + end] = set.source.at("images");
  };
  add(a, "data", "");
  add(b, "against", "_against");
  result.update(wanted.about);
  return result;
}

}  // namespace lift::cli
