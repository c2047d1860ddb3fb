# SPDX-License-Identifier: MIT
# lift_native(<target> [native|x86-64-v2|x86-64-v3|x86-64-v4|OFF]): compiles a target for this machine's processor (also
# ON), for every x86-64 processor of a level, or for what the compiler takes by default. LIFT's kernels are headers: they
# are as fast as the target that includes them is allowed to be.
function(lift_native target)
  lift_processor("${ARGN}" processor)
  lift_processors(known)
  if(processor STREQUAL "OFF")
    set(option "")
  elseif("x86-64-v3" IN_LIST known)
    set(option -march=${processor})
  else()
    set(option -mcpu=${processor})
  endif()
  get_target_property(type ${target} TYPE)
  set(scope PRIVATE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    set(scope INTERFACE)
  endif()
  if(option)
    target_compile_options(${target} ${scope} $<$<COMPILE_LANGUAGE:C,CXX>:${option}>
                                              $<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-Xcompiler=${option}>)
  endif()
  set_property(GLOBAL PROPERTY LIFT_PROCESSOR_CHOSEN TRUE)
endfunction()

# Sets `known` to what lift_native takes where this builds for, the plainest level first.
function(lift_processors known)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set(${known} x86-64-v2 x86-64-v3 x86-64-v4 native OFF PARENT_SCOPE)
  else()
    set(${known} OFF native PARENT_SCOPE)
  endif()
endfunction()

# Sets `processor` to the one of lift_processors() that a word means; nothing means native.
function(lift_processor word processor)
  lift_processors(known)
  string(TOUPPER "${word}" upper)
  if(upper MATCHES "^(|1|ON|YES|TRUE)$")
    set(word native)
  elseif(upper MATCHES "^(0|OFF|NO|FALSE)$")
    set(word OFF)
  elseif(NOT word IN_LIST known)
    list(JOIN known ", " known)
    message(FATAL_ERROR "a processor to compile for: got \"${word}\", want one of ${known}")
  endif()
  set(${processor} ${word} PARENT_SCOPE)
endfunction()

# Says once, when a project that has LIFT's kernels is configured, that it called lift_native for none of its targets.
function(lift_remind_of_native)
  get_property(reminds GLOBAL PROPERTY LIFT_REMINDS_OF_NATIVE)
  if(NOT reminds)
    set_property(GLOBAL PROPERTY LIFT_REMINDS_OF_NATIVE TRUE)
    set_property(GLOBAL PROPERTY LIFT_PROCESSOR_CHOSEN FALSE)
    cmake_language(DEFER DIRECTORY ${CMAKE_SOURCE_DIR} CALL lift_remind_unless_chosen)
  endif()
endfunction()
function(lift_remind_unless_chosen)
  get_property(chosen GLOBAL PROPERTY LIFT_PROCESSOR_CHOSEN)
  get_directory_property(options COMPILE_OPTIONS)
  string(TOUPPER "CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}" flags)
  if(NOT chosen AND NOT LIFT_NO_NATIVE_NOTICE
     AND NOT "${CMAKE_CXX_FLAGS} ${${flags}} ${options}" MATCHES "-m(arch|cpu|avx)")
    message(NOTICE "LIFT: without lift_native(<target>) its kernels are compiled for the compiler's default processor, "
                   "on x86-64 several times slower than they can be (LIFT_NO_NATIVE_NOTICE=ON: no such notice)")
  endif()
endfunction()
