// SPDX-License-Identifier: MIT
#pragma once

#include <lift/sample/churned_heun.hpp>
#include <lift/sample/ddim.hpp>
#include <lift/sample/dpm_solver.hpp>
#include <lift/sample/dpm_solver_2s.hpp>
#include <lift/sample/heun.hpp>
#include <lift/sample/localisation_euler.hpp>
#include <lift/sample/sde_dpm_solver.hpp>
#include <lift/sample/uni_pc.hpp>

#include "engine.hpp"

namespace lift::cli {

/// f(the solver of that kind); one that is no other is DDIM with this noise.
template <class F>
auto with_solver(solver_kind kind, const ddim& else_this, const F& f) {
  switch (kind) {
    case solver_kind::heun:
      return f(heun{});
    case solver_kind::churned_heun:
      return f(churned_heun{});
    case solver_kind::dpm_2s:
      return f(dpm_solver_2s{});
    case solver_kind::dpm_2m:
      return f(dpm_solver{2});
    case solver_kind::dpm_3m:
      return f(dpm_solver{3});
    case solver_kind::uni_pc_2:
      return f(uni_pc{2});
    case solver_kind::uni_pc_3:
      return f(uni_pc{3, uni_pc_variant::exact});
    case solver_kind::sde_dpm_2m:
      return f(sde_dpm_solver{});
    case solver_kind::localisation:
      return f(localisation_euler{});
    case solver_kind::ddim:
      break;
  }
  return f(else_this);
}

}  // namespace lift::cli
