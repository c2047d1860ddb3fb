// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <vector>

#include <lift/analysis/jacobian_products.hpp>
#include <lift/model/guided.hpp>
#include <lift/model/network.hpp>
#include <lift/tensor/noise.hpp>

#include "message_of.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(guided_tests)

using namespace lift;
using namespace lift::test;

namespace {

tensor_d noise(const shape& s, std::uint64_t seed) {
  return normal_noise<tensor_d>(s, {.seed = seed}, 0);
}

template <std::size_t N>
scales<tensor_d, N> noisy(std::size_t images) {
  return make_scales<N>(
      [&](std::size_t s) { return noise({images, 3, 8u >> s, 8u >> s}, 5 + s); });
}

template <class Architecture>
auto model_of(std::size_t classes = 3) {
  // More channels than groups: the norm of a channel alone would take the label away.
  const Architecture of{{.hidden_dims = {16}, .classes = classes}};
  return model{network<Architecture, tensor_d>(of, 7), predicts_velocity{}, cosine_schedule()};
}

template <std::size_t N>
void check_near(const scales<tensor_d, N>& got, const scales<tensor_d, N>& want,
                double tolerance = 1e-13) {
  for (std::size_t s = 0; s < N; ++s) BOOST_CHECK_LE(relative_l2(got[s], want[s]), tolerance);
}

template <std::size_t N>
bool same(const scales<tensor_d, N>& a, const scales<tensor_d, N>& b) {
  for (std::size_t s = 0; s < N; ++s)
    if (a[s].to_host() != b[s].to_host()) return false;
  return true;
}

template <class Architecture>
void check_labels() {
  constexpr std::size_t n = Architecture::scale_count;
  const auto conditional = model_of<Architecture>();
  const auto x = noisy<n>(3);
  const auto t = make_scales<n>([](std::size_t s) { return timesteps{s == 0 ? 100.0 : 200.0}; });
  const auto plain = conditional(x, t);
  BOOST_CHECK(same(conditional(x, t, condition<>()), plain));
  // An image whose label is not told is as without labels; the others are each of their own class.
  const auto mixed = conditional(x, t, condition<>{{2, no_label, 0}});
  const auto second = conditional(x, t, condition<>{{2}}), zeroth = conditional(x, t, condition<>{{0}});
  for (std::size_t s = 0; s < n; ++s) {
    BOOST_CHECK_LT(relative_l2(mixed[s].rows(0, 1), second[s].rows(0, 1)), 1e-13);
    BOOST_CHECK_LT(relative_l2(mixed[s].rows(1, 2), plain[s].rows(1, 2)), 1e-13);
    BOOST_CHECK_LT(relative_l2(mixed[s].rows(2, 3), zeroth[s].rows(2, 3)), 1e-13);
    BOOST_CHECK_GT(relative_l2(second[s], plain[s]), 1e-3);
    BOOST_CHECK_GT(relative_l2(second[s], zeroth[s]), 1e-3);
  }
}

/// A network of one scale without parameters that counts how often it is asked.
struct counting_network {
  std::size_t* with;
  std::size_t* without;

  template <value X>
  scales<X, 1> operator()(const scales<X, 1>& x, const scales<timesteps, 1>&) const {
    ++*without;
    return x;
  }
  template <value X>
  scales<X, 1> operator()(const scales<X, 1>& x, const scales<timesteps, 1>& t,
                          const condition<>& given) const {
    if (given.empty() || given.labels[0] == no_label) return (*this)(x, t);
    ++*with;
    return {apply(op::weighted_sum{{2}, {0}}, x[0], x[0])};
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_network_is_told_labels) {
  check_labels<baseline_unet>();
  check_labels<lift_unet>();
  check_labels<lift_unet_shared_timestep>();
  check_labels<multiscale_unet<3>>();
}

BOOST_AUTO_TEST_CASE(guidance_goes_from_without_label_to_with_and_beyond) {
  const auto conditional = model_of<lift_unet>();
  const condition<> given{{1, 2}};
  const auto x = noisy<2>(2);
  const scales<timesteps> t{timesteps{300}, timesteps{500, 20}};
  const auto with = conditional(x, t, given), without = conditional(x, t);
  BOOST_CHECK(same(guided{conditional, given}(x, t), with));
  BOOST_CHECK(same(guided{conditional, given, 0}(x, t), without));
  BOOST_CHECK(same(guided{conditional, condition<>(), 3}(x, t), without));
  for (const double w : {0.5, 3.0}) {
    const guided guide{conditional, given, w};
    const auto got = guide(x, t);
    check_near<2>(got, make_scales<2>([&](std::size_t s) {
      return axpby(1, without[s], w, axpby(1, with[s], -1, without[s]));
    }));
    // Its noise is that of its image.
    const auto noise = guide.noise(x, t);
    check_near<2>(make_scales<2>([&](std::size_t s) {
                    return add_noise(alpha_bars(conditional.schedule, t[s]), got[s], noise[s]);
                  }),
                  x, 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(a_second_evaluation_is_made_only_where_it_counts) {
  std::size_t with = 0, without = 0;
  const model counted{counting_network{&with, &without}, predicts_clean{}, cosine_schedule()};
  const scales<tensor_d, 1> x{noise({1, 3, 4, 4}, 1)};
  const scales<timesteps, 1> t{timesteps{10}};
  const auto asked = [&](const condition<>& given, double w) {
    with = without = 0;
    const auto y = guided{counted, given, w}(x, t);
    return std::tuple(with, without, y.fine().to_host()[0] / x.fine().to_host()[0]);
  };
  BOOST_CHECK((asked({{0}}, 1) == std::tuple(1u, 0u, 2.0)));
  BOOST_CHECK((asked({{0}}, 0) == std::tuple(0u, 1u, 1.0)));
  BOOST_CHECK((asked({{0}}, 4) == std::tuple(1u, 1u, 5.0)));
  BOOST_CHECK((asked({}, 4) == std::tuple(0u, 1u, 1.0)));
}

BOOST_AUTO_TEST_CASE(its_derivatives_are_exact) {
  const auto conditional = model_of<lift_unet>();
  const guided guide{conditional, condition<>{{1, 2}}, 2.5};
  static_assert(has_exact_jacobian<std::decay_t<decltype(guide)>, tensor_d>());
  const auto x = noisy<2>(2);
  const scales<timesteps> t{timesteps{300}, timesteps{500}};
  const scales<tensor_d> u{noise({2, 3, 8, 8}, 20), noise({2, 3, 4, 4}, 21)};
  const auto exact = jacobian_products(guide, x, t, u);
  const auto near = jacobian_products(central_differences{guide}, x, t, u);
  for (std::size_t output = 0; output < 2; ++output)
    for (std::size_t input = 0; input < 2; ++input)
      BOOST_CHECK_LT(relative_l2(near[output][input], exact[output][input]), 1e-6);
}

BOOST_AUTO_TEST_CASE(conditions_that_do_not_fit_are_one_clear_line) {
  const auto conditional = model_of<lift_unet>();
  const auto x = noisy<2>(2);
  const scales<timesteps> t{timesteps{300}, timesteps{500}};
  const auto told = [&](const auto& of, const class_labels& labels) {
    return message_of([&] { of(x, t, condition<>{labels}); });
  };
  BOOST_CHECK_EQUAL(told(conditional, {3}), "class of an image: got 3, want 0 to 2, or -1 for none");
  BOOST_CHECK_EQUAL(told(conditional, {-2}), "class of an image: got -2, want 0 to 2, or -1 for none");
  BOOST_CHECK_EQUAL(told(conditional, {0, 1, 2}), "number of labels: got 3, want 1 or 2");
  BOOST_CHECK_EQUAL(told(model_of<lift_unet>(0), {0}),
                    "labels of a network without classes: got 1, want none");
  const auto plain = [](const auto& images, const auto&) { return images; };
  BOOST_CHECK_EQUAL(told(model{plain}, {0}),
                    "condition of a network: got labels, want none, as it takes none");
}

BOOST_AUTO_TEST_SUITE_END()
