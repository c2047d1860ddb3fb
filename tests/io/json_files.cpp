// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <fstream>
#include <random>
#include <sstream>
#include <utility>
#include <vector>

#include <lift/io/heatmap_file.hpp>
#include <lift/io/path_file.hpp>

#include "comma_locale.hpp"
#include "io/scratch_folder.hpp"
#include "message_of.hpp"

BOOST_AUTO_TEST_SUITE(json_files_tests)

using namespace lift;
using lift::test::message_of;

namespace {

bool contains(const std::string& whole, const std::string& part) {
  BOOST_TEST_MESSAGE(whole);
  return whole.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(heatmap_survives_a_round_trip) {
  const scratch_folder folder;
  error_heatmap<> map;
  map.gamma = {0.01, 1.0 / 3.0, 100};
  map.timesteps = {943, 500, 54};
  map.of(0) = grid(3, 3, {1, 2, 3, 4, 5, 6, 7, 8, 1e-300});
  map.of(1) = grid(3, 3, 0.1);
  map.standard_error[0][0] = grid(3, 3, 0.2);
  save_heatmap(folder / "map.json", map, {{"probes", 4}});
  const error_heatmap<> read = load_heatmap(folder / "map.json");
  BOOST_CHECK(read.gamma == map.gamma);
  BOOST_CHECK(read.timesteps == map.timesteps);
  BOOST_CHECK(read.fine() == map.fine());
  BOOST_CHECK(read.coarse() == map.coarse());
  BOOST_CHECK(read.standard_error[0][0] == map.standard_error[0][0]);
  BOOST_CHECK(read.error[0][1].empty());
}

BOOST_AUTO_TEST_CASE(a_locale_of_the_host_program_changes_neither_messages_nor_files) {
  const scratch_folder folder;
  error_heatmap<> map;
  map.gamma = {0.015, 1234.5};
  map.timesteps = {12345, 54};
  map.of(0) = map.of(1) = grid(2, 2, {1.5, 20000.25, 1e-7, 1e7});
  save_heatmap(folder / "plain.json", map, {{"lr", 0.001}, {"images", 1234567}});
  const lift::test::comma_locale other;
  BOOST_REQUIRE_EQUAL((std::ostringstream() << 1234.5).str(), "1.234,5");
  BOOST_CHECK_EQUAL(text(1234.5, ' ', 1234567, ' ', std::uint64_t{1} << 40, ' ', 1e7f),
                    "1234.5 1234567 1099511627776 1e+07");
  BOOST_CHECK_EQUAL(message_of([] { require(false, "γ", 1000.5, 2000000); }),
                    "γ: got 1000.5, want 2000000");
  save_heatmap(folder / "commas.json", map, {{"lr", 0.001}, {"images", 1234567}});
  BOOST_CHECK(read_file(folder / "commas.json") == read_file(folder / "plain.json"));
  const error_heatmap<> read = load_heatmap(folder / "commas.json");
  BOOST_CHECK(read.gamma == map.gamma && read.timesteps == map.timesteps);
  BOOST_CHECK(read.fine() == map.fine());
}

BOOST_AUTO_TEST_CASE(what_is_printable_is_shown_and_what_a_terminal_obeys_is_spelled) {
  for (const char* shown : {"", "Übersicht ×", "γ² 日本 😀", "a\\b 'c' \"d\" `e`", "\u00a0\u2010"})
    BOOST_CHECK_EQUAL(printable(shown), shown);
  const std::vector<std::pair<std::string, std::string>> spelled = {
      {"a\nb\r\t", "a\\x0ab\\x0d\\x09"},
      {"\x1b[2J\x07\x7f", "\\x1b[2J\\x07\\x7f"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"\xc2\x9b[2J", "\\u{9b}[2J"},  // C1 in UTF-8
      {"\x9b[2J\xe9", "\\x9b[2J\\xe9"},
      {"\u202egpj\u2066\u2028\u2029\u200f", "\\u{202e}gpj\\u{2066}\\u{2028}\\u{2029}\\u{200f}"},
      {"\xc0\x8a \xe0\x80\x8a", "\\xc0\\x8a \\xe0\\x80\\x8a"},  // spelled too long
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},                      // a surrogate
      {"\xf4\x90\x80\x80\xff", "\\xf4\\x90\\x80\\x80\\xff"},    // beyond the last character
      {"ab\xe6\x97", "ab\\xe6\\x97"}};
  for (const auto& [given, want] : spelled) BOOST_CHECK_EQUAL(printable(given), want);
  BOOST_CHECK_EQUAL(printable("äöü", 5), "äö…");
  BOOST_CHECK_EQUAL(printable("äöü", 6), "äöü");
  BOOST_CHECK_EQUAL(quote_name(std::string(81, 'x')), "'" + std::string(80, 'x') + "…'");
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes;
    while (random() % 12 != 0) bytes += static_cast<char>(random());
    std::string_view rest;
    const std::string result = printable(bytes);
    for (rest = result; !rest.empty(); rest.remove_prefix(first_character(rest).size)) {
      BOOST_REQUIRE(first_character(rest).size > 0);
      BOOST_REQUIRE(!is_invisible_control(first_character(rest).code));
    }
    BOOST_REQUIRE_EQUAL(printable(result), result);
    BOOST_REQUIRE(path_from_text(path_text(bytes)) == std::filesystem::path(bytes));
    BOOST_REQUIRE(is_utf8(path_text(bytes)) && is_utf8(json_text(nlohmann::json(bytes))));
  }
}

BOOST_AUTO_TEST_CASE(a_path_of_any_bytes_comes_back_from_json) {
  BOOST_CHECK_EQUAL(path_text("runs/Übersicht\n"), "runs/Übersicht\n");
  BOOST_CHECK_EQUAL(path_text("caf\xe9"), "bytes:636166e9");
  BOOST_CHECK(path_from_text(path_text("bytes:00")) == "bytes:00");
  BOOST_CHECK_NE(path_text("bytes:00"), "bytes:00");
  for (const char* wrong : {"bytes:6", "bytes:zz", "bytes:61 62", "bytes:-1", "bytes:+1"})
    BOOST_CHECK(contains(message_of([&] { path_from_text(wrong); }), "hexadecimal"));
}

BOOST_AUTO_TEST_CASE(a_field_is_of_its_type_or_an_error_names_it) {
  const auto document = parse_json(
      R"({"s": "x", "b": true, "n": 3, "m": -3, "r": 1.5, "l": [1, 2], "o": {}, "z": null})", "f");
  BOOST_CHECK_EQUAL(json_field<std::string>(document, "f", "s"), "x");
  BOOST_CHECK(json_field<bool>(document, "f", "b"));
  BOOST_CHECK_EQUAL(json_field<std::size_t>(document, "f", "n"), 3u);
  BOOST_CHECK_EQUAL(json_field<double>(document, "f", "m"), -3);
  BOOST_CHECK(
      (json_field<std::vector<std::size_t>>(document, "f", "l") == std::vector<std::size_t>{1, 2}));
  for (const image_size size : {image_size(3), image_size(8, 4)})
    BOOST_CHECK_EQUAL(json_value<image_size>(nlohmann::json(size), "f", "size"), size);
  BOOST_CHECK_EQUAL((nlohmann::json{image_size(3), image_size(8, 4)}.dump()), R"([3,"8x4"])");
  const auto refused = [&]<class Value>(Value, std::string_view names) {
    for (const char name : names)
      BOOST_CHECK(contains(
          message_of([&] { json_field<Value>(document, "f", std::string(1, name).c_str()); }),
          text("f: field '", name, "': want ")));
  };
  refused(std::string(), "bnmrlozq");
  refused(false, "snmrlozq");
  refused(std::size_t{}, "sbmrlozq");
  refused(0.0, "sblozq");
  refused(image_size(), "sbmrlozq");
  refused(std::vector<std::string>(), "sbnmrozq");
  BOOST_CHECK(contains(message_of([&] { json_field<std::vector<bool>>(document, "f", "l"); }),
                       "field 'l[0]'"));
  for (const char* no_object : {"3", "[1]", "null", "\"x\""})
    BOOST_CHECK(
        contains(message_of([&] { json_field<double>(parse_json(no_object, "f"), "f", "n"); }),
                 "field 'n'"));
  BOOST_CHECK(contains(message_of([] { parse_json("1e999", "f"); }), "f: a number"));
  BOOST_CHECK(contains(message_of([] { parse_json("\"\xff\"", "f"); }), "f: offset"));
}

BOOST_AUTO_TEST_CASE(path_survives_a_round_trip) {
  const scratch_folder folder;
  const named_path<> path{"dp-64", {{999, 999}, {500, 999}, {0, 3}}};
  save_path(folder / "path.json", path);
  const named_path<> read = load_path(folder / "path.json");
  BOOST_CHECK_EQUAL(read.policy, "dp-64");
  BOOST_CHECK(read.timesteps == path.timesteps);
}

BOOST_AUTO_TEST_CASE(a_heatmap_of_any_number_of_scales_survives_a_round_trip) {
  const scratch_folder folder;
  std::mt19937 random(2);
  const auto check = [&]<std::size_t N>(error_heatmap<N> map) {
    map.gamma = {0.01, 1.0 / 3.0, 100};
    map.timesteps = {943, 500, 54};
    for (std::size_t output = 0; output < N; ++output)
      for (std::size_t input = 0; input < N; ++input)
        for (grid<N>* values : {&map.error[output][input], &map.standard_error[output][input]}) {
          *values = grid<N>::cube(3);
          for (double& value : values->values()) value = 1.0 / static_cast<double>(random());
        }
    const auto file = folder / "map.json";
    save_heatmap(file, map);
    BOOST_CHECK_EQUAL(heatmap_scales(heatmap_fields(file)), N);
    const error_heatmap<N> read = load_heatmap<N>(file);
    BOOST_CHECK(read.gamma == map.gamma);
    BOOST_CHECK(read.timesteps == map.timesteps);
    BOOST_CHECK(read.error == map.error);
    BOOST_CHECK(read.standard_error == map.standard_error);
  };
  check(error_heatmap<1>());
  check(error_heatmap<2>());
  check(error_heatmap<3>());
}

BOOST_AUTO_TEST_CASE(heatmaps_of_other_numbers_of_scales_are_refused_by_name) {
  const scratch_folder folder;
  error_heatmap<3> three;
  three.gamma = {0.1, 1};
  three.timesteps = {9, 1};
  three.of(0) = three.of(1) = three.of(2) = grid<3>::cube(2, 1.5);
  save_heatmap(folder / "three.json", three);
  for (const auto& load : {+[](const std::filesystem::path& file) { load_heatmap(file); },
                           +[](const std::filesystem::path& file) { load_heatmap<1>(file); }}) {
    const std::string got = message_of([&] { load(folder / "three.json"); });
    BOOST_CHECK_MESSAGE(contains(got, "scales of the heatmap") && contains(got, "three.json") &&
                            contains(got, "got 3, want "),
                        got);
  }
  std::ofstream(folder / "ragged.json")
      << R"({"format": "lift error heatmap", "scales": 3, "gamma": [0.1, 1], "timesteps": [9, 1],)"
      << R"( "fine": [[[1, 2], [3, 4]], [[5, 6], [7]]]})";
  const std::string got = message_of([&] { load_heatmap<3>(folder / "ragged.json"); });
  BOOST_CHECK(contains(got, "ragged.json: field 'fine': want rows of one length"));
}

BOOST_AUTO_TEST_CASE(a_file_of_two_scales_has_the_keys_it_always_had) {
  const scratch_folder folder;
  error_heatmap<> map;
  map.gamma = {0.1, 1};
  map.timesteps = {9, 1};
  map.of(0) = map.of(1) = grid(2, 2, {1, 2, 3, 4});
  const auto keys = [&] {
    save_heatmap(folder / "map.json", map, {{"probes", 4}});
    const nlohmann::json document = read_json(folder / "map.json");
    std::string result;
    for (const auto& [key, value] : document.items()) result += (result.empty() ? "" : " ") + key;
    return result;
  };
  BOOST_CHECK_EQUAL(keys(), "coarse fine format gamma settings timesteps");
  BOOST_CHECK(read_json(folder / "map.json")["fine"] == nlohmann::json::parse("[[1, 2], [3, 4]]"));
  for (auto* blocks : {&map.error, &map.standard_error})
    for (auto& output : *blocks)
      for (grid<>& values : output) values = grid(2, 2, 0.5);
  BOOST_CHECK_EQUAL(keys(),
                    "coarse coarse_error coarse_wrt_fine coarse_wrt_fine_error fine fine_error "
                    "fine_wrt_coarse fine_wrt_coarse_error format gamma settings timesteps");
}

BOOST_AUTO_TEST_CASE(a_path_of_any_number_of_scales_survives_a_round_trip) {
  const scratch_folder folder;
  const auto file = folder / "path.json";
  const auto check = [&]<std::size_t N>(const named_path<N>& path) {
    save_path(file, path);
    BOOST_CHECK_EQUAL(path_scales(path_fields(file)), N);
    const named_path<N> read = load_path<N>(file);
    BOOST_CHECK_EQUAL(read.policy, path.policy);
    BOOST_CHECK(read.timesteps == path.timesteps);
  };
  check(named_path<1>{"diagonal", {{{999}}, {{500}}, {{0}}}});
  BOOST_CHECK(contains(message_of([&] { load_path(file); }), "want two timesteps, [fine, coarse]"));
  check(named_path<3>{"n-step", {{999, 999, 999}, {500, 999, 700}, {0, 3, 3}}});
  BOOST_CHECK(contains(message_of([&] { load_path(file); }),
                       "path.json: field 'timesteps[0]': want two timesteps, [fine, coarse]"));
  BOOST_CHECK(contains(message_of([&] { load_path<1>(file); }), "want one timestep"));
  std::ofstream(file) << R"({"format": "lift sampling path", "policy": "x", )"
                      << R"("timesteps": [[3, 2, 1], [3, 3, 1]]})";
  BOOST_CHECK(contains(message_of([&] { load_path<3>(file); }),
                       "field 'timesteps[1]': want timesteps no greater than those before"));
}

BOOST_AUTO_TEST_CASE(bad_files_are_told_in_one_line) {
  const scratch_folder folder;
  const auto file = folder / "bad.json";
  const std::string heat = R"({"format": "lift error heatmap", )";
  const std::string path = R"({"format": "lift sampling path", "policy": "x", )";
  const std::vector<std::pair<std::string, std::string>> heatmaps = {
      {"", "offset"},
      {"[1, 2", "not valid JSON"},
      {"[]", "not a file of this kind"},
      {R"({"format": "something else"})", "not a file of this kind"},
      {heat + R"("gamma": [1], "gamma": [2]})", "'gamma' is given twice"},
      {heat + R"("gamma": 3})", "field 'gamma': want a list"},
      {heat + R"("gamma": [0.1, null]})", "field 'gamma[1]': want a finite number"},
      {heat + R"("gamma": [0.1, 1], "timesteps": [9, 1], "fine": [[1, 2], [3, NaN]]})", "offset"},
      {heat + R"("gamma": [0.1, 1], "timesteps": [9, 1], "fine": [[1, 2], [3, null]]})",
       "field 'fine[1][1]': want a finite number"},
      {heat + R"("gamma": [0.1, 1], "timesteps": [9, -1]})", "timesteps"},
      {heat + R"("gamma": [0.1, 1], "timesteps": [9, 1], "fine": [[1, 2], [3]]})",
       "field 'fine': want rows of one length"},
      {heat + R"("gamma": [0.1, 1], "timesteps": [9, 1], "fine": [[], [1]]})",
       "field 'fine': want rows of one length"},
      {heat + R"("gamma": [0.1, 1], "timesteps": [9, 1], "fine": []})",
       "size of heatmap fine: got 0×0, want 2×2"},
      {heat + R"("gamma": [0.1], "timesteps": [9], "fine": [[1]], "coarse": [[1]]})",
       "got 1, want at least 2"},
      {heat + std::string(40, '['), ""}};
  for (const auto& [content, want] : heatmaps) {
    std::ofstream(file) << content;
    const std::string got = message_of([&] { load_heatmap(file); });
    BOOST_CHECK_MESSAGE(contains(got, want) && contains(got, "bad.json"), content << " → " << got);
  }
  const std::vector<std::pair<std::string, std::string>> paths = {
      {path + R"("timesteps": []})", "want at least one pair"},
      {path + R"("timesteps": [[1]]})", "timesteps[0]': want two timesteps"},
      {path + R"("timesteps": [[1, -2.5]]})", "numbers from 0"},
      {path + R"("timesteps": [[1, 1], [2, 0]]})", "no greater than the pair before"},
      {R"({"format": "lift sampling path", "timesteps": [[1, 1]]})", "field 'policy'"}};
  for (const auto& [content, want] : paths) {
    std::ofstream(file) << content;
    const std::string got = message_of([&] { load_path(file); });
    BOOST_CHECK_MESSAGE(contains(got, want) && contains(got, "bad.json"), content << " → " << got);
  }
  BOOST_CHECK(contains(message_of([&] { load_path(folder / "missing.json"); }), "missing.json"));
}

BOOST_AUTO_TEST_SUITE_END()
