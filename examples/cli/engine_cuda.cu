// SPDX-License-Identifier: MIT

#include <concepts>
#include <cstdlib>
#include <string_view>

#include <lift/backend/cuda/cuda_bf16_backend.hpp>
#include <lift/dist/nccl/nccl_communicator.hpp>

#include "engine_on.hpp"

template <class Backend>
  requires std::same_as<typename Backend::upload, lift::cuda_upload>
struct lift::cli::summed_by<lift::tensor<Backend, float>> {
  using communicator = nccl_communicator<ranks_of_training>;
  static communicator of(const ranks_of_training& ranks) {
    return {ranks, ranks.devices ? *ranks.devices : device_sums_library()};
  }
};

namespace {

/// The ranks of one machine take a device each, in turn, of those that the process may see; where it
/// sees none the first use says so.
void choose_device() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    cudaGetLastError();
    return;
  }
  for (const char* const name : {"OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "MPI_LOCALRANKID"})
    if (const char* const rank = std::getenv(name)) {
      lift::detail::check_cuda(cudaSetDevice(std::atoi(rank) % devices), "cudaSetDevice");
      return;
    }
}

}  // namespace

const lift::cli::engine* lift_cuda_engine(const char* name) {
  using namespace lift;
  static const bool chosen = (choose_device(), true);
  (void)chosen;
  static constexpr cli::engine all[] = {cli::engine_on<cuda_backend>, cli::engine_on<cuda_tf32_backend>,
                                        cli::engine_on<cuda_bf16_backend>};
  for (const cli::engine& each : all)
    if (each.name == std::string_view(name)) return &each;
  return nullptr;
}
