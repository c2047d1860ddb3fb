// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <functional>

#include <lift/analysis/hutchinson.hpp>
#include <lift/core/thread_pool.hpp>
#include <lift/model/estimator.hpp>
#include <lift/schedule/cosine.hpp>

#include "exact_jacobian.hpp"
#include "hashed.hpp"
#include "tensors.hpp"

BOOST_AUTO_TEST_SUITE(golden_jacobian_tests)

using namespace lift;
using namespace lift::test;

namespace {

struct golden {
  golden_file file{"jacobian_small.safetensors"};
  network<lift_unet, tensor_d> net = hashed_network<tensor_d>(lift_unet{{{32, 128}}}, "lift.small.");
  scales<tensor_d> x{tensor("x_fine"), tensor("x_coarse")};
  scales<tensor_d> u{tensor("u_fine"), tensor("u_coarse")};

  tensor_d tensor(const std::string& name) const { return golden_tensor<tensor_d>(file, name); }
  double number(const std::string& name) const { return file.values(name)[0]; }
  scales<timesteps> t(const std::string& i) const {
    const auto pair = file.values("t" + i);
    return {timesteps{pair[0]}, timesteps{pair[1]}};
  }
};

const std::string pairs[] = {".0", ".1", ".2"};

// A whole Jacobian has 960 columns, so a sanitizer build looks at one.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
const std::size_t whole_jacobians = 1;
#else
const std::size_t whole_jacobians = 3;
#endif

void check_close(double got, double want, double relative) {
  BOOST_CHECK_LT(std::abs(got - want), relative * std::abs(want));
}

void check_within(const sample_mean& got, double want, double standard_errors) {
  BOOST_CHECK_GT(got.standard_error, 0);
  BOOST_CHECK_LT(got.standard_error, 0.1 * want);
  BOOST_CHECK_LT(std::abs(got.mean - want), standard_errors * got.standard_error);
}

void check_blocks(const jacobian_blocks<tensor_d>& got, const jacobian_blocks<tensor_d>& want,
                  double relative) {
  for (std::size_t output = 0; output < 2; ++output)
    for (std::size_t input = 0; input < 2; ++input)
      BOOST_CHECK_LT(relative_l2(got[output][input], want[output][input]), relative);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(squared_norms_of_the_blocks, golden) {
  for (std::size_t pair = 0; pair < whole_jacobians; ++pair) {
    const std::string& i = pairs[pair];
    const auto norms = exact_squared_norms(net, x, t(i));
    check_close(norms[0][0], number("frob2.fine_wrt_fine" + i), 1e-9);
    check_close(norms[0][1], number("frob2.fine_wrt_coarse" + i), 1e-9);
    check_close(norms[1][0], number("frob2.coarse_wrt_fine" + i), 1e-9);
    check_close(norms[1][1], number("frob2.coarse_wrt_coarse" + i), 1e-9);
  }
}

// The stored products were rounded to float32, so nothing closer than 1e-7 can be asked.
BOOST_FIXTURE_TEST_CASE(products, golden) {
  for (const std::string& i : pairs)
    check_blocks(jacobian_products(net, x, t(i), u),
                 {{{tensor("jvp_fine_from_fine" + i), tensor("jvp_fine_from_coarse" + i)},
                   {tensor("jvp_coarse_from_fine" + i), tensor("jvp_coarse_from_coarse" + i)}}},
                 1e-7);
}

BOOST_FIXTURE_TEST_CASE(estimates_are_within_four_standard_errors, golden) {
  for (const std::string& i : pairs) {
    const auto measured = hutchinson(net, x, t(i), {.probes = 64});
    check_within(measured[0][0], number("vhv_fine" + i), 4);
    check_within(measured[1][1], number("vhv_coarse" + i), 4);
    const double pixels = 16 * 16 * 8 * 8;  // of output and input
    check_within(measured[0][1], number("frob2.fine_wrt_coarse" + i) / pixels, 4);
    check_within(measured[1][0], number("frob2.coarse_wrt_fine" + i) / pixels, 4);
  }
}

// x̂ = (x − √(1−ᾱ)·y)/√ᾱ, so its own-scale products are (u − √(1−ᾱ)·J u)/√ᾱ.
BOOST_FIXTURE_TEST_CASE(products_of_the_denoised_image, golden) {
  const cosine_schedule schedule;
  const estimator denoised{model{net, predicts_noise{}, schedule}, schedule, estimate::clean};
  for (const std::string& i : pairs) {
    const auto of_noise = jacobian_products(net, x, t(i), u);
    const auto in_closed_form = [&](const timesteps& at, const tensor_d& ju, const tensor_d* own) {
      const double a = schedule.alpha_bar(static_cast<std::size_t>(at[0]));
      const tensor_d scaled_ju = scaled(ju, -std::sqrt((1 - a) / a));
      return own ? axpby(1 / std::sqrt(a), *own, 1.0, scaled_ju) : scaled_ju;
    };
    const timesteps t_fine = t(i).fine(), t_coarse = t(i).coarse();
    check_blocks(jacobian_products(denoised, x, t(i), u),
                 {{{in_closed_form(t_fine, of_noise[0][0], &u.fine()),
                    in_closed_form(t_fine, of_noise[0][1], nullptr)},
                   {in_closed_form(t_coarse, of_noise[1][0], nullptr),
                    in_closed_form(t_coarse, of_noise[1][1], &u.coarse())}}},
                 1e-12);
  }
}

BOOST_FIXTURE_TEST_CASE(a_black_box_is_differentiated_by_central_differences, golden) {
  using black_box =
      std::function<scales<tensor_d>(const scales<tensor_d>&, const scales<timesteps>&)>;
  static_assert(denoiser<black_box, tensor_d> && !differentiable_denoiser<black_box, tensor_d>);
  static_assert(differentiable_denoiser<central_differences<black_box>, tensor_d>);
  static_assert(differentiable_denoiser<network<lift_unet, tensor_d>, tensor_d>);
  const black_box opaque = net;
  const auto exact = jacobian_products(net, x, t(".1"), u);
  check_blocks(jacobian_products(opaque, x, t(".1"), u), exact, 1e-8);
  check_blocks(jacobian_products(central_differences<black_box>{opaque, 1e-3}, x, t(".1"), u),
               exact, 1e-4);
  const auto sampled = hutchinson(net, x, t(".1")), differenced = hutchinson(opaque, x, t(".1"));
  check_close(differenced[0][0].mean, sampled[0][0].mean, 1e-8);
  check_close(differenced[1][0].mean, sampled[1][0].mean, 1e-8);
}

BOOST_FIXTURE_TEST_CASE(stacked_probes_equal_single_ones, golden) {
  const std::size_t count = 5;
  const random_stream fine{.use = purpose::probe}, coarse{.use = purpose::probe, .scale = 1};
  const scales<tensor_d> all{stacked_probes<tensor_d>(x.fine().shape(), count, fine, 0),
                             stacked_probes<tensor_d>(x.coarse().shape(), count, coarse, 0)};
  const auto stack = jacobian_products(net, x, t(".2"), all);
  for (std::size_t k = 0; k < count; ++k) {
    const auto part = [k](const tensor_d& whole) { return whole.rows(k, k + 1); };
    check_blocks({{{part(stack[0][0]), part(stack[0][1])},
                   {part(stack[1][0]), part(stack[1][1])}}},
                 jacobian_products(net, x, t(".2"), scales{part(all.fine()), part(all.coarse())}),
                 1e-12);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(batch_size_and_threads_do_not_matter, Tensor, float_tensors) {
  const network<lift_unet, Tensor> net(lift_unet{{{8, 16}}}, 3);
  const std::size_t images = 32;
  const scales<Tensor> x{normal_noise<Tensor>({images, 3, 8, 8}, {.seed = 1}, 0),
                         normal_noise<Tensor>({images, 3, 4, 4}, {.seed = 2}, 0)};
  timesteps t_fine, t_coarse;
  for (std::size_t i = 0; i < images; ++i) {
    t_fine.push_back(30.0 * static_cast<double>(i));
    t_coarse.push_back(900 - 20.0 * static_cast<double>(i));
  }
  const auto samples = [&](std::size_t batch_size) {
    return hutchinson_samples(net, x, scales<timesteps>{t_fine, t_coarse},
                              {.probes = 3, .batch_size = batch_size});
  };
  const auto whole = samples(images);
  for (const std::size_t batch_size : {1u, 7u}) {
    const auto part = samples(batch_size);
    for (std::size_t output = 0; output < 2; ++output)
      for (std::size_t input = 0; input < 2; ++input)
        BOOST_CHECK_LT(relative_l2(part[output][input].values(), whole[output][input].values()),
                       fast_or_plain<Tensor>(1e-4, 1e-5));
  }
  const std::size_t before = default_thread_pool().size();
  for (const std::size_t threads : {1u, 2u}) {
    default_thread_pool().resize(threads);
    const auto again = samples(images);
    BOOST_CHECK(again[0][0] == whole[0][0]);
    BOOST_CHECK(again[1][1] == whole[1][1]);
  }
  default_thread_pool().resize(before);
}

BOOST_AUTO_TEST_SUITE_END()
