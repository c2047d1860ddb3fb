// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <random>
#include <tuple>
#include <vector>

#include <lift/backend/cpu/xtensor_backend.hpp>

BOOST_AUTO_TEST_SUITE(packed_product_tests)

using namespace lift;

using scalars = std::tuple<float, double>;

namespace {

/// C (m, n) = alpha·A·B + beta·C with rows that may lie apart.
template <class T>
struct product {
  std::size_t m, n, k, row_a, row_b, row_c;
  bool transposed_a, transposed_b;
  T alpha, beta;
  std::vector<T> a, b, c;

  friend std::ostream& operator<<(std::ostream& to, const product& p) {
    return to << p.m << "x" << p.n << "x" << p.k << ", rows " << p.row_a
              << (p.transposed_a ? "ᵀ " : " ") << p.row_b << (p.transposed_b ? "ᵀ " : " ")
              << p.row_c << ", alpha " << p.alpha << ", beta " << p.beta;
  }
};

/// Random numbers.
class numbers {
 public:
  explicit numbers(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  /// A size at or beside a multiple of what vectors, panels and blocks are made of, or any.
  std::size_t size(std::size_t most) {
    if (below(3) == 0) return 1 + below(most);
    const std::size_t near = std::size_t{1} << below(9);
    return std::min(most, near * (1 + below(3)) + below(3));
  }
  double real() { return static_cast<double>(below(2001)) / 1000 - 1; }

 private:
  std::mt19937 engine_;
};

template <class T>
product<T> draw(unsigned seed) {
  numbers from(seed);
  product<T> p{};
  p.m = from.size(300);
  p.n = from.size(700);
  p.k = from.size(600);
  p.transposed_a = from.below(2);
  p.transposed_b = from.below(2);
  p.row_a = (p.transposed_a ? p.m : p.k) + from.below(4);
  p.row_b = (p.transposed_b ? p.k : p.n) + from.below(4);
  p.row_c = p.n + from.below(4);
  constexpr T factors[] = {0, 1, -1, T(0.75), T(2)};
  p.alpha = factors[1 + from.below(4)];
  p.beta = factors[from.below(5)];
  p.a.resize((p.transposed_a ? p.k : p.m) * p.row_a);
  p.b.resize((p.transposed_b ? p.n : p.k) * p.row_b);
  p.c.resize(p.m * p.row_c);
  for (auto* all : {&p.a, &p.b, &p.c})
    for (T& x : *all) x = static_cast<T>(from.real());
  return p;
}

template <class T>
std::vector<T> by_blas(const product<T>& p) {
  std::vector<T> c = p.c;
  const auto whole = [](std::size_t i) { return static_cast<int>(i); };
  detail::gemm_of(T())(CblasRowMajor, p.transposed_a ? CblasTrans : CblasNoTrans,
                       p.transposed_b ? CblasTrans : CblasNoTrans, whole(p.m), whole(p.n),
                       whole(p.k), p.alpha, p.a.data(), whole(p.row_a), p.b.data(),
                       whole(p.row_b), p.beta, c.data(), whole(p.row_c));
  return c;
}

template <class T>
std::vector<T> by_panels(const product<T>& p) {
  std::vector<T> c = p.c;
  detail::packed_product(p.m, p.n, p.k, p.alpha, p.a.data(), p.row_a, p.transposed_a, p.b.data(),
                         p.row_b, p.transposed_b, p.beta, c.data(), p.row_c);
  return c;
}

}  // namespace

// Of the exact product both differ by less than rounding every term and every sum can make.
BOOST_AUTO_TEST_CASE_TEMPLATE(products_agree_with_those_of_blas, T, scalars) {
  const detail::one_blas_thread ours;
  for (unsigned seed = 0; seed < 60; ++seed) {
    const auto p = draw<T>(seed);
    BOOST_TEST_CONTEXT(p) {
      const auto blas = by_blas(p), panels = by_panels(p);
      for (std::size_t i = 0; i < p.m; ++i) {
        for (std::size_t j = 0; j < p.n; ++j) {
          double size = std::abs(double(p.beta) * double(p.c[i * p.row_c + j]));
          for (std::size_t l = 0; l < p.k; ++l)
            size += std::abs(double(p.alpha) *
                             double(p.a[p.transposed_a ? l * p.row_a + i : i * p.row_a + l]) *
                             double(p.b[p.transposed_b ? j * p.row_b + l : l * p.row_b + j]));
          const double rounding = double(std::numeric_limits<T>::epsilon()) * double(p.k + 4);
          const std::size_t at = i * p.row_c + j;
          BOOST_REQUIRE_LE(std::abs(double(panels[at]) - double(blas[at])), rounding * size);
        }
        for (std::size_t at = i * p.row_c + p.n; at < (i + 1) * p.row_c; ++at)
          BOOST_REQUIRE_EQUAL(panels[at], p.c[at]);  // what lies between rows stays
      }
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_old_result_is_not_read_where_beta_is_zero, T, scalars) {
  auto p = draw<T>(7);
  p.beta = 0;
  const auto want = by_panels(p);
  p.c.assign(p.c.size(), std::numeric_limits<T>::quiet_NaN());
  const auto got = by_panels(p);
  for (std::size_t i = 0; i < p.m; ++i)
    for (std::size_t j = 0; j < p.n; ++j)
      BOOST_REQUIRE_EQUAL(got[i * p.row_c + j], want[i * p.row_c + j]);
}

BOOST_AUTO_TEST_CASE(a_product_of_no_terms_is_the_old_result) {
  std::vector<float> c = {1, 2, 3, 4, 5, 6};
  const float none = 0;
  detail::packed_product<float>(2, 3, 0, 1, &none, 1, false, &none, 3, false, 2, c.data(), 3);
  BOOST_CHECK(c == (std::vector<float>{2, 4, 6, 8, 10, 12}));
  detail::packed_product<float>(2, 3, 0, 1, &none, 1, false, &none, 3, false, 0, c.data(), 3);
  BOOST_CHECK(c == std::vector<float>(6));
}

// An OpenBLAS for several processors names them as below, one for a single processor in capitals.
BOOST_AUTO_TEST_CASE(the_vectors_of_blas_are_known_by_the_name_of_its_processor) {
  for (const char* core : {"Prescott", "PRESCOTT", "Nehalem", "Core2", "Opteron_SSE3"})
    BOOST_TEST(detail::blas_vector_bytes(core, 64) == 16);
  for (const char* core : {"Haswell", "HASWELL", "Zen", "Sandybridge"})
    BOOST_TEST(detail::blas_vector_bytes(core, 64) == 32);
  for (const char* core : {"SkylakeX", "Cooperlake", "SapphireRapids", "Zen9", "Unknown", ""})
    BOOST_TEST(detail::blas_vector_bytes(core, 64) == 64);
}

// Where BLAS is fast enough the verb is BLAS's, elsewhere ours, to the bit.
BOOST_AUTO_TEST_CASE_TEMPLATE(the_verb_takes_the_faster_of_both, T, scalars) {
  const detail::one_blas_thread ours;
  for (unsigned seed = 200; seed < 220; ++seed) {
    const auto p = draw<T>(seed);
    if (p.m > 128 || p.n > 128) continue;  // larger ones are cut into several products
    std::vector<T> c = p.c;
    xtensor_backend::gemm(1, p.m, p.n, p.k, p.alpha,
                          {.data = p.a.data(), .row = p.row_a, .transposed = p.transposed_a},
                          {.data = p.b.data(), .row = p.row_b, .transposed = p.transposed_b},
                          p.beta, matrices<T>{.data = c.data(), .row = p.row_c});
    const bool narrow = sizeof(xsimd::batch<T>) > 16 && openblas_get_corename &&
                        detail::blas_vector_bytes(openblas_get_corename(), 64) <
                            sizeof(xsimd::batch<T>);
    BOOST_TEST_CONTEXT(p) BOOST_TEST((c == (narrow ? by_panels(p) : by_blas(p))));
  }
}

BOOST_AUTO_TEST_SUITE_END()
