// SPDX-License-Identifier: MIT
#pragma once

// Files and figures: what needs image codecs, archives, glyphs and JSON.

#include <lift/io/file.hpp>
#include <lift/io/host_tensor.hpp>
#include <lift/io/quoted.hpp>
#include <lift/io/safetensors.hpp>
#include <lift/io/safetensors_header.hpp>
