// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>

#include <own_schedule.hpp>

#include "closed_form.hpp"

BOOST_AUTO_TEST_SUITE(generate_tests)

using namespace lift;
using namespace lift::test;

namespace {

constexpr std::size_t count = 40, size = 16;
const cosine_schedule schedule;

/// All images made in batches, and all the noise they started from.
template <class Tensor>
struct made {
  std::vector<typename Tensor::value_type> noise, coarse_noise, fine, coarse;

  made(std::size_t batch_size, std::size_t threads) {
    default_thread_pool().resize(threads);
    const auto append = [](auto& all, const Tensor& part) {
      const auto host = part.to_host();
      all.insert(all.end(), host.begin(), host.end());
    };
    const auto path = diagonal{}({}, schedule, 5);
    in_batches(3, count, batch_size, [&](std::uint64_t first, std::size_t n) {
      const sampling_options<> options{.solver = {.eta = 0.7}, .seed = 5, .first_sample = first};
      const shape s{n, 3, size, size};
      append(noise, initial_noise<Tensor>(s, 0, options));
      append(coarse_noise, fresh_noise<Tensor>{coarsen(s), 1, options.seed, first}(2));
      const auto images =
          generate<Tensor>(closed_form_denoiser<Tensor>(schedule), schedule, path, s, options);
      append(fine, images.fine());
      append(coarse, images.coarse());
    });
    default_thread_pool().resize(0);
  }
};

}  // namespace

/// Images by number: the noise is the same bytes; what is computed from it may differ by rounding,
/// since the elements of another batch fall on other SIMD lanes.
BOOST_AUTO_TEST_CASE(batch_sizes_agree) {
  const made<tensor_f> whole(32, 1);
  BOOST_TEST(whole.fine.size() == count * 3 * size * size);
  BOOST_TEST(whole.coarse.size() == count * 3 * size * size / 4);
  for (const std::size_t batch_size : {1u, 7u}) {
    const made<tensor_f> parts(batch_size, 1);
    BOOST_TEST((parts.noise == whole.noise));
    BOOST_TEST((parts.coarse_noise == whole.coarse_noise));
    BOOST_TEST(relative_l2(parts.fine, whole.fine) < 1e-6);
    BOOST_TEST(relative_l2(parts.coarse, whole.coarse) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(threads_give_equal_bytes) {
  const made<tensor_f> one(32, 1), two(32, 2);
  BOOST_TEST((one.noise == two.noise));
  BOOST_TEST((one.fine == two.fine));
  BOOST_TEST((one.coarse == two.coarse));
}

BOOST_AUTO_TEST_CASE(numbers_and_scales_have_their_own_noise) {
  const shape s{2, 3, 8, 8};
  const auto fine = initial_noise<tensor_d>(s, 0), coarse = initial_noise<tensor_d>(s, 1);
  BOOST_TEST((fine.to_host() != coarse.to_host()));
  BOOST_TEST((fine.rows(0, 1).to_host() != fine.rows(1, 2).to_host()));
  const sampling_options<> other{.seed = 43}, second{.first_sample = 1};
  BOOST_TEST((initial_noise<tensor_d>(s, 0, other).to_host() != fine.to_host()));
  BOOST_TEST((initial_noise<tensor_d>({1, 3, 8, 8}, 0, second).to_host() ==
              fine.rows(1, 2).to_host()));
}

/// The start is unit noise whatever the path, and the run is that of the sampling functions.
BOOST_AUTO_TEST_CASE(generate_starts_from_initial_noise) {
  const auto denoise = closed_form_denoiser<tensor_d>(schedule);
  const shape s{2, 3, 8, 8};
  const sampling_options<> options{.solver = {.eta = 1}, .seed = 9, .first_sample = 4};
  const scales noise{initial_noise<tensor_d>(s, 0, options),
                     initial_noise<tensor_d>(coarsen(s), 1, options)};
  for (const timestep_path<>& path :
       {timestep_path<>{{999, 999}, {500, 300}}, {{600, 400}, {9, 9}}}) {
    std::size_t steps = 0;
    const auto got = generate<tensor_d>(denoise, schedule, path, s, options,
                                        [&](const sampling_step<tensor_d>&) { ++steps; });
    const auto want = sample(denoise, schedule, path, noise, options);
    BOOST_TEST(steps == 2u);
    BOOST_TEST((got.fine().to_host() == want.fine().to_host()));
    BOOST_TEST((got.coarse().to_host() == want.coarse().to_host()));
  }
}

/// The baseline: one image, one timestep.
BOOST_AUTO_TEST_CASE(single_scale) {
  std::vector<double> seen;
  const auto noise_of = [&](const scales<tensor_d, 1>& x, const scales<timesteps, 1>& t) {
    seen.push_back(t.fine().at(0));
    return scales{scaled(x.fine(), gaussian_noise_share(alpha_bar_at(schedule, t.fine()[0])))};
  };
  const auto path = diagonal::reference().operator()<1>({}, schedule, 10);
  std::vector<tensor_d> steps;
  const auto x = generate<tensor_d>(
      model{noise_of, predicts_noise{}, schedule}, schedule, path, {1, 3, 8, 8},
      sampling_options<>::reference(),
      [&](const sampling_step<tensor_d, 1>& step) { steps.push_back(step.x.fine()); });
  BOOST_TEST(seen == (std::vector<double>{900, 800, 700, 600, 500, 400, 300, 200, 100, 0}),
             boost::test_tools::per_element());
  BOOST_TEST_REQUIRE(steps.size() == 10u);
  // The last evaluation, at t = 0, does nothing.
  BOOST_TEST((x.fine().to_host() == steps[8].to_host()));
}

/// A generic denoiser whose numbers are doubles, on tensors of floats.
BOOST_AUTO_TEST_CASE(a_generic_denoiser) {
  const auto generic = [](const auto& x, const auto&) {
    return scales{scaled(x.fine(), 0.3), scaled(x.coarse(), 1)};
  };
  const auto plain = [](const scales<tensor_f>& x, const scales<timesteps>&) {
    return scales{scaled(x.fine(), 0.3F), x.coarse()};
  };
  const timestep_path<> path{{600, 400}, {9, 9}};
  const auto got = generate<tensor_f>(generic, schedule, path, {2, 3, 8, 8});
  const auto want = generate<tensor_f>(plain, schedule, path, {2, 3, 8, 8});
  BOOST_TEST((got.fine().to_host() == want.fine().to_host()));
  BOOST_TEST((got.coarse().to_host() == want.coarse().to_host()));
}

/// A schedule of one's own is read whole where a run begins, however many steps it takes.
BOOST_AUTO_TEST_CASE(a_schedule_of_ones_own) {
  const auto denoise = closed_form_denoiser<tensor_d>(schedule);
  const auto one_scale = [](const scales<tensor_d, 1>& x, const scales<timesteps, 1>&) {
    return scales{scaled(x.fine(), 0.5)};
  };
  const scales noise{initial_noise<tensor_d>({1, 3, 4, 4}, 0),
                     initial_noise<tensor_d>({1, 3, 2, 2}, 1)};
  const auto runs = [&](const own_schedule& on, std::size_t steps) {
    const timestep_path<> both(steps, {0, 0});
    const timestep_path<1> one(steps, {0});
    const std::vector<double> fine(steps, 0);
    const scales<held_images<tensor_d>> held{nullptr, fixed_images<tensor_d>{noise.coarse()}};
    return std::vector<std::function<void()>>{
        [=] { generate<tensor_d>(denoise, on, both, {1, 3, 4, 4}); },
        [=] { sample(denoise, on, both, noise); },
        [=] { sample(denoise, on, both, noise, {}, ignore_step{}, held); },
        [=] { super_resolve(denoise, on, fine, noise.fine(), noise.coarse()); },
        [=] { generate<tensor_d>(one_scale, on, one, {1, 3, 4, 4}); },
        [=] { sample(one_scale, on, one, scales{noise.fine()}); },
    };
  };
  own_schedule own = own_copy(schedule);
  for (std::size_t i = 0; i < runs(own, 1).size(); ++i) {
    BOOST_TEST(wrong_refusals([&](const own_schedule& bad) { runs(bad, 1)[i](); }) == "");
    const auto asked = [&](std::size_t steps) {
      std::vector<std::size_t> asked_for(own.num_timesteps());
      own.asked = &asked_for;
      runs(own, steps)[i]();
      asked_for.erase(asked_for.begin());  // that of the steps
      return asked_for;
    };
    const auto once = asked(1);
    BOOST_TEST(*std::ranges::min_element(once) >= 1U);
    BOOST_TEST(asked(5) == once, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(batches) {
  std::vector<std::pair<std::uint64_t, std::size_t>> got;
  const auto note = [&](std::uint64_t first, std::size_t n) { got.emplace_back(first, n); };
  in_batches(10, 7, 3, note);
  const decltype(got) want{{10, 3}, {13, 3}, {16, 1}};
  BOOST_TEST((got == want));
  got.clear();
  in_batches(0, 0, 3, note);
  BOOST_TEST(got.empty());
  in_batches(0, 2, std::numeric_limits<std::size_t>::max(), note);
  BOOST_TEST((got == decltype(got){{0, 2}}));
  BOOST_CHECK_THROW(in_batches(0, 7, 0, note), error);
}

BOOST_AUTO_TEST_SUITE_END()
