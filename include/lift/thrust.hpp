// SPDX-License-Identifier: MIT
#pragma once

// The backends on Thrust's host systems: what needs Thrust and OpenMP.

#include <lift/backend/thrust/thrust_host.hpp>
