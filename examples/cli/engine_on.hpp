// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include <lift/model/repeated_denoiser.hpp>

#include "engine.hpp"

namespace lift::cli {

template <class Tensor>
class evaluator_base : public evaluator {
 protected:
  static Tensor in(const host_array& x) { return Tensor(x.shape, x.values); }
  static dual_of<Tensor> in(const host_dual& x) { return {in(x.primal), in(x.tangent)}; }
  static host_array out(const Tensor& x) { return {x.shape(), x.to_host()}; }
  static host_dual out(const dual_of<Tensor>& x) { return {out(x.primal), out(x.tangent)}; }
};

template <class Architecture, class Tensor>
class evaluator_on final : public evaluator_base<Tensor> {
 public:
  explicit evaluator_on(const network<Architecture, Tensor>& net) : net_(net) {}

  scales<host_array> operator()(const scales<host_array>& x,
                                const scales<timesteps>& t) const override {
    return both(x, t);
  }
  scales<host_dual> operator()(const scales<host_dual>& x,
                               const scales<timesteps>& t) const override {
    return both(x, t);
  }
  host_array operator()(const host_array& x, const timesteps& t) const override {
    if constexpr (one_scale)
      return this->out(net_(this->in(x), t));
    else
      throw error("the network has two scales, this needs the baseline's one");
  }

 private:
  static constexpr bool one_scale = single_scale_architecture<Architecture>;

  template <class Value>
  scales<Value> both(const scales<Value>& x, const scales<timesteps>& t) const {
    if constexpr (one_scale) {
      throw error("the baseline has one scale, this needs a network of two");
    } else {
      const auto y = net_(this->in(x.fine), this->in(x.coarse), t.fine, t.coarse);
      return {this->out(y.fine), this->out(y.coarse)};
    }
  }

  repeated_denoiser<network<Architecture, Tensor>, Tensor> net_;
};

/// The training images as a trainer reads them.
template <class Tensor>
struct images_on {
  const training_setup* setup;

  std::size_t size() const { return setup->images; }
  const shape& image_shape() const { return setup->image_shape; }
  void read(std::span<const std::size_t> numbers, std::span<float> to) const {
    setup->read(numbers, to);
  }
  Tensor operator()(std::span<const std::size_t> numbers) const {
    const shape& s = image_shape();
    const shape dims{numbers.size(), s[0], s[1], s[2]};
    std::vector<float> values(dims.size());
    read(numbers, values);
    return Tensor(dims, values);
  }
};

template <class Architecture, class Prediction, class Tensor>
class training_on final : public training {
 public:
  training_on(const training_setup& setup, const Architecture& architecture,
              const training_state<Tensor>& start)
      : setup_(setup), architecture_(architecture),
        trainer_(architecture, start, images_,
                 objective_type{setup.schedule, setup.regime, Prediction{}}, setup.rate,
                 setup.options) {}

  step_report step() override { return trainer_.step(); }
  std::uint64_t steps_taken() const override { return trainer_.state().step; }
  bool at_end_of_epoch() const override {
    return trainer_.state().cursor + setup_.options.batch_size > trainer_.state().images;
  }
  std::uint64_t batches_per_epoch() const override { return trainer_.batches_per_epoch(); }
  std::size_t parameters() const override { return trainer_.state().weights.scalar_count(); }
  void save(const std::filesystem::path& file,
            const std::map<std::string, std::string>& settings) const override {
    save_checkpoint(file, architecture_, trainer_.state(), settings);
  }
  std::shared_ptr<const evaluator> average() const override {
    return std::make_shared<evaluator_on<Architecture, Tensor>>(
        network<Architecture, Tensor>(architecture_, trainer_.state().average));
  }

 private:
  using objective_type = objective<any_schedule, any_regime, Prediction>;

  training_setup setup_;
  images_on<Tensor> images_{&setup_};
  Architecture architecture_;
  trainer<Architecture, Tensor, images_on<Tensor>, objective_type, cosine_annealing> trainer_;
};

template <class Tensor>
std::shared_ptr<const evaluator> load_on(const checkpoint& stored,
                                         const any_architecture& architecture, weight_kind kind) {
  return std::visit(
      [&]<class Architecture>(const Architecture& a) -> std::shared_ptr<const evaluator> {
        return std::make_shared<evaluator_on<Architecture, Tensor>>(
            network<Architecture, Tensor>(a, stored.weights<Tensor>(a, kind)));
      },
      architecture);
}

template <class Tensor>
std::unique_ptr<training> train_on(const training_setup& setup, std::optional<checkpoint> start) {
  return std::visit(
      [&]<class Architecture, class Prediction>(const Architecture& a,
                                                Prediction) -> std::unique_ptr<training> {
        const auto begun = [&](const parameters<Tensor>& weights) {
          return training_state(weights, setup.seed);
        };
        const auto state = !start ? begun(network<Architecture, Tensor>(a, setup.seed).weights)
                           : setup.from ? begun(start->weights<Tensor>(a, *setup.from))
                                        : start->state<Tensor>(a);
        start.reset();  // training needs the memory
        return std::make_unique<training_on<Architecture, Prediction, Tensor>>(setup, a, state);
      },
      setup.architecture, setup.prediction);
}

/// The engine of a backend, in float32.
template <class Backend>
constexpr engine engine_on{Backend::name, load_on<tensor<Backend, float>>,
                           train_on<tensor<Backend, float>>};

}  // namespace lift::cli
