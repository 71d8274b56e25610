// Matrices packed for the kernel: panels of UNITS columns, [depth][UNITS] each, what is past the matrix zero.
#pragma once

#include <cstdint>

#include "simd.hpp"

namespace recurra {

template <class T>
RECURRA_INLINE int64_t padded(int64_t n) {
  return (n + UNITS<T> - 1) / UNITS<T> * UNITS<T>;
}

// To the nearest bfloat16, ties to even; infinities and NaN stay what they are.
RECURRA_INLINE float to_bfloat16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  if (value != value) return value;
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}

RECURRA_INLINE double to_bfloat16(double value) { return value; }

template <class T>
void round_to_bfloat16(T* values, int64_t n) {
  for (int64_t i = 0; i < n; i++) values[i] = to_bfloat16(values[i]);
}

// panel[k][u] = m[(first + u) * row + k] for the UNITS rows from `first`: columns of the transpose
template <class T>
void pack_transposed(const T* m, int64_t row, int64_t rows, int64_t first, int64_t depth, T* panel) {
  constexpr int U = UNITS<T>, SIDE = 8;
  const int64_t here = rows - first < U ? rows - first : U;
  if (here < U) __builtin_memset(panel, 0, sizeof(T) * size_t(depth * U));
  const T* from = m + first * row;
  int64_t u = 0;
  for (; u + SIDE <= here; u += SIDE) {
    const T* r = from + u * row;
    T* to = panel + u;
    for (int64_t k = 0; k < depth; k++) {
#pragma GCC unroll 8
      for (int i = 0; i < SIDE; i++) to[k * U + i] = r[i * row + k];
    }
  }
  for (; u < here; u++)
    for (int64_t k = 0; k < depth; k++) panel[k * U + u] = from[u * row + k];
}

// panel[k][u] = m[k * row + first + u] for k < depth
template <class T>
void pack_straight(const T* m, int64_t row, int64_t columns, int64_t first, int64_t depth, T* panel) {
  constexpr int U = UNITS<T>, L = LANES<T>;
  const int64_t here = columns - first < U ? columns - first : U;
  for (int64_t k = 0; k < depth; k++) {
    const T* from = m + k * row + first;
    T* to = panel + k * U;
    if (here == U) {
      store(to, load(from));
      store(to + L, load(from + L));
    } else {
      for (int64_t u = 0; u < U; u++) to[u] = u < here ? from[u] : T(0);
    }
  }
}

}  // namespace recurra
