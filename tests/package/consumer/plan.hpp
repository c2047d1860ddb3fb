// SPDX-License-Identifier: MIT
#pragma once

#include <lift/path/diagonal.hpp>
#include <lift/path/dp.hpp>
#include <lift/schedule/cosine.hpp>
#include <lift/schedule/snr.hpp>

/// Eight steps along the diagonal.
lift::timestep_path<> plan_path(const lift::cosine_schedule& schedule);
