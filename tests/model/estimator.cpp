// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE estimator
#include <boost/test/unit_test.hpp>

#include <lift/backend/noise.hpp>
#include <lift/backend/xtensor_backend.hpp>

#include "oracle.hpp"
#include "tensors.hpp"

using namespace lift;
using namespace lift::test;

namespace {

using field_type = gaussian_field<tabulated_schedule>;

struct fixture : oracle {
  tensor_d x_fine = normal_noise<tensor_d>({2, 3, 8, 8}, {.seed = 1}, 0);
  tensor_d x_coarse = normal_noise<tensor_d>({2, 3, 4, 4}, {.seed = 2}, 0);
  timesteps t_fine{2}, t_coarse{4};
  double a_fine = schedule.alpha_bar(2), a_coarse = schedule.alpha_bar(4);

  auto operator()(const auto& denoise) const { return denoise(x_fine, x_coarse, t_fine, t_coarse); }
};

void check_same(const scales<tensor_d>& got, const scales<tensor_d>& want) {
  BOOST_CHECK_LT(relative_l2(got.fine, want.fine), 1e-13);
  BOOST_CHECK_LT(relative_l2(got.coarse, want.coarse), 1e-13);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(noise_and_clean_image_add_up_to_the_noisy_one, fixture) {
  using from_clean = estimator<field_type, tabulated_schedule, predicts_clean>;
  const auto clean = (*this)(from_clean{field, schedule, estimate::clean});
  const auto noise = (*this)(from_clean{field, schedule, estimate::noise});
  check_same(clean, (*this)(field));
  check_same({add_noise({a_fine}, clean.fine, noise.fine),
              add_noise({a_coarse}, clean.coarse, noise.coarse)},
             {x_fine, x_coarse});
}

BOOST_FIXTURE_TEST_CASE(every_prediction_gives_the_same_estimates, fixture) {
  // The field as a predictor of P: target(ᾱ) makes its output of x̂ and ε̂.
  const auto check = [&]<class Prediction>(Prediction) {
    const auto predict = [&](const tensor_d& f, const tensor_d& c, const timesteps& tf,
                             const timesteps& tc) {
      const auto clean = field(f, c, tf, tc);
      const auto target = [](double a, const tensor_d& x, const tensor_d& x0) {
        return combined({Prediction::target(a)}, x0, combined({predicts_clean::noise(a)}, x, x0));
      };
      return scales{target(a_fine, f, clean.fine), target(a_coarse, c, clean.coarse)};
    };
    using made = estimator<decltype(predict), tabulated_schedule, Prediction>;
    static_assert(denoiser<made, tensor_d> && !differentiable_denoiser<made, tensor_d>);
    check_same((*this)(made{predict, schedule, estimate::clean}), (*this)(field));
  };
  check(predicts_noise{});
  check(predicts_clean{});
  check(predicts_velocity{});
}

BOOST_FIXTURE_TEST_CASE(each_image_can_have_its_own_timestep, fixture) {
  const auto zero = [](const tensor_d& f, const tensor_d& c, const timesteps&, const timesteps&) {
    return scales{zeros<tensor_d>(f.shape()), zeros<tensor_d>(c.shape())};
  };
  const estimator<decltype(zero), tabulated_schedule> clean{zero, schedule, estimate::clean};
  const auto both = clean(x_fine, x_coarse, {2, 5}, {4});
  check_same({both.fine.rows(1, 2), both.coarse.rows(1, 2)},
             clean(x_fine.rows(1, 2), x_coarse.rows(1, 2), {5}, {4}));
}
