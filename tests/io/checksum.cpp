// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <set>
#include <string>

#include <lift/io/checksum.hpp>

BOOST_AUTO_TEST_SUITE(checksum_tests)

using lift::checksum;

namespace {

std::uint64_t of(const std::string& bytes) {
  checksum sum;
  sum.add(bytes);
  return sum.value();
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_changed_bit_changes_it) {
  for (const std::size_t size : {1u, 7u, 8u, 9u, 64u, 67u}) {
    const std::string bytes(size, 'a');
    std::set<std::uint64_t> sums{of(bytes)};
    for (std::size_t bit = 0; bit < 8 * size; ++bit) {
      std::string changed = bytes;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
      sums.insert(of(changed));
    }
    BOOST_CHECK_EQUAL(sums.size(), 8 * size + 1);
  }
}

BOOST_AUTO_TEST_CASE(top_bits_of_two_words_do_not_cancel) {
  std::string changed(32, 'a');
  changed[7] = changed[15] = static_cast<char>('a' ^ 0x80);
  BOOST_CHECK_NE(of(changed), of(std::string(32, 'a')));
}

BOOST_AUTO_TEST_CASE(lengths_and_seams_count) {
  BOOST_CHECK_NE(of(std::string(8, '\0')), of(std::string(16, '\0')));
  BOOST_CHECK_NE(of(std::string(3, '\0')), of(std::string(4, '\0')));
  checksum split, other;
  split.add("ab"), split.add("c");
  other.add("a"), other.add("bc");
  BOOST_CHECK_NE(split.value(), other.value());
}

BOOST_AUTO_TEST_SUITE_END()
