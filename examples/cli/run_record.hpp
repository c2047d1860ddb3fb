// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <fstream>
#include <string>
#include <thread>

#include <png.h>

#include <lift/io/file.hpp>
#include <lift/train/trainer.hpp>

#include "any_network.hpp"
#include "processor.hpp"
#include "report.hpp"

extern "C" char* openblas_get_config() __attribute__((weak));

namespace lift::cli {

/// What a run was made with, for env.json.
inline json environment(const std::string& backend) {
  return {{"lift", LIFT_VERSION},
          {"compiler", __VERSION__},
          {"backend", backend},
          {"compiled_for", compiled_for_processor},
          {"instructions", xsimd::default_arch::name()},
          {"threads", default_thread_pool().size()},
          {"cores", std::thread::hardware_concurrency()},
          {"openblas", openblas_get_config ? openblas_get_config() : "another BLAS"},
          {"xsimd", text(XSIMD_VERSION_MAJOR, ".", XSIMD_VERSION_MINOR, ".", XSIMD_VERSION_PATCH)},
          {"libpng", PNG_LIBPNG_VER_STRING}};
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

  void add(const step_report& r) {
    errno = 0;
    out_ << json_text(json{{"step", r.step},
                           {"epoch", r.epoch},
                           {"loss", r.loss.fine + r.loss.coarse},
                           {"loss_fine", r.loss.fine},
                           {"loss_coarse", r.loss.coarse},
                           {"gradient_norm", r.gradient_norm},
                           {"learning_rate", r.learning_rate}})
         << std::endl;
    if (!out_) throw_errno("write", file_);
  }

 private:
  path file_;
  std::ofstream out_;
};

}  // namespace lift::cli
