// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <thread>
#include <tuple>
#include <vector>

#include "backend/convolution_cases.hpp"

BOOST_AUTO_TEST_SUITE(fast_kernels_tests)

using namespace lift;
using namespace lift::test;

namespace {

template <class T>
using plain = tensor<plain_xtensor_backend, T>;

constexpr std::size_t lanes = lift::detail::lanes<float>;

}  // namespace

BOOST_AUTO_TEST_CASE(convolutions_agree_with_the_plain_ones) {
  for (const auto& c : convolutions)
    BOOST_TEST_CONTEXT(c)
  check_close(results_of<xtensor_backend, float>(c), results_of<plain_xtensor_backend, float>(c),
              1e-5);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(branches_are_the_convolutions_of_each, Tensor, float_tensors) {
  // many runs of pixels across images, whole images, few runs, and what is no convolution of runs
  for (const convolution_case& c :
       {convolution_case{8, 70, 17, 17, 0, 1, 1, 0}, {9, 33, 5, 7, 0, 1, 1, 0},
        {5, 40, 8, 8, 0, 1, 1, 0}, {1, 20, 9, 9, 0, 1, 1, 0}, {4, 24, 9, 11, 0, 3, 1, 1},
        {4, 24, 9, 11, 0, 1, 2, 0}, {0, 24, 9, 11, 0, 1, 1, 0}})
    BOOST_TEST_CONTEXT(c) {
      const op::conv2d convolution(c.stride, c.padding);
      const auto x = random_tensor<Tensor>({c.batch, c.in, c.height, c.width}, 1);
      std::array<op::conv2d::branch<Tensor>, 3> branches;
      for (std::uint32_t i = 0; i < branches.size(); ++i) {
        const std::size_t out = std::array<std::size_t, 3>{64, 5, 48}[i];
        branches[i] = {random_tensor<Tensor>({out, c.in, c.kernel.height, c.kernel.width}, 2 + i),
                       random_tensor<Tensor>({out}, 5 + i), i != 1};
      }
      const auto results = convolution.products(x, branches);
      for (std::size_t i = 0; i < results.size(); ++i) {
        const auto& [a, bias, rectify] = branches[i];
        const auto alone = convolution.product(x, a, bias, {}, rectify);
        BOOST_TEST(results[i].to_host() == alone.to_host(), boost::test_tools::per_element());
      }
    }
}

// Either way is right wherever it can be used, not only where it is chosen; in double precision
// only an error of the formula could show.
BOOST_AUTO_TEST_CASE_TEMPLATE(every_algorithm_is_exact_in_double_precision, T,
                              std::tuple<double>) {
  if constexpr (lift::detail::lanes<T> >= 4) {  // otherwise there are no fast kernels
    const auto panels = [](const auto& c) {
      return convolution_results<plain<T>>(
          c, [](const auto&... x) { lift::detail::panel_convolve(x...); },
          [](const auto&... x) { lift::detail::panel_convolve_transpose(x...); },
          [](const auto&... x) { lift::detail::panel_convolve_weight(x...); },
          any_numbers<plain<T>>);
    };
    const auto winograd = [](const auto& c) {
      return convolution_results<plain<T>>(
          c, [](const auto&... x) { lift::detail::winograd_convolve(x...); },
          [](const auto&... x) { lift::detail::winograd_convolve_transpose(x...); },
          [](const auto&... x) { lift::detail::winograd_weight_gradient(x...); },
          any_numbers<plain<T>>);
    };
    const auto resampling = [](const auto& c) {
      return convolution_results<plain<T>>(
          c, [](const auto&... x) { lift::detail::winograd_halve(x...); },
          [](const auto&... x) { lift::detail::winograd_double(x...); },
          [](const auto&... x) { plain_xtensor_backend::convolve_weight(x...); },
          any_numbers<plain<T>>);
    };
    std::size_t halved = 0;
    for (const auto& c : convolutions) {
      if (c.batch * c.in * c.out * c.height * c.width > 40'000'000) continue;
      BOOST_TEST_CONTEXT(c) {
        const auto want = results_of<plain_xtensor_backend, T>(c);
        check_close(panels(c), want, 1e-13);
        if (c.kernel == 3 && c.stride == 1 && c.padding.height <= 2)
          check_close(winograd(c), want, 1e-13);
        if (c.kernel == 4 && c.stride == 2 && c.padding == 1 && c.height % 2 == 0 &&
            c.width % 2 == 0) {
          check_close(resampling(c), want, 1e-13);
          ++halved;
        }
      }
    }
    BOOST_CHECK_GE(halved, 3u);
  }
}

BOOST_AUTO_TEST_CASE(attention_agrees_with_the_one_of_verbs) {
  for (const auto& [b, heads, depth, side] : std::vector<std::array<std::size_t, 4>>{
           {2, 4, 32, 32}, {2, 4, 64, 16}, {3, 4, 128, 8}, {8, 4, 128, 4}, {3, 3, 4, 5},
           {1, 2, 33, 9}, {2, 1, 1, 1}, {1, 4, 1, 3}})
    BOOST_TEST_CONTEXT(heads << " heads of " << depth << " channels, " << side << "x" << side) {
      const shape qkv{b, 3 * heads * depth, side, side};
      const auto got = attention_results<xtensor_backend, float>(qkv, heads);
      const auto want = attention_results<plain_xtensor_backend, float>(qkv, heads);
      const auto exact = attention_results<plain_xtensor_backend, double>(qkv, heads);
      const auto fast = attention_results<xtensor_backend, double>(qkv, heads);
      for (std::size_t i = 0; i < got.size(); ++i) {
        // One pixel attends to itself alone: the derivatives of the scores are zero.
        if (side == 1 && i > 0) continue;
        BOOST_CHECK_LT(relative_l2(got[i], want[i]), 1e-5);
        BOOST_CHECK_LT(relative_l2(fast[i], exact[i]), 1e-13);
      }
    }
}

// Scores far apart: the softmax must not overflow, in either form.
BOOST_AUTO_TEST_CASE(attention_of_large_scores_is_finite) {
  using Tensor = tensor<xtensor_backend, float>;
  const Tensor x = scaled(random_tensor<Tensor>({1, 48, 6, 6}, 1), 1e3f);
  const auto y = op::attention(4).forward(x).value.to_host();
  for (const float v : y) BOOST_REQUIRE(std::isfinite(v) && std::abs(v) < 1e4f);
}

// Two threads of a program that run kernels at once get what each would get alone.
BOOST_AUTO_TEST_CASE(two_threads_at_once) {
  const std::vector<convolution_case> cases = {{2, 64, 16, 16, 64, 3, 1, 1},
                                               {2, 128, 8, 8, 256, 3, 1, 1},
                                               {2, 64, 16, 16, 64, 4, 2, 1}};
  std::vector<std::vector<float>> want;
  for (const auto& c : cases) want.push_back(results_of<xtensor_backend, float>(c).ga.to_host());
  std::array<int, 3> differences{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < differences.size(); ++t)
      threads.emplace_back([&, t] {
        for (int round = 0; round < 5; ++round)
          for (std::size_t i = 0; i < cases.size(); ++i)
            differences[t] +=
                results_of<xtensor_backend, float>(cases[i]).ga.to_host() != want[i];
      });
  }
  for (const int n : differences) BOOST_CHECK_EQUAL(n, 0);
}

// Tasks and their panels follow the number of threads; sums do not.
BOOST_AUTO_TEST_CASE(the_number_of_threads_changes_nothing) {
  const std::vector<convolution_case> cases = {{2, 64, 16, 16, 64, 3, 1, 1},
                                               {1, 512, 8, 8, 512, 3, 1, 1},
                                               {2, 200, 16, 16, 72, 4, 2, 1},
                                               {2, 96, 8, 8, 160, 1, 1, 0},
                                               {8, 96, 12, 12, 160, 1, 1, 0},
                                               {9, 20, 6, 9, 17, {1, 7}, 1, {0, 3}}};
  const auto numbers = [&](const convolution_case& c) {
    const auto r = results_of<xtensor_backend, float>(c);
    return std::array{r.y.to_host(), r.gx.to_host(), r.ga.to_host()};
  };
  for (const auto& c : cases) {
    default_thread_pool().resize(1);
    const auto want = numbers(c);
    for (const std::size_t threads : {2u, 5u, 16u}) {
      default_thread_pool().resize(threads);
      BOOST_TEST_CONTEXT(c << ", " << threads << " threads") BOOST_CHECK(numbers(c) == want);
    }
  }
  default_thread_pool().resize(0);
}

BOOST_AUTO_TEST_CASE(nothing_convolved_is_nothing) {
  for (const convolution_case& c : {convolution_case{0, 20, 8, 8, 17, {1, 7}, 1, {0, 3}},
                                    {0, 20, 8, 8, 17, 5, 1, 2},
                                    {0, 20, 8, 8, 17, 3, 1, 1},
                                    {0, 20, 8, 8, 17, 4, 2, 1},
                                    {0, 20, 8, 8, 17, 1, 1, 0}})
    BOOST_TEST_CONTEXT(c) {
      std::vector<float> weight(c.geometry().out_channels * c.geometry().patch(), 1.0f);
      xtensor_backend::convolve<float>(c.geometry(), nullptr, weight.data(), {}, nullptr);
      xtensor_backend::convolve_transpose<float>(c.geometry(), nullptr, weight.data(), nullptr,
                                                 nullptr);
      xtensor_backend::convolve_weight<float>(c.geometry(), nullptr, nullptr, weight.data());
      for (const float x : weight) BOOST_REQUIRE_EQUAL(x, 0.0f);
    }
}

BOOST_AUTO_TEST_CASE(a_block_is_transposed) {
  for (const auto& [rows, columns] : std::vector<std::array<std::size_t, 2>>{
           {lanes, lanes}, {1, 1}, {3, 2 * lanes + 1}, {2 * lanes + 3, 1},
           {3 * lanes, lanes + 5}}) {
    std::vector<float> from(rows * columns), to(rows * columns);
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
    lift::detail::transpose_matrix(rows, columns, from.data(), columns, to.data(), rows);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns; ++c)
        BOOST_REQUIRE_EQUAL(to[c * rows + r], from[r * columns + c]);
  }
}

BOOST_AUTO_TEST_SUITE_END()
