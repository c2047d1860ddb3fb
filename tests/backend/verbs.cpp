// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include <lift/tensor/maps.hpp>
#include <lift/tensor/noise.hpp>

#include "backends.hpp"

BOOST_AUTO_TEST_SUITE(verbs_tests)

using namespace lift;

// Every verb against a plain loop.
using tensors = decltype(std::tuple_cat(test::rounded_tensors(), test::backend_tensors<double>()));

namespace {

template <class Tensor>
Tensor noise(const shape& s, std::uint32_t label) {
  return normal_noise<Tensor>(shape{1, s.size()}, {.step = label}, 0).reshaped(s);
}

/// How far a sum may be off, a part of what is summed.
template <class T>
constexpr double tolerance = sizeof(T) == 2 ? 0x1p-8 : sizeof(T) == 4 ? 2e-5 : 1e-13;

struct mix {
  template <class T>
  LIFT_HD T operator()(T a, T b, T c) const { return a * b + c; }
};

/// A team reads at once what it has written, by every one of its verbs: of its rows (m, n) of x it
/// leaves the largest elements, over all rows the sum of sums, and y = x − largest of the row − sum.
template <class T>
struct sums_by_team {
  using number = accumulator_t<T>;
  std::size_t m, n;
  const T* x;
  T *largest, *total, *y;

  template <class Team>
  LIFT_HD void operator()(const Team& team, std::size_t index) const {
    const T* const mine = x + index * m * n;
    T* const top = largest + index * m;
    const auto at = [&](std::size_t, std::size_t i, auto v) { return team.load(mine + i, v); };
    team.template reduce_rows<maximum, number>(
        m, n, at, [&](std::size_t row, number t) { top[row] = static_cast<T>(t); });
    number all = 0;
    for (std::size_t row = 0; row < m; ++row)
      all += team.template reduce<sum, number>(
          n, [&](std::size_t j, auto v) { return team.load(mine + row * n + j, v); });
    team.once([&] { total[index] = static_cast<T>(all); });
    const number last = total[index];
    team.map(m, n, y + index * m * n, [&](std::size_t row, std::size_t i, auto v) {
      return team.load(mine + i, v) - decltype(v)(number(top[row]) + last);
    });
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_team_reads_what_it_wrote, Tensor, tensors) {
  using T = typename Tensor::value_type;
  for (const auto& [m, n] : {std::pair<std::size_t, std::size_t>{5, 40}, {9, 1000}, {1, 1}}) {
    const std::size_t count = 3;
    const Tensor x = noise<Tensor>(shape{count, m, n}, 1);
    Tensor largest(shape{count, m}), total(shape{count}), y(x.shape());
    Tensor::backend_type::for_each_team(
        count, sums_by_team<T>{m, n, x.data(), largest.mutable_data(), total.mutable_data(),
                               y.mutable_data()});
    const auto hx = x.to_host(), hy = y.to_host();
    for (std::size_t k = 0; k < count; ++k) {
      const auto mine = hx.begin() + std::ptrdiff_t(k * m * n);
      double all = 0;
      for (std::size_t i = 0; i < m * n; ++i) all += double(mine[std::ptrdiff_t(i)]);
      for (std::size_t row = 0; row < m; ++row) {
        const auto begin = mine + std::ptrdiff_t(row * n);
        const double top = double(*std::max_element(begin, begin + std::ptrdiff_t(n)));
        for (std::size_t j = 0; j < n; ++j) {
          const double want = double(begin[std::ptrdiff_t(j)]) - top - all;
          BOOST_REQUIRE_SMALL(double(hy[(k * m + row) * n + j]) - want,
                              1e-3 + tolerance<T> * (std::abs(want) + std::abs(all)));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(map_repeats_operands, Tensor, tensors) {
  using T = typename Tensor::value_type;
  using B = typename Tensor::backend_type;
  // (run, count) of three operands over n elements, with runs that SIMD does not divide.
  struct pattern {
    std::size_t n, run[3], count[3];
  };
  for (const pattern& p : {pattern{60, {1, 1, 1}, {60, 60, 60}},
                           pattern{210, {1, 7, 35}, {210, 30, 6}},
                           pattern{210, {1, 7, 1}, {105, 3, 1}},
                           pattern{40000, {1, 100, 1}, {40000, 4, 20000}},
                           pattern{99991, {1, 1, 1}, {99991, 1, 1}},
                           pattern{36, {6, 1, 2}, {6, 3, 18}}}) {
    Tensor in[3];
    operand<T> x[3];
    for (std::uint32_t k = 0; k < 3; ++k) {
      in[k] = noise<Tensor>(shape{p.count[k]}, k);
      x[k] = {in[k].data(), p.run[k], p.count[k]};
    }
    Tensor out(shape{p.n});
    B::map(p.n, out.mutable_data(), mix{}, x[0], x[1], x[2]);
    const auto got = out.to_host();
    const std::vector<T> h[3] = {in[0].to_host(), in[1].to_host(), in[2].to_host()};
    const auto at = [&](std::size_t k, std::size_t i) {
      return double(h[k][i / p.run[k] % p.count[k]]);
    };
    for (std::size_t i = 0; i < p.n; ++i) {
      const double want = at(0, i) * at(1, i) + at(2, i);
      BOOST_REQUIRE_SMALL(double(got[i]) - want, tolerance<T> * (1 + std::abs(want)));
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(reduce_sums_and_finds_maxima, Tensor, tensors) {
  using T = typename Tensor::value_type;
  using B = typename Tensor::backend_type;
  for (const auto& [outer, keep, inner] : std::vector<std::array<std::size_t, 3>>{
           {1, 1, 1}, {1, 1, 200000}, {3, 5, 7}, {1, 6, 1000}, {40, 300, 1}, {2, 70, 33},
           {5, 1, 70000}, {1, 100, 17}, {7, 1, 1}, {3000, 25, 1}, {70, 5000, 1}}) {
    const std::size_t n = outer * keep * inner;
    const Tensor x = noise<Tensor>(shape{n}, 1), y = noise<Tensor>(shape{keep}, 2);
    Tensor total(shape{keep}), top(shape{keep});
    B::reduce(sum{}, outer, keep, inner, total.mutable_data(), kernel::multiply{}, each(x),
              spread(y, inner));
    B::reduce(maximum{}, outer, keep, inner, top.mutable_data(), lift::kernel::identity{},
              each(x));
    const auto hx = x.to_host(), hy = y.to_host(), ht = total.to_host(), hm = top.to_host();
    for (std::size_t k = 0; k < keep; ++k) {
      double want = 0, scale = 1, most = -1e30;
      for (std::size_t o = 0; o < outer; ++o)
        for (std::size_t i = 0; i < inner; ++i) {
          const double v = double(hx[(o * keep + k) * inner + i]);
          want += v * double(hy[k]);
          scale += std::abs(v * double(hy[k]));
          most = std::max(most, v);
        }
      BOOST_REQUIRE_SMALL((double(ht[k]) - want) / scale, tolerance<T>);
      BOOST_REQUIRE_EQUAL(double(hm[k]), most);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_empty_adds_nothing, Tensor, tensors) {
  using B = typename Tensor::backend_type;
  const Tensor nothing(shape{0}), three = full<Tensor>(shape{3}, 7);
  Tensor out(shape{0}), sums = three.clone();
  B::map(0, out.mutable_data(), kernel::add{}, each(nothing), each(nothing));
  B::reduce(sum{}, 2, 0, 3, out.mutable_data(), lift::kernel::identity{}, each(nothing));
  for (const auto& [outer, inner] : {std::pair(0, 1), std::pair(1, 0), std::pair(0, 2)}) {
    sums = three.clone();
    B::reduce(sum{}, std::size_t(outer), 3, std::size_t(inner), sums.mutable_data(),
              lift::kernel::identity{}, each(nothing));
    for (const auto value : sums.to_host()) BOOST_TEST(double(value) == 0);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(copies_in_need_not_wait_for_each_other, Tensor, tensors) {
  using T = typename Tensor::value_type;
  std::vector<Tensor> copies;
  for (std::size_t k = 0; k < 6; ++k)  // 24 or 48 MiB: more than a backend stages at once
    copies.emplace_back(shape{1 << 20}, std::vector<T>(1 << 20, T(float(k))));
  for (std::size_t k = 0; k < copies.size(); ++k)
    BOOST_TEST((copies[k].to_host() == std::vector<T>(1 << 20, T(float(k)))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gemm_multiplies_batches, Tensor, tensors) {
  using T = typename Tensor::value_type;
  using B = typename Tensor::backend_type;
  for (const auto& [batch, m, n, k] : std::vector<std::array<std::size_t, 4>>{
           {1, 1, 1, 1}, {3, 5, 7, 4}, {8, 16, 1, 9}, {1, 300, 20, 33}, {2, 20, 700, 33},
           {6, 1, 4, 1}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        // A for every second matrix only: the batch repeats it.
        const std::size_t copies = batch % 2 == 0 ? batch / 2 : batch;
        const Tensor a = noise<Tensor>(shape{copies, m * k}, 1), b = noise<Tensor>({batch, k * n}, 2);
        const Tensor c0 = noise<Tensor>({batch, m * n}, 3);
        Tensor c = c0.clone();
        using number = accumulator_t<T>;
        B::gemm(batch, m, n, k, number(2), {a.data(), ta ? m : k, m * k, copies, ta},
                {b.data(), tb ? k : n, k * n, batch, tb}, number(0.5),
                matrices<T>{c.mutable_data(), n, m * n, batch});
        const auto ha = a.to_host(), hb = b.to_host(), h0 = c0.to_host(), hc = c.to_host();
        for (std::size_t q = 0; q < batch; ++q)
          for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < n; ++j) {
              double want = 0.5 * double(h0[(q * m + i) * n + j]);
              for (std::size_t l = 0; l < k; ++l)
                want += 2 * double(ha[q % copies * m * k + (ta ? l * m + i : i * k + l)]) *
                        double(hb[q * k * n + (tb ? j * k + l : l * n + j)]);
              BOOST_REQUIRE_SMALL(double(hc[(q * m + i) * n + j]) - want,
                                  tolerance<T> * (double(k + 1) + std::abs(want)));
            }
      }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(convolution_is_its_definition_and_adjoints, Tensor, tensors) {
  using T = typename Tensor::value_type;
  using B = typename Tensor::backend_type;
  struct convolution_case {
    std::size_t b, c, h, w, o;
    extent2d kernel, stride, padding;
  };
  for (const auto& [b, c, h, w, o, kernel, stride, padding] : std::vector<convolution_case>{
           {2, 3, 8, 9, 4, 3, 1, 1}, {1, 1, 1, 2, 1, 3, 1, 1}, {3, 5, 9, 10, 2, 4, 2, 1},
           {2, 4, 7, 8, 6, 1, 1, 0}, {5, 2, 4, 5, 3, 3, 1, 1}, {1, 9, 40, 41, 3, 3, 1, 1},
           {2, 2, 11, 12, 2, 5, 3, 2}, {1, 70, 33, 34, 2, 3, 1, 1},
           {2, 3, 6, 15, 4, {1, 7}, 1, {0, 3}}, {2, 3, 12, 5, 4, {7, 1}, 1, {3, 0}},
           {3, 5, 9, 20, 2, {4, 3}, {2, 1}, {1, 2}}, {2, 6, 7, 4, 5, {2, 5}, {1, 3}, {0, 2}},
           {1, 8, 6, 14, 3, 3, 1, {0, 1}}}) {
    const convolution_geometry g{b, c, h, w, o,
                                 (h + 2 * padding.height - kernel.height) / stride.height + 1,
                                 (w + 2 * padding.width - kernel.width) / stride.width + 1,
                                 kernel, stride, padding};
    // Small integers: every order of summation gives the same result, exactly, which is rounded once.
    using number = accumulator_t<T>;
    const auto integers = [](const shape& s, std::uint32_t label) {
      auto v = noise<Tensor>(s, label).to_host();
      for (T& x : v) x = static_cast<T>(std::round(number(x)));
      return Tensor(s, v);
    };
    const auto stored = [](const std::vector<number>& v) {
      std::vector<T> result;
      for (const number x : v) result.push_back(static_cast<T>(x));
      return result;
    };
    const Tensor x = integers({b, c, h, w}, 1);
    const Tensor a = integers({o, c, kernel.height, kernel.width}, 2);
    const Tensor r = integers({b, o, g.out_height, g.out_width}, 3);
    const Tensor out_bias = integers({1, o}, 4), in_bias = integers({1, c}, 5), none;
    const Tensor vectors = integers({b, o}, 6), images = integers(r.shape(), 7);
    Tensor y(r.shape()), gx(x.shape()), ga(a.shape()), y_added(r.shape()), gx_biased(x.shape());
    Tensor y_rectified(r.shape());
    B::convolve(g, x.data(), a.data(), {}, y.mutable_data());
    B::convolve(g, x.data(), a.data(), {out_bias.data(), vectors.data(), images.data()},
                y_added.mutable_data());
    B::convolve(g, x.data(), a.data(), {out_bias.data(), vectors.data(), images.data(), true},
                y_rectified.mutable_data());
    B::convolve_transpose(g, r.data(), a.data(), none.data(), gx.mutable_data());
    B::convolve_transpose(g, r.data(), a.data(), in_bias.data(), gx_biased.mutable_data());
    B::convolve_weight(g, x.data(), r.data(), ga.mutable_data());
    const auto hx = x.to_host(), ha = a.to_host(), hr = r.to_host();
    const auto hob = out_bias.to_host(), hib = in_bias.to_host();
    const auto hv = vectors.to_host(), hi = images.to_host();
    std::vector<number> wy(y.size()), wx(x.size()), wa(a.size());
    for (std::size_t i = 0; i < b; ++i)
      for (std::size_t q = 0; q < o; ++q)
        for (std::size_t oy = 0; oy < g.out_height; ++oy)
          for (std::size_t ox = 0; ox < g.out_width; ++ox)
            for (std::size_t p = 0; p < c; ++p)
              for (std::size_t ky = 0; ky < kernel.height; ++ky)
                for (std::size_t kx = 0; kx < kernel.width; ++kx) {
                  const std::size_t iy = oy * stride.height + ky - padding.height;
                  const std::size_t ix = ox * stride.width + kx - padding.width;
                  if (iy >= h || ix >= w) continue;
                  const std::size_t at = ((i * o + q) * g.out_height + oy) * g.out_width + ox;
                  const std::size_t from = ((i * c + p) * h + iy) * w + ix;
                  const std::size_t weight = ((q * c + p) * kernel.height + ky) * kernel.width + kx;
                  wy[at] += number(hx[from]) * number(ha[weight]);
                  wx[from] += number(hr[at]) * number(ha[weight]);
                  wa[weight] += number(hx[from]) * number(hr[at]);
                }
    BOOST_CHECK(y.to_host() == stored(wy));
    BOOST_CHECK(gx.to_host() == stored(wx));
    BOOST_CHECK(ga.to_host() == stored(wa));
    for (std::size_t i = 0; i < wy.size(); ++i)
      wy[i] += number(hob[i / g.out_area() % o]) + number(hv[i / g.out_area()]) + number(hi[i]);
    for (std::size_t i = 0; i < wx.size(); ++i) wx[i] += number(hib[i / (h * w) % c]);
    BOOST_CHECK(y_added.to_host() == stored(wy));
    for (number& sum : wy) sum = std::max(sum, number(0));
    BOOST_CHECK(y_rectified.to_host() == stored(wy));
    BOOST_CHECK(gx_biased.to_host() == stored(wx));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(noise_ignores_batches, Tensor, tensors) {
  const random_stream s{.seed = 11};
  const shape one{1, 3, 5, 7};
  const auto all = normal_noise<Tensor>({32, 3, 5, 7}, s, 100).to_host();
  const auto signs = rademacher_noise<Tensor>({32, 3, 5, 7}, s, 100).to_host();
  for (std::size_t batch : {1u, 7u, 32u})
    for (std::size_t first = 0; first + batch <= 32; first += batch) {
      const shape part{batch, 3, 5, 7};
      const auto n = normal_noise<Tensor>(part, s, 100 + first).to_host();
      const auto r = rademacher_noise<Tensor>(part, s, 100 + first).to_host();
      const auto from = static_cast<std::ptrdiff_t>(first * one.size());
      BOOST_REQUIRE(std::equal(n.begin(), n.end(), all.begin() + from));
      BOOST_REQUIRE(std::equal(r.begin(), r.end(), signs.begin() + from));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(results_do_not_depend_on_the_number_of_threads, Tensor, tensors) {
  using T = typename Tensor::value_type;
  using B = typename Tensor::backend_type;
  const auto everything = [] {
    std::vector<Tensor> all;
    // Images that Winograd's kernels take in either of their ways, and others.
    for (const auto& [b, c, h, o, k, stride] : std::vector<std::array<std::size_t, 6>>{
             {3, 16, 30, 24, 3, 1}, {2, 200, 12, 160, 3, 1}, {1, 40, 32, 24, 4, 2},
             {5, 8, 8, 8, 1, 1}}) {
      const Tensor x = noise<Tensor>({b, c, h, h}, 1), a = noise<Tensor>({o, c, k, k}, 2), none;
      const std::size_t padding = k > 1, out = (h + 2 * padding - k) / stride + 1;
      const convolution_geometry g{b, c, h, h, o, out, out, k, stride, padding};
      Tensor y({b, o, out, out}), gx(x.shape()), ga(a.shape());
      B::convolve(g, x.data(), a.data(), {}, y.mutable_data());
      B::convolve_transpose(g, y.data(), a.data(), none.data(), gx.mutable_data());
      B::convolve_weight(g, x.data(), y.data(), ga.mutable_data());
      all.insert(all.end(), {x, y, gx, ga});
    }
    Tensor total(shape{1}), c({700, 700});
    B::reduce(sum{}, 1, 1, all[1].size(), total.mutable_data(), lift::kernel::identity{},
              each(all[1]));
    using number = accumulator_t<T>;
    B::gemm(1, 700, 700, 50, number(1), {all[0].data(), 50}, {all[1].data(), 700}, number(0),
            matrices<T>{c.mutable_data(), 700});
    all.insert(all.end(), {total, c});
    std::vector<T> numbers;
    for (const Tensor& t : all)
      for (const T v : t.to_host()) numbers.push_back(v);
    return numbers;
  };
  test::set_threads(1);
  const auto one = everything();
  for (const std::size_t threads : {2u, 5u}) {
    test::set_threads(threads);
    BOOST_CHECK(everything() == one);
  }
}

BOOST_AUTO_TEST_SUITE_END()
