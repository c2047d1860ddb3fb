// SPDX-License-Identifier: MIT
#pragma once

// Ranks of an MPI job: what needs MPI.

#include <lift/dist/mpi/mpi_communicator.hpp>
#include <lift/dist/mpi/mpi_hand_out.hpp>
#include <lift/dist/mpi/mpi_process.hpp>
#include <lift/dist/mpi/mpi_sum.hpp>
#include <lift/dist/mpi/mpi_watch.hpp>
