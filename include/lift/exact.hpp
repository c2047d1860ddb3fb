// SPDX-License-Identifier: MIT
#pragma once

// What is known in closed form of Gaussian images, for every path and solver: needs Eigen.

#include <lift/exact/exact_distance.hpp>
#include <lift/exact/exact_surfaces.hpp>
#include <lift/exact/gaussian_image.hpp>
#include <lift/exact/judge.hpp>
