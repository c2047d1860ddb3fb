// SPDX-License-Identifier: MIT
#pragma once

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/model/network.hpp>

using tensor = lift::tensor<lift::xtensor_backend, float>;
using small_network = lift::network<lift::lift_unet, tensor>;

/// The squared norm of the predicted fine noise for a grey image of 16×16.
float predicted_norm(const small_network& network);
