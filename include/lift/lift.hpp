// SPDX-License-Identifier: MIT
#pragma once

// All of LIFT but files and figures, in the order of the data flow.

#include <lift/core/available_processors.hpp>
#include <lift/core/ceil_div.hpp>
#include <lift/core/choice.hpp>
#include <lift/core/config.hpp>
#include <lift/core/digits.hpp>
#include <lift/core/error.hpp>
#include <lift/core/grid.hpp>
#include <lift/core/image_size.hpp>
#include <lift/core/preset.hpp>
#include <lift/core/printable.hpp>
#include <lift/core/random.hpp>
#include <lift/core/random_permutation.hpp>
#include <lift/core/scales.hpp>
#include <lift/core/shape.hpp>
#include <lift/core/stoppable.hpp>
#include <lift/core/thread_pool.hpp>

#include <lift/tensor/bfloat16.hpp>
#include <lift/tensor/functors.hpp>
#include <lift/tensor/maps.hpp>
#include <lift/tensor/memory_layout.hpp>
#include <lift/tensor/multi_tensor.hpp>
#include <lift/tensor/noise.hpp>
#include <lift/tensor/operand.hpp>
#include <lift/tensor/reduction.hpp>
#include <lift/tensor/storage.hpp>
#include <lift/tensor/tensor.hpp>

#include <lift/backend/any_storage.hpp>
#include <lift/backend/attention_geometry.hpp>
#include <lift/backend/backend.hpp>
#include <lift/backend/convolution_epilogue.hpp>
#include <lift/backend/convolution_geometry.hpp>
#include <lift/backend/index_divider.hpp>
#include <lift/backend/recorded_work.hpp>
#include <lift/backend/segment_pool.hpp>
#include <lift/backend/team.hpp>
#include <lift/backend/upload.hpp>
#include <lift/backend/cpu/xtensor_backend.hpp>

#include <lift/op/add.hpp>
#include <lift/op/affine_map.hpp>
#include <lift/op/attention.hpp>
#include <lift/op/average_pool2d.hpp>
#include <lift/op/concat.hpp>
#include <lift/op/conv2d.hpp>
#include <lift/op/conv2d_add.hpp>
#include <lift/op/conv_transpose2d.hpp>
#include <lift/op/downsample.hpp>
#include <lift/op/group_norm.hpp>
#include <lift/op/group_norm_silu.hpp>
#include <lift/op/linear.hpp>
#include <lift/op/linear_map.hpp>
#include <lift/op/max_pool2d.hpp>
#include <lift/op/mean_squared_error.hpp>
#include <lift/op/pointwise.hpp>
#include <lift/op/pooling.hpp>
#include <lift/op/primitive.hpp>
#include <lift/op/relu.hpp>
#include <lift/op/scale_rows.hpp>
#include <lift/op/silu.hpp>
#include <lift/op/slice.hpp>
#include <lift/op/upsample.hpp>
#include <lift/op/weighted_sum.hpp>

#include <lift/ad/apply.hpp>
#include <lift/ad/dual.hpp>
#include <lift/ad/tape.hpp>

#include <lift/schedule/any_schedule.hpp>
#include <lift/schedule/coordinate.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/schedule/linear.hpp>
#include <lift/schedule/schedule.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/schedule/tabulated_schedule.hpp>
#include <lift/schedule/zero_terminal_snr.hpp>

#include <lift/pyramid/copies.hpp>
#include <lift/pyramid/pyramid.hpp>

#include <lift/nn/attention_block.hpp>
#include <lift/nn/batch_norm.hpp>
#include <lift/nn/condition.hpp>
#include <lift/nn/label_embedding.hpp>
#include <lift/nn/layers.hpp>
#include <lift/nn/parameters.hpp>
#include <lift/nn/residual_block.hpp>
#include <lift/nn/time_embedding.hpp>
#include <lift/nn/unet.hpp>

#include <lift/model/any_architecture.hpp>
#include <lift/model/baseline_unet.hpp>
#include <lift/model/denoiser.hpp>
#include <lift/model/estimator.hpp>
#include <lift/model/gaussian_field.hpp>
#include <lift/model/guided.hpp>
#include <lift/model/lift_unet.hpp>
#include <lift/model/model.hpp>
#include <lift/model/network.hpp>
#include <lift/model/network_architecture.hpp>
#include <lift/model/power_spectrum.hpp>
#include <lift/model/prediction.hpp>
#include <lift/model/recorded_network.hpp>

#include <lift/analysis/central_differences.hpp>
#include <lift/analysis/compute_error_heatmap.hpp>
#include <lift/analysis/error_heatmap.hpp>
#include <lift/analysis/heatmap_axis.hpp>
#include <lift/analysis/hutchinson.hpp>
#include <lift/analysis/jacobian_products.hpp>
#include <lift/analysis/refine_heatmap.hpp>
#include <lift/analysis/sample_mean.hpp>

#include <lift/path/any_path_policy.hpp>
#include <lift/path/cheapest_path.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/path/discretise.hpp>
#include <lift/path/dp.hpp>
#include <lift/path/given_path.hpp>
#include <lift/path/greedy.hpp>
#include <lift/path/log_snr_spacing.hpp>
#include <lift/path/n_step.hpp>
#include <lift/path/optimise_path.hpp>
#include <lift/path/path.hpp>
#include <lift/path/path_cost.hpp>
#include <lift/path/path_kl.hpp>
#include <lift/path/step_costs.hpp>

#include <lift/sample/any_solver.hpp>
#include <lift/sample/churned_heun.hpp>
#include <lift/sample/ddim.hpp>
#include <lift/sample/dpm_solver.hpp>
#include <lift/sample/dpm_solver_2s.hpp>
#include <lift/sample/generate.hpp>
#include <lift/sample/held_images.hpp>
#include <lift/sample/heun.hpp>
#include <lift/sample/localisation_euler.hpp>
#include <lift/sample/multistep.hpp>
#include <lift/sample/sample.hpp>
#include <lift/sample/sampling_options.hpp>
#include <lift/sample/sde_dpm_solver.hpp>
#include <lift/sample/solver.hpp>
#include <lift/sample/stepper.hpp>
#include <lift/sample/uni_pc.hpp>

#include <lift/dist/alone.hpp>
#include <lift/dist/communicator.hpp>

#include <lift/train/adamw.hpp>
#include <lift/train/any_optimiser.hpp>
#include <lift/train/any_regime.hpp>
#include <lift/train/diagonal_regime.hpp>
#include <lift/train/draw_timesteps.hpp>
#include <lift/train/drop_labels.hpp>
#include <lift/train/ema.hpp>
#include <lift/train/fine_loss_only_regime.hpp>
#include <lift/train/gradient_clipping.hpp>
#include <lift/train/image_source.hpp>
#include <lift/train/independent_regime.hpp>
#include <lift/train/largest_first_regime.hpp>
#include <lift/train/learning_rate.hpp>
#include <lift/train/loss_and_gradients.hpp>
#include <lift/train/loss_weighting.hpp>
#include <lift/train/mixed_regime.hpp>
#include <lift/train/noise_images.hpp>
#include <lift/train/objective.hpp>
#include <lift/train/optimiser.hpp>
#include <lift/train/path_regime.hpp>
#include <lift/train/regime.hpp>
#include <lift/train/sgd.hpp>
#include <lift/train/trainer.hpp>
#include <lift/train/training_options.hpp>
#include <lift/train/training_state.hpp>
#include <lift/train/update.hpp>

#include <lift/metric/denoising_error.hpp>
#include <lift/metric/feature_extractor.hpp>
#include <lift/metric/frechet.hpp>
#include <lift/metric/gaussian.hpp>
#include <lift/metric/image_batch_view.hpp>
#include <lift/metric/scattering_features.hpp>
