// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <lift/backend/cpu/compiled_kernels.hpp>
#include <lift/model/estimator.hpp>
#include <lift/tensor/noise.hpp>

#include "oracle.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(estimator_tests)

using namespace lift;
using namespace lift::test;

namespace {

struct fixture : oracle {
  scales<tensor_d> x{normal_noise<tensor_d>({2, 3, 8, 8}, {.seed = 1}, 0),
                     normal_noise<tensor_d>({2, 3, 4, 4}, {.seed = 2}, 0)};
  scales<timesteps> t{timesteps{2}, timesteps{4}};
  scales<double> alpha_bar{schedule.alpha_bar(2), schedule.alpha_bar(4)};

  scales<tensor_d> operator()(const auto& denoise) const { return denoise(x, t); }
};

void check_same(const scales<tensor_d>& got, const scales<tensor_d>& want) {
  BOOST_CHECK_LT(relative_l2(got.fine(), want.fine()), 1e-13);
  BOOST_CHECK_LT(relative_l2(got.coarse(), want.coarse()), 1e-13);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(noise_and_clean_image_add_up_to_the_noisy_one, fixture) {
  const auto clean = (*this)(estimator{field, schedule, estimate::clean});
  const auto noise = (*this)(estimator{field, schedule, estimate::noise});
  check_same(clean, (*this)(field));
  check_same({add_noise({alpha_bar.fine()}, clean.fine(), noise.fine()),
              add_noise({alpha_bar.coarse()}, clean.coarse(), noise.coarse())},
             x);
}

BOOST_FIXTURE_TEST_CASE(every_prediction_gives_the_same_estimates, fixture) {
  // The field as a predictor of P: target(ᾱ) makes its output of x̂ and ε̂.
  const auto check = [&]<class Prediction>(Prediction) {
    const auto predict = [&](const scales<tensor_d>& noisy, const scales<timesteps>& at) {
      const auto clean = field(noisy, at);
      return make_scales<2>([&](std::size_t s) {
        const auto noise = combined({predicts_clean::noise(alpha_bar[s])}, noisy[s], clean[s]);
        return combined({Prediction::target(alpha_bar[s])}, clean[s], noise);
      });
    };
    const model made{predict, Prediction{}, schedule};
    using made_estimator = estimator<decltype(model{predict, Prediction{}, schedule}),
                                     tabulated_schedule>;
    static_assert(denoiser<made_estimator, tensor_d> &&
                  !differentiable_denoiser<made_estimator, tensor_d>);
    check_same((*this)(made_estimator{made, schedule, estimate::clean}), (*this)(field));
    check_same((*this)(made_estimator{made, schedule, estimate::noise}),
               (*this)(estimator{field, schedule, estimate::noise}));
  };
  check(predicts_noise{});
  check(predicts_clean{});
  check(predicts_velocity{});
}

BOOST_FIXTURE_TEST_CASE(each_image_can_have_its_own_timestep, fixture) {
  const auto zero = [](const scales<tensor_d>& noisy, const scales<timesteps>&) {
    return scales{zeros<tensor_d>(noisy.fine().shape()), zeros<tensor_d>(noisy.coarse().shape())};
  };
  const estimator clean{model{zero, predicts_noise{}, schedule}, schedule, estimate::clean};
  const auto second = [](const scales<tensor_d>& images) {
    return scales{images.fine().rows(1, 2), images.coarse().rows(1, 2)};
  };
  check_same(second(clean(x, scales{timesteps{2, 5}, timesteps{4}})),
             clean(second(x), scales{timesteps{5}, timesteps{4}}));
}

BOOST_AUTO_TEST_SUITE_END()
