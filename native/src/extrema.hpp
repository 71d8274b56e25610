// The smaller and the larger of two vectors, and square roots: one instruction where the machine has it.
#pragma once

#include <cmath>

#include "simd.hpp"

#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace recurra {

// b where the two are equal, and where either is NaN
template <class T>
RECURRA_INLINE Vec<T> smaller(Vec<T> a, Vec<T> b) {
  return select<T>(a < b, a, b);
}

template <class T>
RECURRA_INLINE Vec<T> larger(Vec<T> a, Vec<T> b) {
  return select<T>(a > b, a, b);
}

template <class T>
RECURRA_INLINE Vec<T> root(Vec<T> v) {
  for (int i = 0; i < LANES<T>; i++) v[i] = std::sqrt(v[i]);
  return v;
}

#define RECURRA_EXTREMA(T, MIN, MAX, ROOT)               \
  template <>                                            \
  RECURRA_INLINE Vec<T> smaller<T>(Vec<T> a, Vec<T> b) { \
    return MIN(a, b);                                    \
  }                                                      \
  template <>                                            \
  RECURRA_INLINE Vec<T> larger<T>(Vec<T> a, Vec<T> b) {  \
    return MAX(a, b);                                    \
  }                                                      \
  template <>                                            \
  RECURRA_INLINE Vec<T> root<T>(Vec<T> v) {              \
    return ROOT(v);                                      \
  }
#if RECURRA_VECTOR_BYTES == 64 && defined(__AVX512F__)
// Masked, all lanes on: GCC 12 warns of its own header at the plain ones.
#define RECURRA_MIN_PS(a, b) _mm512_maskz_min_ps(-1, a, b)
#define RECURRA_MAX_PS(a, b) _mm512_maskz_max_ps(-1, a, b)
#define RECURRA_MIN_PD(a, b) _mm512_maskz_min_pd(-1, a, b)
#define RECURRA_MAX_PD(a, b) _mm512_maskz_max_pd(-1, a, b)
#define RECURRA_SQRT_PS(a) _mm512_maskz_sqrt_ps(-1, a)
#define RECURRA_SQRT_PD(a) _mm512_maskz_sqrt_pd(-1, a)
RECURRA_EXTREMA(float, RECURRA_MIN_PS, RECURRA_MAX_PS, RECURRA_SQRT_PS)
RECURRA_EXTREMA(double, RECURRA_MIN_PD, RECURRA_MAX_PD, RECURRA_SQRT_PD)
#elif RECURRA_VECTOR_BYTES == 32 && defined(__AVX__)
RECURRA_EXTREMA(float, _mm256_min_ps, _mm256_max_ps, _mm256_sqrt_ps)
RECURRA_EXTREMA(double, _mm256_min_pd, _mm256_max_pd, _mm256_sqrt_pd)
#elif RECURRA_VECTOR_BYTES == 16 && defined(__SSE2__)
RECURRA_EXTREMA(float, _mm_min_ps, _mm_max_ps, _mm_sqrt_ps)
RECURRA_EXTREMA(double, _mm_min_pd, _mm_max_pd, _mm_sqrt_pd)
#endif
#undef RECURRA_EXTREMA

}  // namespace recurra
