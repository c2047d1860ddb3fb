// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lift/io/npz.hpp>
#include <lift/metric/gaussian.hpp>

namespace lift {

/// What is kept of the features of a set of images.
struct feature_statistics {
  gaussian fitted;
  std::size_t count = 0;     ///< of images; 0 where the file does not say
  Eigen::MatrixXf features;  ///< each image's in a row; none where they were not kept
  std::string about;         ///< what they are features of, and how they were made; may be empty
};

namespace detail {

using row_major_f = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
host_tensor array_of(const shape& dims, const T* values) {
  return host_tensor::from(dims, std::span<const T>(values, dims.size()));
}

}  // namespace detail

/// Writes statistics as a .npz file whose arrays "mu" and "sigma" are those of pytorch-fid and
/// clean-fid; "count" is the number of images, "feats" are the features, where there are any, and
/// "about" is a text.
inline void write_statistics(output_file file, const feature_statistics& s) {
  const auto d = static_cast<std::size_t>(s.fitted.mean.size());
  const auto count = static_cast<std::int64_t>(s.count);
  named_arrays arrays;
  arrays["mu"] = detail::array_of({d}, s.fitted.mean.data());
  arrays["sigma"] = detail::array_of({d, d}, s.fitted.covariance.data());  // it is symmetric
  arrays["count"] = detail::array_of({}, &count);
  if (s.features.size() > 0) {
    const detail::row_major_f rows = s.features;
    arrays["feats"] = detail::array_of({static_cast<std::size_t>(rows.rows()), d}, rows.data());
  }
  if (!s.about.empty()) arrays["about"] = array_of_text(s.about);
  write_npz(std::move(file), arrays);
}

/// The statistics in a .npz file of ours, pytorch-fid or clean-fid. Throws lift::error naming the file
/// where it is none, sizes do not fit together or a number is not finite.
inline feature_statistics read_statistics(const std::filesystem::path& file) {
  const named_arrays arrays = read_npz(file);
  const auto array = [&](const char* name) -> const host_tensor& {
    const auto found = arrays.find(name);
    if (found == arrays.end())
      throw error(text(file.string(), ": no array '", name, "', want mu and sigma, the statistics of features"));
    return found->second;
  };
  const auto what = [&](const char* part) { return text(file.string(), ": shape of ", part); };
  const host_tensor &mu = array("mu"), &sigma = array("sigma");
  require(mu.dims.rank() == 1 && mu.dims[0] > 0, what("mu"), mu.dims, "(d)");
  const std::size_t d = mu.dims[0];
  require(sigma.dims == shape{d, d}, what("sigma"), sigma.dims, shape{d, d});
  const auto size = static_cast<Eigen::Index>(d);
  const std::vector<double> mean = mu.as<double>(), covariance = sigma.as<double>();
  feature_statistics s;
  s.fitted = {Eigen::Map<const Eigen::VectorXd>(mean.data(), size),
              Eigen::Map<const Eigen::MatrixXd>(covariance.data(), size, size)};
  if (const auto found = arrays.find("feats"); found != arrays.end()) {
    const shape& dims = found->second.dims;
    require(dims.rank() == 2 && dims[1] == d, what("feats"), dims, text("(images, ", d, ")"));
    const std::vector<float> rows = found->second.as<float>();
    s.features = Eigen::Map<const detail::row_major_f>(rows.data(), static_cast<Eigen::Index>(dims[0]), size);
    s.count = dims[0];
  }
  if (const auto found = arrays.find("count"); found != arrays.end()) {
    const std::vector<std::int64_t> count = found->second.as<std::int64_t>();
    require(count.size() == 1 && count[0] > 0, text(file.string(), ": count"),
            count.empty() ? 0 : count[0], "a number of images");
    s.count = static_cast<std::size_t>(count[0]);
  }
  if (const auto found = arrays.find("about"); found != arrays.end()) {
    const std::vector<std::uint8_t> letters = found->second.as<std::uint8_t>();
    s.about.assign(letters.begin(), letters.end());
  }
  if (!s.fitted.mean.allFinite() || !s.fitted.covariance.allFinite() || !s.features.allFinite())
    throw error(text(file.string(), ": got NaN or infinity, want finite statistics"));
  return s;
}

}  // namespace lift
