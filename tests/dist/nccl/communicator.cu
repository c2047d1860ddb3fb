// SPDX-License-Identifier: MIT
// The ranks are processes that tests/dist/nccl/ranks.sh starts, each with a device, or one process alone.
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <lift/backend/cuda/cuda_backend.hpp>
#include <lift/dist/nccl/nccl_communicator.hpp>
#include <lift/dist/nccl/nccl_sums.hpp>
#include <lift/io/file.hpp>
#include <lift/op/primitive.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/train/trainer.hpp>

#include <backends.hpp>
#include <train/toy.hpp>

BOOST_AUTO_TEST_SUITE(nccl_tests)

using namespace lift;
using namespace lift::test;

using tensor_c = tensor<cuda_backend, float>;

inline std::string from_environment(const char* name, const char* otherwise) {
  const char* const found = std::getenv(name);
  return found ? found : otherwise;
}

/// Processes that find each other in a folder.
class folder_communicator {
 public:
  std::size_t rank() const { return rank_; }
  std::size_t size() const { return size_; }
  template <class Tensor>
  void sum(std::span<Tensor* const>) {
    BOOST_FAIL("a sum that is not NCCL's");
  }
  void broadcast(std::string& bytes) {
    if (rank_ == 0) write(bytes);
    bytes = read(0);
    ++round_;
  }
  std::vector<std::string> gather(std::string_view own) {
    write(own);
    std::vector<std::string> all;
    for (std::size_t r = 0; rank_ == 0 && r < size_; ++r) all.push_back(read(r));
    ++round_;
    return all;
  }
  void barrier() {
    std::string nothing;
    gather("");
    broadcast(nothing);
  }
  [[noreturn]] void abort(const std::string& message) { throw error(message); }

 private:
  std::filesystem::path file(std::size_t rank) const {
    return folder_ / (std::to_string(round_) + "_" + std::to_string(rank));
  }
  void write(std::string_view bytes) const { atomic_write(file(rank_), bytes, durability::cached); }
  std::string read(std::size_t rank) const {
    while (!std::filesystem::exists(file(rank))) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto bytes = read_file(file(rank));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::filesystem::path folder_ = from_environment("LIFT_TEST_FOLDER", "");
  std::size_t rank_ = std::stoul(from_environment("LIFT_TEST_RANK", "0"));
  std::size_t size_ = std::stoul(from_environment("LIFT_TEST_RANKS", "1"));
  std::size_t round_ = 0;
};

namespace {

using joined_ranks = nccl_communicator<folder_communicator>;
static_assert(communicator<joined_ranks, tensor_c>);
static_assert(device_summing_communicator<joined_ranks, tensor_c>);
static_assert(overlapping_communicator<joined_ranks, tensor_c>);

/// NCCL's sums of this process, which all tests share.
joined_ranks& joined() {
  static joined_ranks ranks{folder_communicator(), nccl_library()};
  return ranks;
}

tensor_c numbers(std::size_t count, std::size_t rank) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 100 + 1000 * (rank + 1));
  return tensor_c({count}, values);
}

std::vector<float> sum_of_numbers(std::size_t count, std::size_t ranks) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(ranks * (i % 100) + 500 * ranks * (ranks + 1));
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(sums_are_those_of_all_ranks) {
  joined_ranks& ranks = joined();
  for (const std::size_t count : {1u, 1000u, 300'000u}) {
    tensor_c x = numbers(count, ranks.rank()), y = numbers(count + 1, ranks.rank());
    tensor_c* const both[] = {&x, &y};
    ranks.sum(std::span<tensor_c* const>(both));
    BOOST_TEST((x.to_host() == sum_of_numbers(count, ranks.size())));
    BOOST_TEST((y.to_host() == sum_of_numbers(count + 1, ranks.size())));
  }
}

BOOST_AUTO_TEST_CASE(sums_that_are_begun_come_after_work_before_and_before_work_after) {
  joined_ranks& ranks = joined();
  for (int round = 0; round < 20; ++round) {
    bucketed_sums<tensor_c, joined_ranks> sums(ranks);
    tensor_c x = numbers(300'000, ranks.rank()), y = x.clone();
    op::accumulate(x, y);
    sums.add(x);                       // a bucket, at once
    op::accumulate(y, numbers(300'000, ranks.rank()));  // beside it
    sums.add(y);
    sums.finish();
    op::accumulate(x, y);
    std::vector<float> want = sum_of_numbers(300'000, ranks.size());
    for (float& each : want) each *= 4;
    BOOST_REQUIRE((x.to_host() == want));
  }
}

BOOST_AUTO_TEST_CASE(recorded_sums_are_done_each_time) {
  joined_ranks& ranks = joined();
  tensor_c x = numbers(300'000, ranks.rank());
  std::vector<float> want = x.to_host();
  recorded_work<cuda_backend> work;
  for (int round = 0; round < 5; ++round) {
    work.run([&] {
      bucketed_sums<tensor_c, joined_ranks> sums(ranks);
      sums.add(x);
      sums.finish();
    });
    if (round == 0) want = sum_of_numbers(300'000, ranks.size());
    else
      for (float& each : want) each *= static_cast<float>(ranks.size());
    BOOST_REQUIRE((x.to_host() == want));
  }
}

BOOST_AUTO_TEST_CASE(a_rank_without_others_sums_by_nccl_too) {
  const device_sums_library nccl = nccl_library();
  tensor_c x = numbers(1000, 4);
  const std::unique_ptr<device_sums> only = nccl.join(nccl.new_id(), 0, 1);
  const std::vector<float> want = x.to_host();
  const device_sums::numbers all[] = {{x.mutable_data(), x.size(), true}};
  const auto stream = [] { return lift::detail::cuda_device::get().stream(); };
  recorded_work<cuda_backend> work;
  for (int round = 0; round < 4; ++round) {
    work.run([&] {
      only->begin(all, stream());
      only->finish(stream());
    });
    BOOST_TEST((x.to_host() == want));
  }
}

BOOST_AUTO_TEST_CASE(a_training_of_ranks_is_that_of_one) {
  joined_ranks& ranks = joined();
  const tensor_images<tensor_c> images = noise_source<tensor_c>(24, 4);
  const objective plain{cosine_schedule(), independent_regime{}};
  const auto train = [&](auto& communicator, std::size_t accumulation, bool sharded) {
    const training_state<tensor_c> start(network<toy_network, tensor_c>(toy_network{}, 1).weights, 1);
    trainer training(toy_network{}, start, images, plain, constant_rate{0.01},
                     {.batch_size = 12, .accumulation = accumulation, .shard_states = sharded}, communicator);
    std::vector<double> seen;
    training.run(6, [&](const auto& report) {
      seen.push_back(report.loss[0]);
      seen.push_back(report.gradient_norm);
    });
    const training_state<tensor_c> all = training.whole_state();
    for (const auto& weight : all.weights.entries())
      for (const float x : weight.value.to_host()) seen.push_back(x);
    return seen;
  };
  alone none;
  const std::vector<double> want = train(none, ranks.size(), false);
  for (const bool sharded : {false, true}) {
    const std::vector<double> got = train(ranks, 1, sharded);
    BOOST_REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i) BOOST_TEST(got[i] == want[i], boost::test_tools::tolerance(1e-4));
  }
}

BOOST_AUTO_TEST_CASE(all_else_is_the_other_communicators) {
  joined_ranks& ranks = joined();
  std::string bytes = ranks.rank() == 0 ? "from the first" : "";
  ranks.broadcast(bytes);
  BOOST_TEST(bytes == "from the first");
  const auto all = ranks.gather(std::to_string(ranks.rank()));
  BOOST_TEST(all.size() == (ranks.rank() == 0 ? ranks.size() : 0u));
  ranks.barrier();
}

BOOST_AUTO_TEST_SUITE_END()
