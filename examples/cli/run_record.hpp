// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>

#include <png.h>
#include <xsimd/xsimd.hpp>

#include <lift/core/thread_pool.hpp>
#include <lift/io/file.hpp>

#include "engine.hpp"
#include "ranks.hpp"
#include "report.hpp"

extern "C" char* openblas_get_config() __attribute__((weak));

namespace lift::cli {

/// What a run was made with, for env.json.
inline json environment(const engine& backend) {
  return {{"lift", LIFT_VERSION},
          {"compiler", __VERSION__},
          {"backend", backend.name},
          {"compiled_for", backend.compiled_for},
          {"instructions", backend.instructions ? json(backend.instructions) : json()},
          {"threads", default_thread_pool().size()},
          {"ranks", sharing_ranks() ? sharing_ranks()->size() : 1},
          {"cores", std::thread::hardware_concurrency()},
          {"openblas", openblas_get_config ? openblas_get_config() : "another BLAS"},
          {"xsimd", text(XSIMD_VERSION_MAJOR, ".", XSIMD_VERSION_MINOR, ".", XSIMD_VERSION_PATCH)},
          {"libpng", PNG_LIBPNG_VER_STRING}};
}

/// The sum of the losses of all scales.
inline double total_loss(const any_step_report& r) {
  return std::accumulate(r.loss.begin(), r.loss.end(), 0.0);
}

/// stats.jsonl: a line for every step. A line is the same however often the run was resumed.
class stats_file {
 public:
  /// Keeps the whole lines of an earlier run up to `step`: a process may be killed as it writes one.
  stats_file(const path& file, std::uint64_t step) : file_(file) {
    std::string kept;
    std::ifstream before(file);
    for (std::string line; std::getline(before, line);) {
      const json entry = json::parse(line, nullptr, false);
      const json number = entry.is_object() ? entry.value("step", json()) : json();
      if (number.is_number_unsigned() && number.get<std::uint64_t>() <= step) kept += line + "\n";
    }
    atomic_write(file, kept, durability::cached);
    out_.open(file, std::ios::app);
  }

  void add(const any_step_report& r) {
    json line = {{"step", r.step}, {"epoch", r.epoch}, {"loss", total_loss(r)}};
    for (std::size_t scale = 0; scale < r.loss.size(); ++scale)
      line["loss_" + scale_name(scale, r.loss.size())] = r.loss[scale];
    line.update({{"gradient_norm", r.gradient_norm}, {"learning_rate", r.learning_rate}});
    errno = 0;
    out_ << json_text(line) << std::endl;
    if (!out_) throw_errno("write", file_);
  }

 private:
  path file_;
  std::ofstream out_;
};

}  // namespace lift::cli
