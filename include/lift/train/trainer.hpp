// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/backend/recorded_work.hpp>
#include <lift/backend/upload.hpp>
#include <lift/core/random_permutation.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/dist/alone.hpp>
#include <lift/dist/bucketed_sums.hpp>
#include <lift/train/drop_labels.hpp>
#include <lift/train/image_source.hpp>
#include <lift/train/learning_rate.hpp>
#include <lift/train/objective.hpp>
#include <lift/train/update.hpp>

namespace lift {

/// What a training step tells of itself.
template <std::size_t N = 2>
struct step_report {
  std::uint64_t step;   ///< number of the step, from 1
  std::uint64_t epoch;  ///< number of its epoch, from 0
  scales<double, N> loss;
  double gradient_norm;  ///< before clipping
  double learning_rate;
  double images_per_second;
};

/// Trains a network. The images of an epoch come in an order that depends on seed and epoch alone;
/// those left over when no whole batch remains are dropped.
///
/// A step is work that the backend records, and is waited for once, at its end; before that the next
/// batch is read where images and backend allow it (host_image_source, uploading_backend).
///
/// On several ranks (communicator), each with a trainer that began with the same arguments, a batch
/// is that of all together: a rank reads and evaluates an equal run of its images, and losses and
/// gradients are summed before the update, where the communicator can (overlapping_communicator)
/// while others are still computed. R ranks thus train as one with R times the accumulation,
/// up to the order of sums, and all have the same state. They take their steps together: one that
/// throws before the sum, as it cannot read an image, leaves the others waiting in it. Where a rank
/// accumulates 1, 2, 4, … parts and the communicator sums by pairs, the order is the same too.
template <class Architecture, class Tensor, class Source, class Objective, class Rate,
          class Optimiser = adamw, class Communicator = alone>
class trainer {
  static_assert(is_image_source<Source, Tensor>() && is_learning_rate<Rate>() &&
                is_optimiser<Optimiser, Tensor>() && is_communicator<Communicator, Tensor>());
  static constexpr std::size_t scale_count = Architecture::scale_count;
  static_assert(is_regime<decltype(Objective::regime), scale_count>() &&
                is_pyramid<decltype(Objective::pyramid), Tensor, scale_count>());

 public:
  /// Goes on from its own copy of `state`; `images` must outlive the trainer. Throws lift::error
  /// when there is no whole batch, when the parts of all ranks are not equal, when the state comes
  /// from a data set of another size or another optimiser, and as validate(schedule) does.
  trainer(Architecture architecture, const training_state<Tensor>& state, const Source& images,
          Objective objective, Rate rate, const training_options<Optimiser>& options = {},
          Communicator communicator = {})
      : architecture_(std::move(architecture)), state_(state.clone()), images_(&images),
        objective_(std::move(objective)), rate_(std::move(rate)), options_(options),
        communicator_(std::move(communicator)) {
    const std::size_t count = images.size(), batch = options.batch_size;
    const std::size_t rank = communicator_.rank(), ranks = communicator_.size();
    require(rank < ranks, "rank of a communicator", rank, text("below its size, ", ranks));
    require(batch > 0 && batch <= count, "batch size", batch,
            text("1 to the number of training images, ", count));
    require(options.accumulation > 0 && batch % ranks == 0 &&
                batch / ranks % options.accumulation == 0,
            "parts of a batch (gradient accumulation)", options.accumulation,
            ranks == 1 ? text("a divisor of the batch size ", batch)
                       : text("a number that times ", ranks, " ranks divides the batch size ",
                              batch));
    require(state.images == 0 || state.images == count, "number of training images", count,
            text(state.images, " as when this training began"));
    require_state_of(options.optimiser, state);
    require(state.cursor <= count, "images of an epoch that a training has seen", state.cursor,
            text("at most ", count));
    state_.images = count;
    validate(objective_.schedule);
    require_trainable(objective_.prediction, objective_.schedule, objective_.weighting);
    if (options.shard_states && ranks > 1) shard_states();
    if constexpr (reads_ahead) {
      if (resident()) return;
      const shape image = images.image_shape();
      incoming_ = Tensor({batch / ranks, image[0], image[1], image[2]});
    }
  }

  /// Where the ranks share the optimiser's states, those of other ranks are empty.
  const training_state<Tensor>& state() const { return state_; }
  /// With all of the optimiser's states on rank 0. All ranks together.
  training_state<Tensor> whole_state() {
    training_state<Tensor> whole = state_;
    for (parameters<Tensor>& states : whole.optimiser_state)
      for (std::size_t i = 0; i < own_.size(); ++i) {
        Tensor x = own_[i] ? states.entries()[i].value.clone()
                           : of_no_weight(state_.weights.entries()[i].value);
        sum_over_ranks({&x});
        if (communicator_.rank() == 0) states.entries()[i].value = x;
      }
    return whole;
  }
  std::uint64_t batches_per_epoch() const { return state_.images / options_.batch_size; }

  /// Takes the learning rates of the steps to come from another policy, as when a training is
  /// planned anew to last longer or shorter.
  void change_rate(Rate rate) { rate_ = std::move(rate); }

  /// Takes one step. Throws lift::error, naming the step and what was not finite, when a loss or
  /// gradient is not, and lift::stopped when asked to stop (stoppable) while it evaluates them as
  /// the only rank on a backend that keeps no record of work; the state is then as before.
  step_report<scale_count> step() {
    const auto start = std::chrono::steady_clock::now();
    const auto* const asked = stoppable::flag();
    const stoppable as_a_whole(nullptr);
    const position here = next_position(state_.epoch, state_.cursor);
    const double rate = rate_(state_.step);
    take_labels(here);
    take_images(here);
    const position next = next_position(here.epoch, here.cursor + options_.batch_size);
    if constexpr (expecting_image_source<Source, Tensor>) images_->expect(own_indices(next));
    Backend::copy_in(first_sample_.data(), std::span<const std::uint64_t>(&state_.samples, 1));
    coefficients_.set(rate, state_.step + 1, options_);
    work_.run([&, this] {
      // Other ranks would wait for one that stopped.
      const bool whole = work_.records || communicator_.size() > 1;
      const share found = evaluate_on_all(whole ? nullptr : asked);
      norms_ = change_weights(state_, found, coefficients_, options_, own_,
                              [this](parameters<Tensor>& weights) { exchange(weights); });
    });
    read_ahead(next);
    const auto [loss, norm] = finish_step<scale_count>(state_, *norms_);
    state_.samples += options_.batch_size;
    state_.epoch = here.epoch;
    state_.cursor = here.cursor + options_.batch_size;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return {state_.step, here.epoch, loss, norm, rate,
            static_cast<double>(options_.batch_size) / took.count()};
  }

  /// Takes steps until `last_step` have been taken in all, calling after_step(report) after each.
  template <class Callback>
  void run(std::uint64_t last_step, Callback&& after_step) {
    while (state_.step < last_step) after_step(step());
  }

 private:
  using T = typename Tensor::value_type;
  using Backend = typename Tensor::backend_type;
  using share = loss_gradient<Tensor, scale_count>;
  static constexpr bool reads_ahead =
      uploading_backend<Backend> && host_image_source<Source, Tensor>;

  /// Where a batch begins: `cursor` images into an epoch.
  struct position {
    std::uint64_t epoch, cursor;
    friend bool operator==(const position&, const position&) = default;
  };

  position next_position(std::uint64_t epoch, std::uint64_t cursor) const {
    const bool whole = cursor + options_.batch_size <= state_.images;
    return whole ? position{epoch, cursor} : position{epoch + 1, 0};
  }

  bool resident() const {
    if constexpr (resident_image_source<Source, Tensor>)
      return images_->resident();
    else
      return false;
  }

  /// How many images of a batch are this rank's, and the first of them.
  std::size_t own_count() const { return options_.batch_size / communicator_.size(); }
  std::size_t first_own() const { return communicator_.rank() * own_count(); }

  /// The numbers of this rank's images of a batch.
  std::span<const std::size_t> own_indices(const position& at) {
    if (order_.empty() || order_epoch_ != at.epoch) {
      order_ = random_permutation({.seed = state_.seed, .use = purpose::data_order,
                                   .step = static_cast<std::uint32_t>(at.epoch)},
                                  state_.images);
      order_epoch_ = at.epoch;
    }
    return std::span(order_).subspan(at.cursor + first_own(), own_count());
  }

  /// Brings the images of a batch to where the work finds them.
  void take_images(const position& here) {
    const Tensor images = read_position_ == here ? incoming_ : (*images_)(own_indices(here));
    require(images.shape().rank() == 4 && images.shape()[0] == own_count(),
            "batch of training images", images.shape(),
            text("(", own_count(), ", channels, height, width)"));
    if (clean_.empty()) clean_ = Tensor(images.shape());
    require(images.shape() == clean_.shape(), "batch of training images", images.shape(),
            clean_.shape());
    clean_.assign(images);
    if constexpr (reads_ahead) upload_.mark();
  }

  /// Likewise the labels of a batch, where the images have them: those of all or of none.
  void take_labels(const position& here) {
    if constexpr (labelled_image_source<Source, Tensor>) {
      const class_labels labels = images_->labels(own_indices(here));
      const bool first = clean_.empty();
      const std::size_t want = first && labels.empty() ? 0 : first ? own_count() : labels_.size();
      require(labels.size() == want, "labels of a batch of training images", labels.size(), want);
      if (labels.empty()) return;
      std::size_t classes = 0;
      if constexpr (conditional_architecture<Architecture>) classes = architecture_.config.classes;
      const Tensor numbers = nn::labels_on_backend<Tensor>(labels, classes);
      if (first) labels_ = Tensor(numbers.shape());
      labels_.assign(numbers);
    }
  }

  /// Reads a batch that may be the next. A failure is left to the step that needs the batch: the one
  /// under way has changed the weights and is not counted yet.
  void read_ahead(const position& next) {
    if constexpr (reads_ahead) {
      if (resident()) return;
      read_position_.reset();
      try {
        images_->read(own_indices(next), upload_.template stage<T>(incoming_.size()));
        upload_.send(incoming_.mutable_data());
        read_position_ = next;
      } catch (...) {
      }
    }
  }

  /// This rank's share in the mean losses of a batch and their gradients, unless `asked` to stop.
  /// Parts are summed by pairs, ((0 + 1) + (2 + 3)) + …, so that ranks with some of them each, a
  /// power of two, come to the same bits. on_gradient(gradient) is called for each gradient of the
  /// sum, as soon as it is known, unless it is null.
  template <class OnGradient>
  share evaluate(const std::atomic<bool>* asked, const OnGradient& on_gradient) const {
    const stoppable evaluation(asked);
    std::vector<share> sums;  // of runs of parts, each shorter than the one before
    for (std::size_t part = 0; part + 1 < options_.accumulation; ++part) {
      sums.push_back(evaluate_part(part, {}));
      for (std::size_t done = part + 1; done % 2 == 0; done /= 2) {  // two of the same length
        const share last = std::move(sums.back());
        sums.pop_back();
        for (std::size_t scale = 0; scale < scale_count; ++scale)
          op::accumulate(sums.back().loss[scale], last.loss[scale]);
        for (std::size_t i = 0; i < last.gradients.size(); ++i)
          op::accumulate(sums.back().gradients[i], last.gradients[i]);
      }
    }
    const auto add_to = [&](Tensor& last, const auto& of_sum) {
      for (auto sum = sums.rbegin(); sum != sums.rend(); ++sum) last = sum_of(of_sum(*sum), last);
    };
    const auto add_gradients = [&](std::size_t i, Tensor& last) {
      add_to(last, [&](const share& sum) -> const Tensor& { return sum.gradients[i]; });
    };
    share total;
    if constexpr (std::is_null_pointer_v<OnGradient>) {
      total = evaluate_part(options_.accumulation - 1, {});
      for (std::size_t i = 0; i < total.gradients.size(); ++i)
        if (!total.gradients[i].empty()) add_gradients(i, total.gradients[i]);
    } else {
      total = evaluate_part(options_.accumulation - 1, [&](std::size_t i, Tensor& gradient) {
        add_gradients(i, gradient);
        on_gradient(gradient);
      });
    }
    for (std::size_t s = 0; s < scale_count; ++s)
      add_to(total.loss[s], [&](const share& sum) -> const Tensor& { return sum.loss[s]; });
    return total;
  }

  share evaluate_part(std::size_t number,
                      const std::function<void(std::size_t, Tensor&)>& on_gradient) const {
    const std::size_t parts = options_.accumulation, part = own_count() / parts;
    const std::size_t first = number * part;
    const double weight = 1 / static_cast<double>(parts * communicator_.size());
    scales<double, scale_count> weights = loss_weights_of<scale_count>(objective_.regime);
    for (double& of_scale : weights) of_scale *= weight;
    const auto part_of = [&](const Tensor& all) {
      return parts == 1 ? all : all.rows(first, first + part);
    };
    const sample_number first_sample{first_own() + first, first_sample_.data()};
    const auto batch =
        objective_.template batch<scale_count>(part_of(clean_), state_.seed, first_sample);
    condition<Tensor> given;
    if (!labels_.empty())
      given = drop_labels(part_of(labels_), objective_.label_dropout, state_.seed, first_sample);
    auto result = loss_and_gradients(architecture_, state_.weights, batch, weights, given,
                                     on_gradient);
    for (Tensor& loss : result.loss) loss = scaled(loss, weight);
    return result;
  }

  /// Gives each parameter to the rank that has fewest elements, and drops the optimiser's states of
  /// those that are other ranks'.
  void shard_states() {
    std::vector<std::size_t> load(communicator_.size());
    for (const auto& weight : state_.weights.entries()) {
      const auto least = std::ranges::min_element(load);
      own_.push_back(least - load.begin() == static_cast<std::ptrdiff_t>(communicator_.rank()));
      *least += weight.value.size();
    }
    for (parameters<Tensor>& states : state_.optimiser_state)
      for (std::size_t i = 0; i < own_.size(); ++i)
        if (!own_[i]) states.entries()[i].value = {};
  }

  /// What changes no number that is added to it, not even zeros.
  static Tensor of_no_weight(const Tensor& like) { return full<Tensor>(like.shape(), -0.0); }

  void sum_over_ranks(const std::vector<Tensor*>& tensors) {
    communicator_.sum(std::span<Tensor* const>(tensors));
  }

  /// Brings the weights that other ranks have updated.
  void exchange(parameters<Tensor>& weights) {
    if (own_.empty()) return;
    std::vector<Tensor*> all;
    for (std::size_t i = 0; i < own_.size(); ++i) {
      Tensor& weight = weights.entries()[i].value;
      if (!own_[i]) weight.assign(of_no_weight(weight));
      all.push_back(&weight);
    }
    sum_over_ranks(all);
  }

  /// The mean losses of a batch and their gradients, over all ranks.
  share evaluate_on_all(const std::atomic<bool>* asked) {
    if (communicator_.size() == 1) return evaluate(asked, nullptr);
    std::set<const T*> seen;
    const auto make_own = [&](Tensor& gradient) {
      // Parameters that are added up have one gradient between them.
      if (!seen.insert(gradient.data()).second) gradient = gradient.clone();
    };
    if constexpr (overlapping_communicator<Communicator, Tensor>) {
      bucketed_sums<Tensor, Communicator> sums(communicator_);
      const share total = evaluate(asked, [&](Tensor& gradient) {
        make_own(gradient);
        sums.add(gradient);
      });
      for (const Tensor& loss : total.loss) sums.add(loss);
      sums.finish();
      return total;
    } else {
      share total = evaluate(asked, make_own);
      std::vector<Tensor*> all;
      for (Tensor& loss : total.loss) all.push_back(&loss);
      for (Tensor& gradient : total.gradients)
        if (!gradient.empty()) all.push_back(&gradient);
      sum_over_ranks(all);
      return total;
    }
  }

  Architecture architecture_;
  training_state<Tensor> state_;
  const Source* images_;
  Objective objective_;
  Rate rate_;
  training_options<Optimiser> options_;
  Communicator communicator_;
  std::vector<bool> own_;  // which parameters this rank updates, where the ranks share them
  std::vector<std::size_t> order_;
  std::uint64_t order_epoch_ = 0;
  Tensor clean_, labels_;  // this rank's images of the step, and their labels
  typename Backend::template buffer<std::uint64_t> first_sample_{1};
  step_coefficients<Tensor> coefficients_;
  std::optional<gradient_norms<Tensor>> norms_;
  recorded_work<Backend> work_;  // after what it works on
  Tensor incoming_;              // those of the step at read_position_
  std::optional<position> read_position_;
  typename detail::upload_of<Backend>::type upload_;
};

}  // namespace lift
