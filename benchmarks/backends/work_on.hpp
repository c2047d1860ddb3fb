// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lift/analysis/hutchinson.hpp>
#include <lift/model/model.hpp>
#include <lift/model/network.hpp>
#include <lift/model/recorded_network.hpp>
#include <lift/model/stored_network.hpp>
#include <lift/op/group_norm_silu.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>
#include <lift/train/trainer.hpp>

#include "work.hpp"

namespace lift::bench {

/// The work on a backend, on tensors of float32, with the full-size network (58,475,206 parameters,
/// 64×64 and 32×32): `count` images, or the side of a matrix. Products and layers alone are of
/// numbers and images as the backend keeps a network's.
template <class Backend>
class work_on {
  using Tensor = tensor<Backend, float>;
  using T = network_storage<Tensor>;
  using Kept = tensor<Backend, T>;

 public:
  static work find(const std::string& name) {
    const std::size_t slash = name.find('/');
    const std::string what = name.substr(0, slash);
    const std::size_t count = slash == name.npos ? 0 : std::strtoul(&name[slash + 1], nullptr, 10);
    require(count >= 1 && count <= 65536, "size of the work " + name, count,
            "1 to 65536, as forward/8");
    const auto n = static_cast<double>(count);
    const auto gflop = [&](double amount, prepared f) { return work{amount, "GFLOP/s", f}; };
    const auto gb = [&](double amount, prepared f) { return work{amount, "GB/s", f}; };
    if (what == "matrix_product") return gflop(2e-9 * n * n * n, matrix_product(count));
    if (what == "copy") return gb(8e-3 * n, copy(count));
    if (what == "conv3x3_64") return gflop(2e-9 * n * 4096 * 64 * 576, convolution(count));
    if (what == "attention_128") return gflop(4e-9 * n * 128 * 1024 * 1024, attention(count));
    if (what == "group_norm_silu")
      return gb(2e-9 * sizeof(T) * n * 64 * 4096, group_norm(count));
    if (what == "forward") return gflop(evaluation * n, forward(count));
    if (what == "training_step") return gflop(3 * evaluation * n, training_step(count));
    if (what == "generate_18") return gflop(18 * evaluation * n, generate_18(count));
    if (what == "heatmap_point_4")  // one value and eight tangents
      return gflop(9 * evaluation * n, heatmap_point(count));
    throw error(text("no work ", name,
                     ": there are matrix_product, copy, conv3x3_64, attention_128, "
                     "group_norm_silu, forward, training_step, generate_18, heatmap_point_4"));
  }

 private:
  static constexpr double evaluation = 16.45;  // GFLOP of one image

  using once = std::function<void()>;
  using prepared = std::function<once()>;

  /// Waits for what was asked of the backend.
  static void wait() { zeros<Tensor>({1}).to_host(); }

  static Tensor normal(const shape& s, std::uint64_t sample = 0) {
    return normal_noise<Tensor>(s, {.seed = 1, .use = purpose::probe}, sample);
  }

  static Kept kept(const shape& s, std::uint64_t sample = 0) {
    constexpr auto layout = stores_networks<Tensor> ? memory_layout::channels_last
                                                    : memory_layout::channels_first;
    return normal(s, sample).template stored_as<T>(layout);
  }

  template <class F>
  static once waited(F f) {
    return [f = std::move(f)]() mutable {
      f();
      wait();
    };
  }

  static prepared matrix_product(std::size_t n) {
    return [n] {
      return waited([n, a = kept({n, n}), b = kept({n, n}, 9), c = Kept({n, n})]() mutable {
        Backend::gemm(1, n, n, n, 1.0f, {a.data(), n}, {b.data(), n}, 0.0f,
                      matrices<T>{c.mutable_data(), n});
      });
    };
  }
  static prepared copy(std::size_t n) {
    return [n] {
      const shape millions{n * 1'000'000};
      return waited([from = zeros<Tensor>(millions), to = Tensor(millions)]() mutable {
        Backend::map(from.size(), to.mutable_data(), lift::kernel::identity{}, each(from));
      });
    };
  }
  static prepared convolution(std::size_t n) {
    return [n] {
      return waited([x = kept({n, 64, 64, 64}), a = kept({64, 64, 3, 3}), b = kept({64})] {
        apply(op::conv2d(1, 1), x, a, b);
      });
    };
  }
  static prepared attention(std::size_t n) {
    return [n] { return waited([x = kept({n, 384, 32, 32})] { apply(op::attention(4), x); }); };
  }
  static prepared group_norm(std::size_t n) {
    return [n] {
      return waited([x = kept({n, 64, 64, 64}), gamma = kept({64}), beta = kept({64}, 1)] {
        apply(op::group_norm_silu{}, x, gamma, beta);
      });
    };
  }

  /// Kept from work to work.
  static const network<lift_unet, Tensor>& net() {
    static const network<lift_unet, Tensor> full(lift_unet{}, 1);
    return full;
  }
  /// It as work that is recorded.
  static auto recorded() {
    return std::make_shared<
        recorded_network<evaluated_network<network<lift_unet, Tensor>>, Tensor>>(
        evaluated_network<network<lift_unet, Tensor>>(net()));
  }

  static prepared forward(std::size_t n) {
    return [n] {
      return waited(
          [x = scales{normal({n, 3, 64, 64}), normal({n, 3, 32, 32})}, again = recorded()] {
            (*again)(x, {timesteps{500}, timesteps{300}});
          });
    };
  }
  static prepared training_step(std::size_t n) {
    return [n] {
      const auto images = std::make_shared<tensor_images<Tensor>>(normal({n, 3, 64, 64}));
      using training =
          trainer<lift_unet, Tensor, tensor_images<Tensor>, objective<>, constant_rate>;
      const auto steps = std::make_shared<training>(
          lift_unet{}, training_state<Tensor>(net().weights), *images, objective<>{},
          constant_rate{}, training_options<>{.batch_size = n});
      return [images, steps] { steps->step(); };
    };
  }
  static prepared generate_18(std::size_t n) {
    return [n] {
      return waited([n, again = recorded()] {
        const cosine_schedule schedule;
        const model denoise{std::cref(*again), predicts_noise{}, schedule};
        generate<Tensor>(denoise, schedule, diagonal{}({}, schedule, 18), {n, 3, 64, 64});
      });
    };
  }
  static prepared heatmap_point(std::size_t n) {
    return [n] {
      return waited([n, again = recorded(), x = scales{normal({n, 3, 64, 64}), normal({n, 3, 32, 32})}] {
        hutchinson(*again, x, {timesteps{500}, timesteps{300}}, {.probes = 4, .batch_size = n});
      });
    };
  }
};

template <class Backend>
backend_work work_of(std::size_t (*most_memory)() = nullptr) {
  return {Backend::name, work_on<Backend>::find, most_memory};
}

}  // namespace lift::bench
