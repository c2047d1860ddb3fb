// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <golden.hpp>
#include <io/hostile.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/feature_statistics.hpp>
#include <lift/io/heatmap_npz.hpp>
#include <lift/io/npz.hpp>

BOOST_AUTO_TEST_SUITE(npz_tests)

namespace {

lift::host_tensor array(const lift::shape& dims, const std::vector<float>& values) {
  return lift::host_tensor::from<float>(dims, values);
}

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

/// A .npy file of version 1 with this dictionary and `elements` bytes after it.
std::vector<std::byte> with_header(const std::string& dictionary, std::size_t elements) {
  std::string file = lift::text("\x93NUMPY\x01", '\0', static_cast<char>(dictionary.size()), '\0', dictionary);
  return bytes_of(file + std::string(elements, '\x01'));
}

lift::host_tensor parse(const std::vector<std::byte>& bytes) { return lift::parse_npy(bytes, "x.npy"); }

}  // namespace

BOOST_AUTO_TEST_CASE(arrays_come_back) {
  const scratch_folder folder;
  lift::named_arrays arrays;
  arrays["scalar"] = array({}, {1.5F});
  arrays["row"] = array({3}, {1, 2, 3});
  arrays["matrix"] = array({2, 3}, {1, 2, 3, 4, 5, 6});
  arrays["nothing"] = array({0, 4}, {});
  const std::vector<std::int64_t> whole = {-1, INT64_MAX};
  arrays["whole"] = lift::host_tensor::from<std::int64_t>({2, 1}, whole);
  lift::write_npz(lift::output_file(folder / "a.npz"), arrays);
  const auto found = lift::read_npz(folder / "a.npz");
  BOOST_TEST(found.size() == arrays.size());
  for (const auto& [name, expected] : arrays) {
    BOOST_TEST((found.at(name).dims == expected.dims));
    BOOST_TEST((found.at(name).type == expected.type));
    BOOST_TEST((found.at(name).data == expected.data));
  }
}

BOOST_AUTO_TEST_CASE(heatmaps_of_any_number_of_scales_are_arrays) {
  const scratch_folder folder;
  const auto check = [&]<std::size_t N>(lift::error_heatmap<N> map) {
    map.gamma = {0.01, 1.0 / 3.0, 100};
    map.timesteps = {943, 500, 54};
    double next = 0.1;
    for (std::size_t output = 0; output < N; ++output)
      for (std::size_t input = 0; input < N; ++input) {
        if (output == 0 && input == 1) continue;  // a block that was not measured
        map.error[output][input] = lift::grid<N>::cube(3);
        for (double& value : map.error[output][input].values()) value = next *= 1.1;
      }
    map.standard_error[0][0] = lift::grid<N>::cube(3, 0.25);
    lift::save_heatmap_npz(folder / "map.npz", map, {{"é", 1.5}});
    const auto found = lift::read_npz(folder / "map.npz");
    BOOST_TEST(found.size() == 4 + N * N - (N > 1 ? 1 : 0));
    BOOST_TEST((found.at("gamma").as<double>() == map.gamma));
    BOOST_TEST((found.at("timesteps").as<std::int64_t>() == std::vector<std::int64_t>{943, 500, 54}));
    const auto letters = found.at("settings").as<std::uint8_t>();
    BOOST_TEST(std::string(letters.begin(), letters.end()) == R"({"é":1.5})");
    for (std::size_t output = 0; output < N; ++output)
      for (std::size_t input = 0; input < N; ++input) {
        const std::string name = lift::block_name(output, input, N);
        BOOST_TEST(found.contains(name) == !map.error[output][input].empty());
        BOOST_TEST(found.contains(name + "_error") == (output == 0 && input == 0));
        if (!found.contains(name)) continue;
        BOOST_TEST(found.at(name).dims.rank() == N);
        BOOST_TEST(found.at(name).dims[N - 1] == 3U);
        BOOST_TEST((found.at(name).as<double>() == map.error[output][input].values()));
      }
    map.of(0).values()[4 % map.of(0).size()] = INFINITY;
    BOOST_CHECK_THROW(lift::save_heatmap_npz(folder / "bad.npz", map), lift::error);
    BOOST_TEST(!std::filesystem::exists(folder / "bad.npz"));
  };
  check(lift::error_heatmap<1>());
  check(lift::error_heatmap<2>());
  check(lift::error_heatmap<3>());
}

// What NumPy wrote, compressed, one array in Fortran's order.
BOOST_AUTO_TEST_CASE(statistics_of_numpy) {
  const lift::feature_statistics s = lift::read_statistics(golden_path("statistics.npz"));
  BOOST_TEST(s.count == 7U);
  lift::gaussian_fit fit;
  fit.add(s.features);
  BOOST_TEST((fit.result().mean - s.fitted.mean).norm() < 1e-6);
  BOOST_TEST((fit.result().covariance - s.fitted.covariance).norm() < 1e-6);
}

BOOST_AUTO_TEST_CASE(statistics_come_back) {
  const scratch_folder folder;
  lift::feature_statistics s;
  s.fitted = {Eigen::Vector2d(1, 2), (Eigen::Matrix2d() << 2, 0.5, 0.5, 1).finished()};
  s.count = 12;
  s.about = R"({"features": "é"})";
  lift::write_statistics(lift::output_file(folder / "s.npz"), s);
  const auto found = lift::read_statistics(folder / "s.npz");
  BOOST_TEST((found.fitted.mean == s.fitted.mean && found.fitted.covariance == s.fitted.covariance));
  BOOST_TEST(found.count == 12U);
  BOOST_TEST(found.about == s.about);
  BOOST_TEST(found.features.size() == 0);
  s.features = Eigen::MatrixXf::Random(12, 2);
  lift::write_statistics(lift::output_file(folder / "s.npz"), s);
  BOOST_TEST((lift::read_statistics(folder / "s.npz").features == s.features));
}

BOOST_AUTO_TEST_CASE(fortran_order) {
  auto bytes = with_header("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", 0);
  for (const int x : {1, 4, 2, 5, 3, 6}) bytes.push_back(static_cast<std::byte>(x));
  const auto found = parse(bytes);
  BOOST_TEST((found.as<std::uint8_t>() == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}));
}

BOOST_AUTO_TEST_CASE(arrays_that_are_none) {
  const auto wrong = [](const std::string& dictionary, std::size_t elements, const std::string& want) {
    check_error([&] { parse(with_header(dictionary, elements)); }, "x.npy: " + want);
  };
  const std::string order = "'fortran_order': False, ";
  check_error([] { parse(bytes_of("PNG...........")); }, "x.npy: not a .npy array: it does not begin as one");
  check_error([] { parse(bytes_of(std::string("\x93NUMPY\x03\0\x02\0{}", 12))); }, "its version is 3, not 1 or 2");
  wrong("{'descr': '<f4', " + order + "'shape': (3,)}", 8, "not a .npy array: it holds 8 bytes of elements, its shape wants 12");
  wrong("{'descr': '>f4', " + order + "'shape': (1,)}", 4, "not a .npy array: its elements are '>f4', not little-endian numbers");
  wrong("{'descr': '|O', " + order + "'shape': (1,)}", 8, "not a .npy array: its elements are '|O'");
  wrong("{'descr': '\x1b[2J', " + order + "'shape': (1,)}", 8, "not a .npy array: its elements are '\\x1b[2J'");
  wrong("{'descr': '<f4', " + order + "'shape': (9999999999, 9999999999)}", 8, "not a .npy array: its shape is too large");
  wrong("{'descr': '<f4', " + order + "'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)}", 4, "header of a .npy array: the shape is no tuple");
  wrong("{'descr': '<f4', " + order + "'shape': (-1,)}", 4, "header of a .npy array: the shape is no tuple");
  wrong("{'descr': '<f4', 'shape': (1,)}", 4, "header of a .npy array: not the keys");
  wrong("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", 4, "header of a .npy array: the key 'descr' stands twice");
  wrong("{'descr': '<f4', 'other': 1}", 4, "header of a .npy array: unknown key 'other'");
  wrong("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", 4, "header of a .npy array: neither True nor False");
  wrong("{'descr': '<f4' " + order + "'shape': ()}", 4, "header of a .npy array: no comma");
  wrong("{'descr': '<f4', " + order + "'shape': ()} x", 4, "header of a .npy array: something follows");
  wrong("", 0, "header of a .npy array: no {");
}

BOOST_AUTO_TEST_CASE(damaged_arrays) {
  const std::vector<std::byte> whole = lift::npy_bytes(array({2, 2}, {1, 2, 3, 4}));
  const auto read = [](std::span<const std::byte> bytes) { lift::parse_npy(bytes, "x.npy"); };
  BOOST_TEST(count_refused_truncations(whole, read) == whole.size());
  count_refused_changes(whole, read);
}

BOOST_AUTO_TEST_CASE(damaged_files) {
  const scratch_folder folder;
  std::ifstream in(golden_path("statistics.npz"), std::ios::binary);
  const std::vector<std::byte> whole =
      bytes_of(std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()));
  const auto read = [&](std::span<const std::byte> bytes) {
    std::ofstream(folder / "s.npz", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    lift::read_statistics(folder / "s.npz");
  };
  BOOST_TEST(count_refused_truncations(whole, read) == whole.size());
  count_refused_changes(whole, read);
}

BOOST_AUTO_TEST_CASE(statistics_that_are_none) {
  const scratch_folder folder;
  const auto with = [&](lift::named_arrays arrays, const std::string& want) {
    lift::write_npz(lift::output_file(folder / "s.npz"), arrays);
    check_error([&] { lift::read_statistics(folder / "s.npz"); }, "s.npz: " + want);
  };
  const lift::host_tensor mu = array({2}, {1, 2}), sigma = array({2, 2}, {1, 0, 0, 1});
  with({{"sigma", sigma}}, "no array 'mu', want mu and sigma, the statistics of features");
  with({{"mu", mu}}, "no array 'sigma'");
  with({{"mu", sigma}, {"sigma", sigma}}, "shape of mu: got (2, 2), want (d)");
  with({{"mu", mu}, {"sigma", mu}}, "shape of sigma: got (2), want (2, 2)");
  with({{"mu", mu}, {"sigma", sigma}, {"feats", mu}}, "shape of feats: got (2), want (images, 2)");
  with({{"mu", mu}, {"sigma", array({2, 2}, {1, 0, 0, INFINITY})}}, "got NaN or infinity");
  const std::vector<std::int64_t> none = {0};
  with({{"mu", mu}, {"sigma", sigma}, {"count", lift::host_tensor::from<std::int64_t>({}, none)}},
       "count: got 0, want a number of images");
}

BOOST_AUTO_TEST_SUITE_END()
