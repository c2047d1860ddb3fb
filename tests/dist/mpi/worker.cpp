// SPDX-License-Identifier: MIT
// worker TIMEOUT FAULT RANK: sums on all ranks of an MPI job until that rank has the fault.
// worker TIMEOUT time ELEMENTS: says how many seconds a sum of so many floats takes.
#include <chrono>
#include <csignal>
#include <cstddef>
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
  if (fault == "cut") {
    std::cout << "cut now" << std::endl;
    for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  if (fault == "late") std::this_thread::sleep_for(std::chrono::duration<double>(1.5 * timeout));
}

int say_time(lift::mpi_communicator& job, std::size_t elements) {
  lift::tensor<lift::xtensor_backend, float> x({elements});
  lift::tensor<lift::xtensor_backend, float>* const only = &x;
  const auto sum = [&] { job.sum(std::span(&only, 1)); };
  sum();
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < 5; ++round) sum();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (job.rank() == 0) std::cout << took.count() / 5 << std::endl;
  return 0;
}

}  // namespace

int main(int, char** argv) {
  try {
    const double timeout = std::atof(argv[1]);
    const std::string fault = argv[2];
    lift::mpi_communicator job(timeout);
    if (fault == "time") return say_time(job, std::stoul(argv[3]));
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
