// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <vector>

#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>

#include "closed_form.hpp"

BOOST_AUTO_TEST_SUITE(held_images_tests)

using namespace lift;
using namespace lift::test;

namespace {

const cosine_schedule schedule;
const auto denoise = closed_form_denoiser<tensor_d>(schedule);
const shape fine_shape{2, 3, 8, 8}, coarse_shape{2, 3, 4, 4};

using host = std::vector<double>;

/// Runs the closed-form denoiser and keeps what it was shown.
struct recorder {
  struct record {
    host fine, coarse;
    double t_fine, t_coarse;
  };
  std::vector<record>* records;

  scales<tensor_d> operator()(const scales<tensor_d>& x, const scales<timesteps>& t) const {
    records->push_back(
        {x.fine().to_host(), x.coarse().to_host(), t.fine().at(0), t.coarse().at(0)});
    return denoise(x, t);
  }
};

std::vector<recorder::record> seen_along(const timestep_path<>& path,
                                         const held_images<tensor_d>& coarse) {
  std::vector<recorder::record> records;
  std::size_t steps = 0;
  const scales noise{initial_noise<tensor_d>(fine_shape, 0), tensor_d()};
  const auto x = sample(
      recorder{&records}, schedule, path, noise, {},
      [&](const sampling_step<tensor_d>& step) {
        BOOST_TEST(step.index == steps++);
        BOOST_TEST(step.count == path.size());
        BOOST_TEST((step.x.fine().shape() == fine_shape));
        BOOST_TEST((step.x.coarse().to_host() == records.back().coarse));
      },
      scales<held_images<tensor_d>>{nullptr, coarse});
  BOOST_TEST(steps == path.size());
  BOOST_TEST((x.coarse().to_host() == records.back().coarse));
  BOOST_TEST_REQUIRE(records.size() == path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    BOOST_TEST(records[i].t_fine == path[i].fine());
    BOOST_TEST(records[i].t_coarse == path[i].coarse());
    if (i > 0) BOOST_TEST((records[i].fine != records[i - 1].fine));
  }
  return records;
}

const timestep_path<> path = diagonal{}({}, schedule, 4);

}  // namespace

BOOST_AUTO_TEST_CASE(fixed_images_show_one_noise) {
  const auto noise = initial_noise<tensor_d>(coarse_shape, 1);
  for (const auto& record : seen_along(path, fixed_images<tensor_d>{noise}))
    BOOST_TEST((record.coarse == noise.to_host()));
}

BOOST_AUTO_TEST_CASE(fresh_noise_shows_fresh_noise) {
  const auto records = seen_along(path, fresh_noise<tensor_d>{coarse_shape});
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) BOOST_TEST((records[i].coarse != records[j].coarse));
    double power = 0;
    for (const double x : records[i].coarse)
      power += x * x / static_cast<double>(coarse_shape.size());
    BOOST_TEST(power > 0.4);
    BOOST_TEST(power < 1.8);
  }
  // Drawn for each image by its number, whatever the batch.
  const auto second = fresh_noise<tensor_d>{{1, 3, 4, 4}, 1, 42, 1}(2).to_host();
  BOOST_TEST((host(records[2].coarse.end() - 48, records[2].coarse.end()) == second));
}

BOOST_AUTO_TEST_CASE(super_resolution_keeps_the_coarse_image) {
  const auto given = coarsen(full<tensor_d>(fine_shape, 0.5));
  std::vector<recorder::record> records;
  const auto noise = initial_noise<tensor_d>(fine_shape, 0);
  const auto x = super_resolve(recorder{&records}, schedule, {900, 600, 300}, noise, given);
  BOOST_TEST_REQUIRE(records.size() == 3u);
  for (const auto& record : records) {
    BOOST_TEST((record.coarse == given.to_host()));
    BOOST_TEST(record.t_coarse == 0);
  }
  BOOST_TEST(records[1].t_fine == 600);
  BOOST_TEST((records[0].fine == noise.to_host()));
  // The same as the fine half of a run whose coarse image is there already.
  const auto both = sample(denoise, schedule, {{900, 0}, {600, 0}, {300, 0}},
                           scales{noise, given}, sampling_options<>::reference());
  const auto again = super_resolve(denoise, schedule, {900, 600, 300}, noise, given,
                                   sampling_options<>::reference());
  BOOST_TEST((both.coarse().to_host() == given.to_host()));
  BOOST_TEST((both.fine().to_host() == again.to_host()));
  BOOST_TEST((x.to_host() != again.to_host()));  // x landed on clean
}

BOOST_AUTO_TEST_CASE(misuse) {
  const fresh_noise<tensor_d> coarse{coarse_shape};
  const scales<held_images<tensor_d>> held{nullptr, coarse};
  const auto noise = initial_noise<tensor_d>(fine_shape, 0);
  const scales start{noise, tensor_d()};
  BOOST_CHECK_NO_THROW(sample(denoise, schedule, {{900, 999}}, start, {}, ignore_step{}, held));
  for (const timestep_path<>& bad :
       {timestep_path<>{}, {{900, 1000}}, {{1000, 0}}, {{500, 1}, {400, 2}}})
    BOOST_CHECK_THROW(sample(denoise, schedule, bad, start, {}, ignore_step{}, held), error);
  BOOST_CHECK_THROW(super_resolve(denoise, schedule, {}, noise, coarse(0)), error);
  BOOST_CHECK_THROW(super_resolve(denoise, schedule, {300, 301}, noise, coarse(0)), error);
}

BOOST_AUTO_TEST_SUITE_END()
