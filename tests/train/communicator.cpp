// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include <lift/core/stoppable.hpp>

#include <backend/recording_backend.hpp>
#include <io/hostile.hpp>
#include <message_of.hpp>
#include <tensors.hpp>
#include <train/toy.hpp>

BOOST_AUTO_TEST_SUITE(communicator_tests)

using namespace lift;
using namespace lift::test;

namespace {

/// Where threads of one program meet, each of which is a rank.
template <class Tensor>
struct meeting_place {
  std::vector<std::span<Tensor* const>> brought;  // by each rank
  std::vector<std::string> bytes;
  std::barrier<> all_here;

  explicit meeting_place(std::size_t ranks)
      : brought(ranks), bytes(ranks), all_here(static_cast<std::ptrdiff_t>(ranks)) {}
};

template <class Tensor>
struct thread_communicator {
  meeting_place<Tensor>* place = nullptr;
  std::size_t own_rank = 0;

  std::size_t rank() const { return own_rank; }
  std::size_t size() const { return place->brought.size(); }

  void sum(std::span<Tensor* const> tensors) {
    place->brought[own_rank] = tensors;
    barrier();
    if (own_rank == 0) {
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        Tensor total = tensors[i]->clone();
        for (std::size_t r = 1; r < size(); ++r) total = sum_of(total, *place->brought[r][i]);
        for (const auto& of_rank : place->brought) of_rank[i]->assign(total);
      }
    }
    barrier();
  }
  void broadcast(std::string& bytes) {
    if (own_rank == 0) place->bytes[0] = bytes;
    barrier();
    bytes = place->bytes[0];
    barrier();
  }
  std::vector<std::string> gather(std::string_view bytes) {
    place->bytes[own_rank] = bytes;
    barrier();
    const auto all = own_rank == 0 ? place->bytes : std::vector<std::string>();
    barrier();
    return all;
  }
  void barrier() { place->all_here.arrive_and_wait(); }
  void abort(const std::string& message) { throw error(message); }
};
static_assert(communicator<thread_communicator<tensor_f>, tensor_f>);
static_assert(communicator<alone, tensor_f>);
static_assert(!communicator<thread_communicator<tensor_f>, tensor_d>);
static_assert(!communicator<ema, tensor_f>);

/// One rank of many, of which only this one has anything to add: what is its own shows.
struct only_heard {
  std::size_t own_rank = 0, ranks = 1;
  std::vector<std::size_t>* sums = nullptr;  // how many tensors were in each
  double times = 1;                          // as if so many ranks said the same

  std::size_t rank() const { return own_rank; }
  std::size_t size() const { return ranks; }
  template <class Tensor>
  void sum(std::span<Tensor* const> tensors) {
    using T = typename Tensor::value_type;
    std::set<const T*> memory;
    for (Tensor* x : tensors) {
      memory.insert(x->data());
      Tensor::backend_type::map(x->size(), x->mutable_data(),
                                kernel::scale<T>{static_cast<T>(times)}, each(*x));
    }
    BOOST_TEST(memory.size() == tensors.size());
    if (sums) sums->push_back(tensors.size());
  }
  void broadcast(std::string&) {}
  std::vector<std::string> gather(std::string_view) { return {}; }
  void barrier() {}
  void abort(const std::string& message) { throw error(message); }
};

const objective plain{cosine_schedule(), independent_regime{}};

template <class Tensor, class Architecture>
training_state<Tensor> fresh(const Architecture& architecture) {
  return training_state<Tensor>(network<Architecture, Tensor>(architecture, 1).weights, 1);
}

template <class Tensor>
struct trained {
  training_state<Tensor> state;
  std::vector<double> losses, norms;
};

/// Six steps of 4 of 10 images: three epochs.
template <class Tensor, class Architecture = toy_network, class Communicator = alone>
trained<Tensor> train(std::size_t parts, Communicator joined = {}, std::size_t batch = 4,
                      const Architecture& architecture = {}) {
  const auto source = noise_source<Tensor>(10, 4);
  trainer training(architecture, fresh<Tensor>(architecture), source, plain, constant_rate{0.01},
                   {.batch_size = batch, .accumulation = parts}, joined);
  trained<Tensor> result;
  training.run(6, [&](const auto& report) {
    for (const double loss : report.loss) result.losses.push_back(loss);
    result.norms.push_back(report.gradient_norm);
  });
  result.state = training.state().clone();
  return result;
}

/// What f(communicator) gives on each of so many ranks, which are threads.
template <class Tensor, class F>
auto on_ranks(std::size_t ranks, const F& f) {
  meeting_place<Tensor> place(ranks);
  std::vector<decltype(f(thread_communicator<Tensor>{}))> results(ranks);
  {
    std::vector<std::jthread> threads;
    for (std::size_t r = 0; r < ranks; ++r)
      threads.emplace_back([&, r] { results[r] = f(thread_communicator<Tensor>{&place, r}); });
  }
  return results;
}

template <class Tensor>
bool same(const trained<Tensor>& a, const trained<Tensor>& b) {
  return same_state(a.state, b.state) && a.losses == b.losses && a.norms == b.norms;
}

/// A convolution whose bias is a sum of two parameters: they have one gradient. A third has none.
struct two_biases {
  static constexpr const char* name = "two-biases";
  static constexpr std::size_t scale_count = 1;
  toy_config config = {};

  template <class Scope, class X, class Timesteps>
  auto operator()(const Scope& p, const scales<X, 1>& x, const scales<Timesteps, 1>&) const {
    const initialiser start{.bound = 1};
    p("unused", shape{5}, start);
    const auto bias = apply(op::add{}, p("first", shape{3}, start), p("second", shape{3}, start));
    return scales{apply(op::conv2d(1, 0), x[0], p("weight", shape{3, 3, 1, 1}, start), bias)};
  }
};

/// Images on the host, and the numbers of those that were read.
struct host_images {
  std::vector<float> values = noise_source<tensor_f>(10, 4).images.to_host();
  std::vector<std::size_t>* numbers;

  std::size_t size() const { return 10; }
  shape image_shape() const { return {3, 4, 4}; }
  void read(std::span<const std::size_t> wanted, std::span<float> to) const {
    const std::size_t width = image_shape().size();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      std::ranges::copy(std::span(values).subspan(wanted[i] * width, width),
                        to.subspan(i * width).begin());
    numbers->insert(numbers->end(), wanted.begin(), wanted.end());
  }
  template <class Tensor>
  Tensor batch(std::span<const std::size_t> wanted) const {
    std::vector<float> of_all(wanted.size() * image_shape().size());
    read(wanted, of_all);
    return Tensor({wanted.size(), 3, 4, 4}, of_all);
  }
};
template <class Tensor>
struct host_images_on : host_images {
  Tensor operator()(std::span<const std::size_t> wanted) const { return batch<Tensor>(wanted); }
};

/// The same numbers, without a record.
struct asking_backend : recording_backend {
  using recorded_work = unrecorded_work;
};
using recorded_tensor = tensor<recording_backend, float>;
using asked_tensor = tensor<asking_backend, float>;
static_assert(host_image_source<host_images_on<recorded_tensor>, recorded_tensor>);

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(two_ranks_train_as_one_with_twice_the_parts, Tensor,
                              decltype(std::tuple(tensor_f(), tensor_d()))) {
  const auto ranks = on_ranks<Tensor>(2, [](auto joined) { return train<Tensor>(1, joined); });
  BOOST_TEST(same(ranks[0], ranks[1]));
  const auto one = train<Tensor>(2);
  BOOST_TEST(same(ranks[0], one));
  BOOST_TEST(one.state.step == 6u);
  BOOST_TEST(one.state.samples == 24u);
  BOOST_TEST(one.state.epoch == 2u);
  BOOST_TEST(one.state.cursor == 8u);
}

// Parts are summed by pairs: a rank's share of them is a share of the sum.
BOOST_AUTO_TEST_CASE(two_ranks_with_two_or_four_parts_each_train_as_one_with_all) {
  for (const std::size_t parts : {2u, 4u}) {
    const auto ranks = on_ranks<tensor_f>(
        2, [&](auto joined) { return train<tensor_f>(parts, joined, 8); });
    const auto one = train<tensor_f>(2 * parts, alone{}, 8);
    for (const auto& each_rank : ranks) BOOST_TEST(same(each_rank, one));
  }
}

BOOST_AUTO_TEST_CASE(ranks_and_parts_change_nothing_but_the_order_of_sums) {
  const auto whole = train<tensor_d>(1, alone{}, 8);
  for (const std::size_t ranks : {2u, 4u, 8u})
    for (std::size_t parts = 1; parts * ranks <= 8; parts *= 2) {
      const auto all = on_ranks<tensor_d>(
          ranks, [&](auto joined) { return train<tensor_d>(parts, joined, 8); });
      for (const auto& each_rank : all) BOOST_TEST(same(each_rank, all[0]));
      BOOST_TEST(relative_l2(all[0].losses, whole.losses) < 1e-12);
      BOOST_TEST(relative_l2(all[0].norms, whole.norms) < 1e-12);
      BOOST_TEST(relative_l2(numbers_of(all[0].state), numbers_of(whole.state)) < 1e-10);
    }
}

BOOST_AUTO_TEST_CASE(a_gradient_that_two_parameters_share_is_summed_once) {
  std::vector<std::size_t> sums;
  train<tensor_f, two_biases>(1, only_heard{.ranks = 2, .sums = &sums});
  BOOST_TEST(sums == std::vector<std::size_t>(6, 4), boost::test_tools::per_element());

  const auto ranks = on_ranks<tensor_f>(
      2, [](auto joined) { return train<tensor_f, two_biases>(1, joined); });
  BOOST_TEST(same(ranks[0], ranks[1]));
  BOOST_TEST(same(ranks[0], train<tensor_f, two_biases>(2)));
}

BOOST_AUTO_TEST_CASE(one_rank_is_alone) {
  for (const std::size_t parts : {1u, 2u}) {
    const auto with_none = train<tensor_f>(parts);
    BOOST_TEST(same(train<tensor_f>(parts, only_heard{}), with_none));
    BOOST_TEST(!same(train<tensor_f>(parts, only_heard{.ranks = 2}), with_none));
    meeting_place<tensor_f> place(1);
    BOOST_TEST(same(train<tensor_f>(parts, thread_communicator<tensor_f>{&place, 0}), with_none));
  }
}

BOOST_AUTO_TEST_CASE(a_rank_reads_its_own_images_alone) {
  const auto reads = [](std::size_t ranks, std::size_t rank, auto tensor_type) {
    using Tensor = decltype(tensor_type);
    std::vector<std::size_t> numbers;
    const host_images_on<Tensor> images{{.numbers = &numbers}};
    trainer training(toy_network{}, fresh<Tensor>(toy_network{}), images, plain, constant_rate{},
                     {.batch_size = 4}, only_heard{.own_rank = rank, .ranks = ranks});
    training.run(5, [](const step_report<>&) {});
    numbers.resize(5 * 4 / ranks);  // without those read ahead
    return numbers;
  };
  const auto whole = reads(1, 0, tensor_f());
  for (const std::size_t ranks : {2u, 4u}) {
    const std::size_t own = 4 / ranks;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      std::vector<std::size_t> want;
      for (std::size_t step = 0; step < 5; ++step)
        for (std::size_t i = 0; i < own; ++i) want.push_back(whole[step * 4 + rank * own + i]);
      BOOST_TEST((reads(ranks, rank, tensor_f()) == want));
      BOOST_TEST((reads(ranks, rank, recorded_tensor()) == want));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_sum_that_is_recorded_is_asked_for_twice_and_done_every_time) {
  const auto run = [](auto tensor_type, std::vector<std::size_t>& sums) {
    using Tensor = decltype(tensor_type);
    std::vector<std::size_t> numbers;
    const host_images_on<Tensor> images{{.numbers = &numbers}};
    trainer training(toy_network{}, fresh<Tensor>(toy_network{}), images, plain,
                     constant_rate{0.01}, {.batch_size = 4},
                     only_heard{.own_rank = 1, .ranks = 2, .sums = &sums, .times = 2});
    training.run(6, [](const step_report<>&) {});
    return numbers_of(training.state());
  };
  std::vector<std::size_t> recorded, asked;
  BOOST_TEST((run(recorded_tensor(), recorded) == run(asked_tensor(), asked)));
  BOOST_TEST(recorded.size() == 2u);
  BOOST_TEST(asked.size() == 6u);
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_on_one_rank_stops_all) {
  const auto messages = on_ranks<tensor_f>(2, [](auto joined) {
    const spoilt_source<tensor_f> source{noise_source<tensor_f>(10, 4), 5};
    trainer training(toy_network{}, fresh<tensor_f>(toy_network{}), source, plain, constant_rate{},
                     {.batch_size = 10}, joined);
    const auto before = training.state().clone();
    const std::string message = message_of([&] { training.step(); });
    return same_state(training.state(), before) ? message : "the state changed";
  });
  for (const auto& message : messages)
    BOOST_TEST(message.starts_with("training step 1: loss of the fine scale: got "), message);
}

BOOST_AUTO_TEST_CASE(no_rank_leaves_the_others_waiting_when_it_is_asked_to_stop) {
  const auto steps = on_ranks<tensor_f>(2, [](auto joined) {
    const auto source = noise_source<tensor_f>(10, 4);
    trainer training(toy_network{}, fresh<tensor_f>(toy_network{}), source, plain, constant_rate{},
                     {.batch_size = 10}, joined);
    const std::atomic<bool> flag = joined.rank() == 1;
    const stoppable here(&flag);
    training.step();
    return training.state().step;
  });
  BOOST_TEST((steps == std::vector<std::uint64_t>{1, 1}));
}

BOOST_AUTO_TEST_CASE(misuse_is_one_clear_line) {
  const auto check = [](std::size_t batch, std::size_t parts, const only_heard& joined,
                        const char* message) {
    check_error([&] { train<tensor_f>(parts, joined, batch); }, message);
  };
  check(5, 1, {.ranks = 2},
        "parts of a batch (gradient accumulation): got 1, want a number that times 2 ranks divides "
        "the batch size 5");
  check(6, 2, {.ranks = 2}, "got 2, want a number that times 2 ranks divides the batch size 6");
  check(6, 0, {.ranks = 2}, "got 0, want a number that times 2 ranks divides the batch size 6");
  // 2⁶³·2 is 0 modulo 2⁶⁴.
  check(4, std::size_t{1} << 63, {.ranks = 2}, "want a number that times 2 ranks divides");
  check(6, 4, {}, "got 4, want a divisor of the batch size 6");
  check(4, 1, {.own_rank = 2, .ranks = 2},
        "rank of a communicator: got 2, want below its size, 2");
  check(4, 1, {.ranks = 0}, "rank of a communicator: got 0, want below its size, 0");
}

BOOST_AUTO_TEST_SUITE_END()
