// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include <xsimd/xsimd.hpp>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace lift::detail {

/// a·b + c in one instruction where the processor has it. With AVX-512 xsimd leaves it to the compiler
/// to see one in a product and a sum, and clang++ does not.
template <class T, class A>
xsimd::batch<T, A> multiply_add(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b,
                                const xsimd::batch<T, A>& c) {
#ifdef __AVX512F__
  if constexpr (std::is_base_of_v<xsimd::avx512f, A> && std::is_same_v<T, float>)
    return _mm512_fmadd_ps(a, b, c);
  else if constexpr (std::is_base_of_v<xsimd::avx512f, A> && std::is_same_v<T, double>)
    return _mm512_fmadd_pd(a, b, c);
  else
#endif
    return xsimd::fma(a, b, c);
}

}  // namespace lift::detail
