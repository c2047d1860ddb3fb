// SPDX-License-Identifier: MIT
#pragma once

// All of LIFT but files and figures, in the order of the data flow.

#include <lift/core/choice.hpp>
#include <lift/core/config.hpp>
#include <lift/core/error.hpp>
#include <lift/core/grid.hpp>
#include <lift/core/preset.hpp>
#include <lift/core/random.hpp>
#include <lift/core/shape.hpp>

#include <lift/backend/backend.hpp>
#include <lift/backend/convolution_geometry.hpp>
#include <lift/backend/noise.hpp>
#include <lift/backend/operand.hpp>
#include <lift/backend/tensor.hpp>
#include <lift/backend/thread_pool.hpp>
#include <lift/backend/xtensor_backend.hpp>
#include <lift/backend/xtensor_convolution.hpp>

#include <lift/op/add.hpp>
#include <lift/op/add_per_channel.hpp>
#include <lift/op/conv2d.hpp>
#include <lift/op/conv_transpose2d.hpp>
#include <lift/op/linear.hpp>
#include <lift/op/linear_map.hpp>
#include <lift/op/pointwise.hpp>
#include <lift/op/primitive.hpp>
#include <lift/op/silu.hpp>

#include <lift/schedule/any_schedule.hpp>
#include <lift/schedule/coordinate.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/schedule/linear.hpp>
#include <lift/schedule/schedule.hpp>
#include <lift/schedule/snr.hpp>
#include <lift/schedule/tabulated_schedule.hpp>
#include <lift/schedule/zero_terminal_snr.hpp>

#include <lift/metric/feature_extractor.hpp>
#include <lift/metric/frechet.hpp>
#include <lift/metric/gaussian.hpp>
#include <lift/metric/image_batch_view.hpp>
#include <lift/metric/scattering_features.hpp>
