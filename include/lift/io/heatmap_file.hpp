// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <lift/analysis/error_heatmap.hpp>
#include <lift/io/json_file.hpp>

namespace lift {

namespace detail {

/// Calls visit(name in a file, grid) for every grid of a heatmap.
template <class Heatmap, class Visit>
void for_each_grid(Heatmap& heatmap, const Visit& visit) {
  const std::size_t n = heatmap.error.size();
  for (std::size_t output = 0; output < n; ++output)
    for (std::size_t input = 0; input < n; ++input) {
      const std::string name = block_name(output, input, n);
      visit(name, heatmap.error[output][input]);
      visit(name + "_error", heatmap.standard_error[output][input]);
    }
}

/// The values from `next` on as rows within rows, as many deep as a grid has axes.
inline nlohmann::json nested(const double*& next, std::size_t points, std::size_t depth) {
  nlohmann::json rows = nlohmann::json::array();
  for (std::size_t i = 0; i < points; ++i)
    rows.push_back(depth == 1 ? nlohmann::json(*next++) : nested(next, points, depth - 1));
  return rows;
}

}  // namespace detail

/// Writes a heatmap as JSON: "gamma", "timesteps", and each grid as a list of rows, one for each
/// γ of the fine scale, of three scales a list of lists of them; "scales" where there are not two.
/// `settings` says how it was made and is kept in the file. Throws lift::error as validate(heatmap).
template <std::size_t N>
void save_heatmap(output_file file, const error_heatmap<N>& heatmap,
                  const nlohmann::json& settings = nlohmann::json::object()) {
  validate(heatmap);
  nlohmann::json document = {{"format", "lift error heatmap"},
                             {"settings", settings},
                             {"gamma", heatmap.gamma},
                             {"timesteps", heatmap.timesteps}};
  if (N != 2) document["scales"] = N;
  detail::for_each_grid(heatmap, [&](const std::string& name, const grid<N>& values) {
    if (values.empty()) return;
    const double* next = values.values().data();
    document[name] = detail::nested(next, heatmap.size(), N);
  });
  write_json(std::move(file), document);
}

namespace detail {

/// Numbers as rows within rows.
template <std::size_t Depth>
struct nested_rows {
  using type = std::vector<typename nested_rows<Depth - 1>::type>;
};
template <>
struct nested_rows<0> {
  using type = double;
};

/// The length of an axis that no row has told yet.
inline constexpr std::size_t unknown_length = static_cast<std::size_t>(-1);

/// Adds the numbers within rows to `to`; false where rows of one depth differ in length.
template <std::size_t N>
bool flatten(double value, std::size_t, typename grid<N>::lengths&, std::vector<double>& to) {
  to.push_back(value);
  return true;
}
template <std::size_t N, class Row>
bool flatten(const std::vector<Row>& rows, std::size_t axis, typename grid<N>::lengths& lengths,
             std::vector<double>& to) {
  if (lengths[axis] == unknown_length) lengths[axis] = rows.size();
  bool equal = rows.size() == lengths[axis];
  for (const Row& row : rows) equal = equal && flatten<N>(row, axis + 1, lengths, to);
  return equal;
}

}  // namespace detail

/// The fields of a heatmap's file, for who does not know the number of its scales before; throws
/// lift::error where it is no such file.
inline json_fields heatmap_fields(const std::filesystem::path& file) {
  return json_fields(file, "lift error heatmap");
}
inline std::size_t heatmap_scales(const json_fields& fields) {
  return fields.contains("scales") ? fields.get<std::size_t>("scales") : 2;
}

/// The heatmap that save_heatmap wrote; throws lift::error naming the file and the field or cell
/// that is missing, not a finite number, or does not fit.
template <std::size_t N = 2>
error_heatmap<N> load_heatmap(const json_fields& fields) {
  const std::size_t stored = heatmap_scales(fields);
  require(stored == N, "scales of the heatmap " + fields.file(), stored, N);
  error_heatmap<N> heatmap;
  heatmap.gamma = fields.numbers("gamma");
  for (const double t : fields.numbers("timesteps")) {
    if (t < 0 || t > 1e9) fields.fail("timesteps", "numbers from 0 to 1e9");
    heatmap.timesteps.push_back(static_cast<std::size_t>(t));
  }
  detail::for_each_grid(heatmap, [&](const std::string& name, grid<N>& to) {
    if (!fields.contains(name.c_str())) return;
    const auto rows = fields.get<typename detail::nested_rows<N>::type>(name.c_str());
    typename grid<N>::lengths lengths;
    lengths.fill(detail::unknown_length);
    std::vector<double> values;
    if (!detail::flatten<N>(rows, 0, lengths, values)) fields.fail(name, "rows of one length");
    std::ranges::replace(lengths, detail::unknown_length, std::size_t{0});
    to = grid<N>(lengths, std::move(values));
  });
  try {
    validate(heatmap);
  } catch (const error& e) {
    throw error(text(fields.file(), ": ", e.what()));
  }
  return heatmap;
}
template <std::size_t N = 2>
error_heatmap<N> load_heatmap(const std::filesystem::path& file) {
  return load_heatmap<N>(heatmap_fields(file));
}

}  // namespace lift
