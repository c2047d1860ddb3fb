// SPDX-License-Identifier: MIT

#include "processor.hpp"

namespace lift::cli {

// A macro that the compiler does not define stays its own name.
#define LIFT_AS_TEXT(macro) #macro
#define LIFT_IS_DEFINED(macro, ...) LIFT_AS_TEXT(macro)[0] != '_',
constexpr bool compiled_for_extension[] = {LIFT_X86_EXTENSIONS(LIFT_IS_DEFINED)};

}  // namespace lift::cli
