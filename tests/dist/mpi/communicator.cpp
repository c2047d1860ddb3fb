// SPDX-License-Identifier: MIT
// Run by mpirun with some number of ranks, each of which runs all of it.
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <lift/dist/mpi/mpi_communicator.hpp>

#include <tensors.hpp>
#include <train/toy.hpp>

BOOST_AUTO_TEST_SUITE(communicator_tests)

using namespace lift;
using namespace lift::test;

namespace {

static_assert(overlapping_communicator<mpi_communicator, tensor_f>);
static_assert(overlapping_communicator<mpi_communicator, tensor_d>);

/// MPI is begun and left once in a process.
mpi_communicator& job() {
  static mpi_communicator joined(60);
  return joined;
}

/// What rank r brings: numbers whose sum depends on the order.
template <class T>
T brought(std::size_t r, std::size_t i) {
  return static_cast<T>(std::sin(1.0 + 3.7 * static_cast<double>(r) + static_cast<double>(i)) *
                        std::pow(10.0, static_cast<double>((r * 5 + i) % 9) - 4));
}

/// The sum of ranks first … last − 1 by pairs.
template <class T>
T pairwise(std::size_t first, std::size_t last, std::size_t i) {
  if (last - first == 1) return brought<T>(first, i);
  std::size_t half = 1;
  while (2 * half < last - first) half *= 2;
  return pairwise<T>(first, first + half, i) + pairwise<T>(first + half, last, i);
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(sums_are_the_same_bits_on_every_rank, Tensor,
                              decltype(std::tuple(tensor_f(), tensor_d()))) {
  using T = typename Tensor::value_type;
  // One is longer than what is sent at a time, others share a message.
  const std::vector<std::size_t> sizes{1, 5, std::size_t{1} << 20, 3, (std::size_t{1} << 20) + 7,
                                       2};
  std::vector<Tensor> tensors;
  std::vector<Tensor*> all;
  for (const std::size_t size : sizes) {
    std::vector<T> values(size);
    for (std::size_t i = 0; i < size; ++i) values[i] = brought<T>(job().rank(), i);
    tensors.push_back(Tensor({size}, values));
  }
  for (Tensor& x : tensors) all.push_back(&x);
  job().sum(std::span<Tensor* const>(all));
  std::size_t wrong = 0;
  for (const Tensor& x : tensors) {
    const auto values = x.to_host();
    for (std::size_t i = 0; i < values.size(); ++i)
      wrong += values[i] != pairwise<T>(0, job().size(), i);
  }
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(bytes_go_round) {
  const auto bytes_of = [](std::size_t r) { return std::string(1000 * r, static_cast<char>(r)); };
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
    const std::string wanted(size, '\x80');
    std::string bytes = job().rank() == 0 ? wanted : "something else";
    job().broadcast(bytes);
    BOOST_TEST((bytes == wanted));
  }
  const auto all = job().gather(bytes_of(job().rank()));
  BOOST_TEST(all.size() == (job().rank() == 0 ? job().size() : 0));
  for (std::size_t r = 0; r < all.size(); ++r) BOOST_TEST((all[r] == bytes_of(r)));
  job().barrier();
}

BOOST_AUTO_TEST_CASE(work_goes_to_who_is_free) {
  const auto bytes_of = [](std::size_t i) { return std::string(1 + i * 7919 % 300'000, char(i)); };
  for (const std::size_t count : {0u, 1u, 2u, 50u}) {
    std::vector<int> taken(count);
    std::vector<std::size_t> own;
    job().hand_out(
        count,
        [&](std::size_t i) {
          own.push_back(i);
          // The first that is asked is slow: others do more meanwhile.
          std::this_thread::sleep_for(
              std::chrono::milliseconds(own.size() == 1 && i == 0 ? 50 : 1));
          return bytes_of(i);
        },
        [&](std::size_t i, const std::string& bytes) {
          ++taken[i];
          BOOST_TEST((bytes == bytes_of(i)));
        });
    if (job().rank() == 0)
      BOOST_TEST(taken == std::vector<int>(count, 1), boost::test_tools::per_element());
    std::size_t all = 0;
    for (const std::string& each : job().gather(std::to_string(own.size())))
      all += std::stoul(each);
    if (job().rank() == 0) BOOST_TEST(all == count);
  }
}

BOOST_AUTO_TEST_CASE(ranks_train_as_one_with_so_many_parts) {
  const auto train = [](std::size_t parts, auto joined, bool sharded = false) {
    const auto images = noise_source<tensor_f>(24, 4);
    const toy_network architecture;
    const network<toy_network, tensor_f> net(architecture, 1);
    const training_state<tensor_f> start(net.weights, 1);
    const objective of_noise{cosine_schedule(), independent_regime{}};
    trainer training(architecture, start, images, of_noise, constant_rate{0.01},
                     {.batch_size = 12, .accumulation = parts, .shard_states = sharded}, joined);
    training.run(6, [](const auto&) {});
    std::size_t kept = 0, all = 0;
    for (const auto& states : training.state().optimiser_state)
      for (const auto& [name, value] : states.entries()) kept += value.empty() ? 0 : value.size();
    for (const auto& states : start.optimiser_state) all += states.scalar_count();
    BOOST_TEST(kept <= (sharded ? 2 * all / joined.size() : all));
    return training.whole_state();
  };
  const auto one = train(12, alone{});
  if (12 % job().size() != 0) return;
  const std::size_t own = 12 / job().size();
  // By pairs, in aligned runs of parts.
  if ((own & (own - 1)) == 0) BOOST_TEST(same_state(train(own, job()), one));
  const auto fewer = train(1, job());
  auto sharded = train(1, job(), true);
  if (job().rank() == 0) BOOST_TEST(same_state(sharded, fewer));
  sharded.optimiser_state.clear();
  auto weights = fewer;
  weights.optimiser_state.clear();
  BOOST_TEST(same_state(sharded, weights));
  BOOST_TEST(same_state(fewer, train(job().size(), alone{})));
}

BOOST_AUTO_TEST_CASE(a_rank_may_be_late) {
  std::this_thread::sleep_for(std::chrono::milliseconds(20 * job().rank()));
  job().barrier();
  std::string bytes = "late";
  job().broadcast(bytes);
  BOOST_TEST(bytes == "late");
}

BOOST_AUTO_TEST_SUITE_END()
