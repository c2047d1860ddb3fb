// SPDX-License-Identifier: MIT

#include <dlfcn.h>

#include <map>

#include <lift/core/thread_pool.hpp>

#include "engine.hpp"

namespace lift::cli {

// Each defined where it is compiled.
engine xtensor_engine(const char* name);
engine thrust_cpp_engine();
engine thrust_omp_engine();

namespace {

/// One of the library liblift_engine_cuda; throws lift::error where that or one of CUDA's cannot be loaded.
[[maybe_unused]] engine open_cuda(const char* name) {
  void* const library = dlopen("liblift_engine_cuda.so", RTLD_LAZY | RTLD_LOCAL);
  void* const function = library ? dlsym(library, "lift_cuda_engine") : nullptr;
  if (!function) throw error(text("--backend ", name, " cannot be loaded: ", dlerror()));
  return *reinterpret_cast<decltype(&lift_cuda_engine)>(function)(name);
}

struct known_engine {
  const char* name;
  engine (*make)(const char* name);
};

constexpr known_engine known[] = {
    {"xtensor", xtensor_engine},
    {"xtensor-bf16", xtensor_engine},
#ifdef LIFT_HAS_THRUST
    {"thrust-cpp", [](const char*) { return thrust_cpp_engine(); }},
    {"thrust-omp", [](const char*) { return thrust_omp_engine(); }},
#endif
#ifdef LIFT_HAS_CUDA
    {"cuda", open_cuda},
    {"cuda-tf32", open_cuda},
    {"cuda-bf16", open_cuda},
#endif
};

}  // namespace

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const known_engine& each : known) names.emplace_back(each.name);
  return names;
}

const engine& find_engine(const std::string& name) {
  static std::map<std::string, engine> made;
  for (const known_engine& each : known)
    if (name == each.name) {
      auto found = made.find(name);
      if (found == made.end()) found = made.emplace(name, each.make(each.name)).first;
      found->second.use_threads(default_thread_pool().size());
      return found->second;
    }
  throw error(text("unknown backend \"", name, "\""));
}

}  // namespace lift::cli
