// SPDX-License-Identifier: MIT
// worker TIMEOUT FAULT RANK: sums on all ranks of an MPI job until that rank has the fault.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <thread>

#include <lift/backend/cpu/xtensor_backend.hpp>
#include <lift/dist/mpi/mpi_communicator.hpp>
#include <lift/tensor/tensor.hpp>

namespace {

void have(const std::string& fault, double timeout, lift::mpi_communicator& job) {
  if (fault == "abort") job.abort("the images are gone\x1b[31m", 7);
  if (fault == "throw") throw lift::error("a rank's own trouble");
  if (fault == "exit") std::_Exit(3);
  if (fault == "kill") std::raise(SIGKILL);
  if (fault == "stop") std::raise(SIGSTOP);
  if (fault == "late") std::this_thread::sleep_for(std::chrono::duration<double>(1.5 * timeout));
}

}  // namespace

int main(int, char** argv) {
  try {
    const double timeout = std::atof(argv[1]);
    const std::string fault = argv[2];
    lift::mpi_communicator job(timeout);
    const bool all = std::string(argv[3]) == "all";
    lift::tensor<lift::xtensor_backend, float> x({3});
    lift::tensor<lift::xtensor_backend, float>* const only = &x;
    for (int round = 0; round < 20; ++round) {
      if (round == 10 && (all || job.rank() == std::stoul(argv[3]))) have(fault, timeout, job);
      job.sum(std::span(&only, 1));
    }
    if (job.rank() == 0) std::cout << "done" << std::endl;
  } catch (const std::exception& failure) {
    std::cerr << "worker: " << failure.what() << std::endl;
    return 1;
  }
}
