// SPDX-License-Identifier: MIT
// The library liblift_mpi.

#include <lift/dist/mpi/mpi_communicator.hpp>

#include "rank_group.hpp"

namespace {

class mpi_ranks final : public lift::cli::rank_group {
 public:
  explicit mpi_ranks(double timeout) : joined_(timeout) {}
  std::size_t rank() const override { return joined_.rank(); }
  std::size_t size() const override { return joined_.size(); }
  void begin_sum(std::vector<float> numbers,
                 std::function<void(std::span<const float>)> summed) override {
    joined_.begin_sum(std::move(numbers), std::move(summed));
  }
  void finish_sums() override { joined_.finish_sums(); }
  void broadcast(std::string& bytes) override { joined_.broadcast(bytes); }
  std::vector<std::string> gather(std::string_view bytes) override { return joined_.gather(bytes); }
  void barrier() override { joined_.barrier(); }
  void hand_out(std::size_t count, const std::function<std::string(std::size_t)>& work,
                const std::function<void(std::size_t, std::string)>& take) override {
    joined_.hand_out(count, work, take);
  }
  [[noreturn]] void abort(const std::string& message, int code) override {
    joined_.abort(message, code);
  }

 private:
  lift::mpi_communicator joined_;
};

}  // namespace

lift::cli::rank_group* lift_mpi_ranks(double timeout) { return new mpi_ranks(timeout); }
