// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <golden.hpp>
#include <io/hostile.hpp>
#include <io/scratch_folder.hpp>
#include <lift/io/safetensors.hpp>

BOOST_AUTO_TEST_SUITE(safetensors_tests)

namespace {

/// A file with this header and `data_bytes` bytes after it; its length field says what it is.
std::string with_header(const std::string& json, std::size_t data_bytes) {
  const std::uint64_t length = json.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + json + std::string(data_bytes, '\x01');
}

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + rest;
}

/// The JSON of one tensor.
std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + '}';
}

std::string repeat(const std::string& part, int count) {
  std::string result;
  while (count--) result += part;
  return result;
}

lift::safetensors example() {
  lift::safetensors content;
  content.add<float>("weight", {2, 3}, std::vector<float>{1, -2, 3.5f, 0, 5, 6});
  content.add<double>("double", {}, std::vector<double>{1e300});
  content.add<std::int64_t>("integer", {2}, std::vector<std::int64_t>{-1, INT64_MAX});
  content.add<std::uint8_t>("byte \"é\"", {3}, std::vector<std::uint8_t>{1, 2, 255});
  content.add<float>("nothing", {4, 0}, std::vector<float>{});
  content.metadata = {{"step", "12"}, {"config", "{\"a\": \"b\n\"}"}};
  return content;
}

}  // namespace

BOOST_AUTO_TEST_CASE(content_survives_a_round_trip_and_equal_content_gives_equal_bytes) {
  const scratch_folder folder;
  const lift::safetensors written = example();
  lift::write_safetensors(folder / "a", written);
  const lift::safetensors read = lift::read_safetensors(folder / "a");
  BOOST_TEST(read.metadata == written.metadata);
  BOOST_TEST(read.tensors.size() == written.tensors.size());
  for (const auto& [name, tensor] : written.tensors) {
    BOOST_CHECK(read.at(name).type == tensor.type);
    BOOST_TEST(read.at(name).dims == tensor.dims);
    BOOST_CHECK(read.at(name).data == tensor.data);
  }
  BOOST_TEST(read.at("weight").as<float>() == (std::vector<float>{1, -2, 3.5f, 0, 5, 6}));
  BOOST_TEST(read.at("weight").as<double>()[2] == 3.5);
  BOOST_TEST(read.at("double").as<double>()[0] == 1e300);
  BOOST_TEST(read.at("byte \"é\"").as<float>()[2] == 255.f);
  check_error([&] { read.at("integer").as<std::int32_t>(); }, "got I64, want I32");
  check_error([&] { read.at("absent"); }, "no tensor 'absent' in " + (folder / "a").string());

  lift::write_safetensors(folder / "b", read);
  const auto bytes = lift::read_file(folder / "a");
  BOOST_CHECK(bytes == lift::read_file(folder / "b"));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  BOOST_TEST(length % 8 == 0u);
}

BOOST_AUTO_TEST_CASE(the_header_can_be_read_alone) {
  const scratch_folder folder;
  lift::write_safetensors(folder / "a", example());
  const lift::safetensors_header header = lift::read_safetensors_header(folder / "a");
  BOOST_TEST(header.metadata.at("step") == "12");
  BOOST_TEST(header.tensors.at("weight").dims == (lift::shape{2, 3}));
  BOOST_CHECK(header.tensors.at("integer").type == lift::dtype::i64);
}

BOOST_AUTO_TEST_CASE(golden_file_reads_as_the_trusting_reader_reads_it) {
  const std::string name = "schedule.safetensors";
  const golden_file golden(name);
  const lift::safetensors read = lift::read_safetensors(golden_path(name));
  BOOST_TEST(read.tensors.size() == golden.names().size());
  for (const std::string& tensor : golden.names()) {
    BOOST_TEST(read.at(tensor).as<double>() == golden.values(tensor));
  }
}

BOOST_AUTO_TEST_CASE(half_precision_converts_to_float) {
  const auto half = [](std::uint16_t bits) { return static_cast<float>(lift::float16{bits}); };
  BOOST_TEST(half(0x3c00) == 1.f);
  BOOST_TEST(half(0xc000) == -2.f);
  BOOST_TEST(half(0x7bff) == 65504.f);
  BOOST_TEST(half(0x0400) == std::ldexp(1.f, -14));
  BOOST_TEST(half(0x0001) == std::ldexp(1.f, -24));
  BOOST_TEST(half(0x83ff) == -std::ldexp(1023.f, -24));
  BOOST_TEST((half(0x8000) == 0.f && std::signbit(half(0x8000))));
  BOOST_TEST(half(0xfc00) == -std::numeric_limits<float>::infinity());
  BOOST_TEST(std::isnan(half(0x7e00)));
  BOOST_TEST(static_cast<float>(std::bit_cast<lift::bfloat16>(std::uint16_t{0x3fc0})) == 1.5f);

  const lift::host_tensor stored{
      lift::dtype::f16, {2}, {std::byte{0}, std::byte{0x3c}, std::byte{0}, std::byte{0xc0}}};
  BOOST_TEST(stored.as<float>() == (std::vector<float>{1, -2}));
}

BOOST_AUTO_TEST_CASE(floats_round_to_the_nearest_half) {
  const auto half = [](std::uint32_t bits) {
    return static_cast<float>(lift::float16{static_cast<std::uint16_t>(bits)});
  };
  for (std::uint32_t bits = 0; bits <= 0x7c00; ++bits)
    for (const std::uint32_t sign : {0u, 0x8000u})
      BOOST_REQUIRE_EQUAL(lift::to_float16(half(sign | bits)).bits, sign | bits);
  // Halfway between two neighbours the even one wins, and a hair decides.
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const float middle = (half(bits) + half(bits + 1)) / 2;
    BOOST_REQUIRE_EQUAL(lift::to_float16(middle).bits, bits + bits % 2);
    BOOST_REQUIRE_EQUAL(lift::to_float16(std::nextafter(middle, 0.f)).bits, bits);
    BOOST_REQUIRE_EQUAL(lift::to_float16(std::nextafter(middle, 1e9f)).bits, bits + 1);
  }
  BOOST_TEST(lift::to_float16(65519.99f).bits == 0x7bff);
  BOOST_TEST(lift::to_float16(-65520.f).bits == 0xfc00);
  BOOST_TEST(std::isnan(static_cast<float>(lift::to_float16(NAN))));
  BOOST_TEST((lift::to_float16(-1e-30f).bits == 0x8000));

  const std::vector<float> values = {1, -2.00390625f, 1e9f};
  const auto stored = lift::host_tensor::from<float>({3}, values);
  BOOST_TEST(stored.rounded_to(lift::dtype::f32).as<float>() == values);
  BOOST_TEST(stored.rounded_to(lift::dtype::bf16).as<float>()[1] == -2.f);
  BOOST_TEST(std::isinf(stored.rounded_to(lift::dtype::f16).as<float>()[2]));
  check_error([&] { stored.rounded_to(lift::dtype::u8); }, "got U8, want F32, F16 or BF16");
}

BOOST_AUTO_TEST_CASE(every_dtype_has_a_name_and_a_size) {
  const std::vector<std::size_t> sizes = {8, 4, 2, 2, 8, 4, 2, 1, 8, 4, 2, 1, 1};
  for (std::size_t i = 0; i < lift::dtype_names.size(); ++i) {
    const auto type = lift::find_dtype(lift::dtype_names[i]);
    BOOST_REQUIRE(type.has_value());
    BOOST_TEST(lift::name(*type) == lift::dtype_names[i]);
    BOOST_TEST(lift::size_of(*type) == sizes[i]);
  }
  BOOST_CHECK(lift::dtype_of<std::int8_t>() == lift::dtype::i8);
  BOOST_CHECK(lift::dtype_of<std::int64_t>() == lift::dtype::i64);
  BOOST_CHECK(lift::dtype_of<std::uint16_t>() == lift::dtype::u16);
  BOOST_CHECK(lift::dtype_of<std::uint8_t>() == lift::dtype::u8);
}

BOOST_AUTO_TEST_CASE(malformed_files_are_refused_with_the_rule_they_break) {
  const std::string a = tensor("a", "U8", "[4]", "[0,4]"), huge = "18446744073709551615";
  const std::string field = R"("dtype":"U8")";
  struct malformed {
    std::string bytes, rule;
  };
  const std::vector<malformed> files = {
      {"", "shorter than the 8 bytes"},
      {"1234567", "shorter than the 8 bytes"},
      {with_length(0, ""), "does not begin with '{'"},
      {with_length(~std::uint64_t{0}, "{}"), "above 100000000"},
      {with_length(100'000'001, "{}"), "above 100000000"},
      {with_length(100'000'000, "{}"), "past the end of the file"},
      {with_length(3, "{}"), "past the end of the file"},
      {with_header(" {}", 0), "does not begin with '{'"},
      {with_header("\xef\xbb\xbf{}", 0), "does not begin with '{'"},
      {with_header("[]", 0), "does not begin with '{'"},
      {with_header("{", 0), "not valid JSON"},
      {with_header("{}{", 0), "not valid JSON"},
      {with_header("{} x", 0), "not valid JSON"},
      {with_header("{/* */}", 0), "not valid JSON"},
      {with_header(std::string("{}\0hidden", 9), 0), "holds a NUL"},
      {with_header("{\"\xff\":1}", 0), "not valid JSON in UTF-8"},
      {with_header(R"({"a":1})", 0), "a number stands where none may"},
      {with_header(R"({"a":null})", 0), "null stands"},
      {with_header(R"({"a":true})", 0), "a boolean stands"},
      {with_header(R"({"a":"b"})", 0), "a string stands"},
      {with_header(R"({"a":[]})", 0), "an array stands"},
      {with_header(repeat("{\"a\":", 100'000), 0), "unknown key 'a'"},
      {with_header("{\"a\":" + repeat("[", 100'000), 0), "an array stands"},
      {with_header(R"({"a":{"shape":[[1]]}})", 0), "an array stands"},
      {with_header(R"({"a":{"shape":[{}]}})", 0), "an object stands"},
      {with_header("{" + a + "," + a + "}", 4), "duplicate key 'a'"},
      {with_header("{" + a + "," + tensor("\\u0061", "U8", "[4]", "[0,4]") + "}", 4),
       "duplicate key 'a'"},
      {with_header(R"({"__metadata__":{},"__metadata__":{}})", 0), "duplicate key '__metadata__'"},
      {with_header(R"({"__metadata__":{"k":"1","k":"2"}})", 0), "duplicate key 'k'"},
      {with_header("{\"a\":{" + field + "," + field + "}}", 0), "duplicate key 'dtype'"},
      {with_header(R"({"__metadata__":{"k":1}})", 0), "a number stands"},
      {with_header(R"({"__metadata__":{"k":{}}})", 0), "an object stands"},
      {with_header(R"({"__metadata__":"k"})", 0), "a string stands"},
      {with_header("{\"a\":{" + field + R"(,"more":"x"}})", 0), "unknown key 'more'"},
      {with_header("{\"a\":{" + field + "}}", 0), "lacks dtype, shape or data_offsets"},
      {with_header(R"({"a":{"dtype":["U8"]}})", 0), "an array stands"},
      {with_header("{" + tensor("a", "F99", "[4]", "[0,4]") + "}", 4), "unknown dtype 'F99'"},
      {with_header("{" + tensor("a", "u8", "[4]", "[0,4]") + "}", 4), "unknown dtype 'u8'"},
      {with_header("{" + tensor("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") + "}", 1),
       "rank is above 8"},
      {with_header("{" + tensor("a", "U8", "[-4]", "[0,4]") + "}", 4), "a negative number"},
      {with_header("{" + tensor("a", "U8", "[4.0]", "[0,4]") + "}", 4), "no 64-bit integer"},
      {with_header("{" + tensor("a", "U8", "[18446744073709551616]", "[0,4]") + "}", 4),
       "no 64-bit integer"},
      {with_header("{" + tensor("a", "U8", "[\"4\"]", "[0,4]") + "}", 4), "a string stands"},
      {with_header("{" + tensor("a", "F32", "[" + huge + "]", "[0,4]") + "}", 4), "overflows"},
      {with_header("{" + tensor("a", "U8", "[4294967296,4294967296]", "[0,0]") + "}", 0),
       "overflows"},
      {with_header("{" + tensor("a", "U8", "[0," + huge + "," + huge + "]", "[0,0]") + "}", 0),
       "overflows"},
      {with_header("{" + tensor("a", "U8", "[4]", "[4,0]") + "}", 4), "do not span the 4 bytes"},
      {with_header("{" + tensor("a", "F32", "[4]", "[0,4]") + "}", 4), "do not span the 16 bytes"},
      {with_header("{" + tensor("a", "U8", "[0]", "[0,4]") + "}", 4), "do not span the 0 bytes"},
      {with_header("{" + tensor("a", "U8", "[4]", "[0]") + "}", 4), "not two numbers"},
      {with_header("{" + tensor("a", "U8", "[4]", "[0,4,4]") + "}", 4), "not two numbers"},
      {with_header("{" + a + "}", 3), "past the end of the file"},
      {with_header("{" + tensor("a", "U8", "[4]", "[18446744073709551611," + huge + "]") + "}", 4),
       "past the end"},
      {with_header("{" + a + "}", 5), "bytes follow the last tensor"},
      {with_header("{}", 1), "bytes follow the last tensor"},
      {with_header("{" + tensor("a", "U8", "[4]", "[1,5]") + "}", 5), "leaves a hole"},
      {with_header("{" + a + "," + tensor("b", "U8", "[2]", "[5,7]") + "}", 7),
       "'b' leaves a hole"},
      {with_header("{" + a + "," + tensor("b", "U8", "[4]", "[2,6]") + "}", 6), "'b' overlaps"},
      {with_header("{" + a + "," + tensor("b", "U8", "[4]", "[0,4]") + "}", 4), "'b' overlaps"},
      {with_header("{" + a + "," + tensor("b", "U8", "[0]", "[2,2]") + "}", 4), "'b' overlaps"},
      {with_header("{" + tensor(std::string(1025, 'n'), "U8", "[4]", "[0,4]") + "}", 4),
       "longer than 1024 bytes"},
      {with_header(R"({"a\n\u001b[31m":{},"a\n\u001b[31m":{}})", 0), "lacks dtype"},
  };
  const scratch_folder folder;
  for (const auto& [bytes, rule] : files) {
    lift::atomic_write(folder / "bad", bytes, lift::durability::cached);
    check_error([&] { lift::read_safetensors(folder / "bad"); }, rule);
    check_error([&] { lift::read_safetensors_header(folder / "bad"); },
                (folder / "bad").string() + ": offset ");
  }
}

BOOST_AUTO_TEST_CASE(the_offset_points_at_the_fault) {
  check_error([] { lift::parse_safetensors_header(R"({"a":{"shape":[-1]}})", 0, "f"); },
              "f: offset 26: a neg");
}

BOOST_AUTO_TEST_CASE(tensors_without_elements_may_share_an_offset_at_a_seam) {
  const std::string json =
      "{" + tensor("a", "U8", "[4]", "[0,4]") + "," + tensor("e", "F32", "[0,9]", "[4,4]") + "," +
      tensor("f", "F32", "[0]", "[4,4]") + "," + tensor("b", "U8", "[]", "[4,5]") + "}   ";
  BOOST_TEST(lift::parse_safetensors_header(json, 5, "f").tensors.size() == 4u);
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  const scratch_folder folder;
  lift::write_safetensors(folder / "whole", example());
  const auto bytes = lift::read_file(folder / "whole");
  const auto refused = count_refused_truncations(bytes, [&](std::span<const std::byte> part) {
    lift::atomic_write(folder / "part", part, lift::durability::cached);
    lift::read_safetensors(folder / "part");
  });
  BOOST_TEST(refused == bytes.size());
}

BOOST_AUTO_TEST_CASE(every_changed_byte_is_read_or_refused) {
  const scratch_folder folder;
  lift::write_safetensors(folder / "whole", example());
  const auto bytes = lift::read_file(folder / "whole");
  std::size_t refused = 0;
  for (const int flip : {0x01, 0x10, 0x80, 0xff}) {
    const auto read = [&](std::span<const std::byte> changed) {
      lift::atomic_write(folder / "changed", changed, lift::durability::cached);
      lift::read_safetensors(folder / "changed");
    };
    refused += count_refused_changes(bytes, read, static_cast<std::byte>(flip));
  }
  BOOST_TEST(refused > bytes.size());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_stored_is_refused_and_leaves_nothing) {
  const scratch_folder folder;
  lift::safetensors content;
  content.add<float>("\xff", {1}, std::vector<float>{1});
  check_error([&] { lift::write_safetensors(folder / "a", content); }, "not UTF-8");
  content = {};
  content.tensors["a"] = {lift::dtype::f32, {2}, std::vector<std::byte>(4)};
  check_error([&] { lift::write_safetensors(folder / "a", content); },
              "bytes of tensor 'a': got 4, want 8");
  content = {};
  content.add<float>("__metadata__", {1}, std::vector<float>{1});
  check_error([&] { lift::write_safetensors(folder / "a", content); }, "__metadata__");
  check_error([] { lift::host_tensor::from<float>({2}, std::vector<float>{1}); },
              "elements of a tensor");
  BOOST_TEST(folder.files() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
