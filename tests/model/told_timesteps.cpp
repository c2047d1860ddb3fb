// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include <lift/analysis/jacobian_products.hpp>
#include <lift/model/baseline_unet.hpp>
#include <lift/model/lift_unet.hpp>
#include <lift/model/network.hpp>
#include <lift/tensor/noise.hpp>
#include <lift/train/loss_and_gradients.hpp>
#include <lift/train/objective.hpp>

#include "message_of.hpp"
#include "tensors.hpp"
#include "train/check_gradients.hpp"

BOOST_AUTO_TEST_SUITE(told_timesteps_tests)

using namespace lift;
using namespace lift::test;

namespace {

const char* const all_told[] = {"each", "fine", "own", "none"};

/// Whether the output of a scale may depend on the timestep of another.
bool depends(const std::string& told, std::size_t output, std::size_t input) {
  if (told == "fine") return input == 0;
  return told == "each" || (told == "own" && input == output);
}

/// Networks with the same weights that are told one or the other, and what they are asked.
template <class Architecture>
struct setup {
  static constexpr std::size_t n = Architecture::scale_count;
  std::string pyramid = "copies";
  tensor_d image = normal_noise<tensor_d>({2, 3, 16, 16}, {.seed = 3}, 0);
  scales<tensor_d, n> x = make_pyramid(pyramid).template split<n>(image);
  scales<timesteps, n> t = make_scales<n>([](std::size_t s) {
    return s == 0 ? timesteps{700, 20} : timesteps{300.5 + static_cast<double>(s)};
  });
  // More channels than groups: the norm of a channel alone would take away what is added.
  network<Architecture, tensor_d> told(const std::string& which) const {
    const Architecture of{{.hidden_dims = {16}, .pyramid = pyramid, .told_timesteps = which}};
    return {of, 7};
  }
};

template <std::size_t N>
void check_same(const scales<tensor_d, N>& a, const scales<tensor_d, N>& b) {
  for (std::size_t s = 0; s < N; ++s) BOOST_CHECK(a[s].to_host() == b[s].to_host());
}

template <class Check>
void for_every_architecture(const Check& check) {
  check(setup<lift_unet>{});
  check(setup<lift_unet>{.pyramid = "haar"});
  check(setup<multiscale_unet<3>>{});
  check(setup<multiscale_unet<3>>{.pyramid = "haar"});
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_parameters_are_the_same) {
  const auto check = [](auto architecture, std::size_t want) {
    const auto plain = declared_parameters(architecture);
    std::size_t scalars = 0;
    for (const auto& d : plain) scalars += d.shape.size();
    BOOST_TEST(scalars == want);
    for (const char* which : all_told) {
      architecture.config.told_timesteps = which;
      const auto declared = declared_parameters(architecture);
      BOOST_REQUIRE_EQUAL(declared.size(), plain.size());
      for (std::size_t i = 0; i < plain.size(); ++i) {
        BOOST_CHECK_EQUAL(declared[i].name, plain[i].name);
        BOOST_CHECK_EQUAL(declared[i].shape, plain[i].shape);
      }
    }
  };
  check(lift_unet{}, 58'475'206);
  check(multiscale_unet<3>{}, 58'544'201);
  check(lift_unet_shared_timestep{}, 58'278'086);
  check(baseline_unet{}, 58'274'627);
}

BOOST_AUTO_TEST_CASE(an_output_knows_the_timesteps_that_it_is_told_and_no_other) {
  for_every_architecture([]<class Setup>(const Setup& s) {
    for (const char* which : all_told) {
      const auto net = s.told(which);
      const auto before = net(s.x, s.t);
      for (std::size_t input = 0; input < Setup::n; ++input) {
        auto t = s.t;
        t[input] = {555, 4};
        const auto after = net(s.x, t);
        for (std::size_t output = 0; output < Setup::n; ++output)
          BOOST_TEST_CONTEXT(s.pyramid << ' ' << which << ' ' << output << ' ' << input) {
            BOOST_CHECK((after[output].to_host() != before[output].to_host()) ==
                        depends(which, output, input));
          }
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(a_hidden_timestep_is_read_as_0) {
  for_every_architecture([]<class Setup>(const Setup& s) {
    constexpr std::size_t n = Setup::n;
    const auto each = s.told("each");
    const auto reads = [&](const std::string& which, std::size_t output) {
      return each(s.x, make_scales<n>([&](std::size_t input) {
                    return depends(which, output, input) ? s.t[input] : timesteps{0};
                  }))[output];
    };
    for (const char* which : all_told) {
      const auto net = s.told(which);
      const auto want = make_scales<n>([&](std::size_t output) { return reads(which, output); });
      check_same<n>(net(s.x, s.t), want);
      // Timesteps may be tensors.
      check_same<n>(net(s.x, make_scales<n>([&](std::size_t scale) {
                          return nn::on_backend<tensor_d>(s.t[scale]);
                        })),
                    want);
    }
  });
}

// Of one scale, and of one timestep for two.
BOOST_AUTO_TEST_CASE(one_timestep_is_told_or_not) {
  const auto check = []<class Setup>(const Setup& s) {
    const auto told = s.told("each"), blind = s.told("none");
    auto t = s.t;
    t[0] = {0};
    check_same(blind(s.x, s.t), told(s.x, t));
    BOOST_CHECK(told(s.x, s.t).fine().to_host() != told(s.x, t).fine().to_host());
    for (const char* which : {"fine", "own"}) check_same(s.told(which)(s.x, s.t), told(s.x, s.t));
  };
  check(setup<baseline_unet>{});
  check(setup<lift_unet_shared_timestep>{});
}

BOOST_AUTO_TEST_CASE(gradients) {
  const setup<lift_unet> s;
  const scales<double> ones{1, 1};
  const objective goal{cosine_schedule(), independent_regime{}, predicts_noise{}, make_pyramid(s.pyramid)};
  const auto batch = goal.batch<2>(s.image, 5, 0);
  for (const char* which : {"fine", "own", "none"}) {
    const auto net = s.told(which);
    const auto total = [&](const parameters<tensor_d>& at) {
      double sum = 0;
      for (const tensor_d& loss : loss_and_gradients(net.architecture, at, batch, ones).loss)
        sum += loss.to_host()[0];
      return sum;
    };
    const auto found = loss_and_gradients(net.architecture, net.weights, batch, ones);
    check_gradients(net.weights, found.gradients, total, 1e-5, 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(jacobians) {
  for_every_architecture([]<class Setup>(const Setup& s) {
    constexpr std::size_t n = Setup::n;
    const auto u = make_scales<n>([&](std::size_t scale) {
      const auto number = static_cast<std::uint32_t>(scale);
      return normal_noise<tensor_d>(s.x[scale].shape(), {.seed = 9, .scale = number}, 0);
    });
    for (const char* which : {"fine", "own", "none"}) {
      const auto net = s.told(which);
      const auto exact = jacobian_products(net, s.x, s.t, u);
      const auto along = [&](std::size_t input, double h) {
        auto moved = s.x;
        moved[input] = axpby(1, moved[input], h, u[input]);
        return net(moved, s.t);
      };
      for (std::size_t input = 0; input < n; ++input) {
        const auto up = along(input, 1e-5), down = along(input, -1e-5);
        for (std::size_t output = 0; output < n; ++output)
          BOOST_CHECK_LT(relative_l2(axpby(0.5e5, up[output], -0.5e5, down[output]).to_host(),
                                     exact[output][input].to_host()),
                         1e-7);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(an_unknown_choice_lists_the_known) {
  BOOST_TEST(message_of([] {
               declared_parameters(lift_unet{{.hidden_dims = {8}, .told_timesteps = "blind"}});
             }) == "unknown choice of told timesteps: got \"blind\", want one of each, fine, own, none");
}

BOOST_AUTO_TEST_SUITE_END()
