// Matrices packed for the kernel: panels of UNITS columns, what is past the matrix zero. [depth][UNITS]; of bfloat16
// [depth / 2][UNITS][2], as the processors' products of pairs want them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bfloat.hpp"

namespace recurra {

template <class T>
RECURRA_INLINE int64_t padded(int64_t n) {
  return (n + UNITS<T> - 1) / UNITS<T> * UNITS<T>;
}

// Where panel[k][u] stands.
template <class T, class Q>
RECURRA_INLINE int64_t panel_at(int64_t k, int64_t u) {
  if constexpr (std::is_same_v<Q, Bfloat>)
    return (k / 2 * UNITS<T> + u) * 2 + k % 2;
  else
    return k * UNITS<T> + u;
}

// Numbers of a panel.
template <class T, class Q>
RECURRA_INLINE int64_t panel_size(int64_t depth) {
  return whole_depth<Q>(depth) * UNITS<T> + (std::is_same_v<Q, Byte> ? BYTE_PANEL_HEAD : 0);
}

// panel[k][u] = m[(first + u) * row + k] for the UNITS rows from `first`: columns of the transpose
template <class T, class Q>
void pack_transposed(const T* m, int64_t row, int64_t rows, int64_t first, int64_t depth, Q* panel) {
  constexpr int U = UNITS<T>, SIDE = 8;
  const int64_t here = rows - first < U ? rows - first : U;
  if (here < U || whole_depth<Q>(depth) != depth)
    std::memset(static_cast<void*>(panel), 0, sizeof(Q) * size_t(panel_size<T, Q>(depth)));
  const T* from = m + first * row;
  int64_t u = 0;
  for (; u + SIDE <= here; u += SIDE) {
    const T* r = from + u * row;
    for (int64_t k = 0; k < depth; k++) {
      Q* const to = panel + panel_at<T, Q>(k, u);
      constexpr int apart = std::is_same_v<Q, Bfloat> ? 2 : 1;
#pragma GCC unroll 8
      for (int i = 0; i < SIDE; i++) to[i * apart] = held<Q>(r[i * row + k]);
    }
  }
  for (; u < here; u++)
    for (int64_t k = 0; k < depth; k++) panel[panel_at<T, Q>(k, u)] = held<Q>(from[u * row + k]);
}

// Rows of a panel that are written together.
template <class T, class Q>
inline constexpr int64_t ROWS_AT_ONCE = std::is_same_v<Q, T> ? 1 : 2;

// panel[k][u] = from[u] for u < here, otherwise 0
template <class T>
RECURRA_INLINE void pack_row(const T* from, int64_t here, int64_t k, T* panel) {
  constexpr int U = UNITS<T>, L = LANES<T>;
  T* const to = panel + k * U;
  if (here == U) {
    store(to, load(from));
    store(to + L, load(from + L));
  } else {
    for (int64_t u = 0; u < U; u++) to[u] = u < here ? from[u] : T(0);
  }
}

// The same of rows k and k + 1; nullptr: all 0
RECURRA_INLINE void pack_pair(const float* even, const float* odd, int64_t here, int64_t k, Bfloat* panel) {
  constexpr int64_t U = UNITS<float>, L = LANES<float>;
  float padded[2][U];
  if (here < U || !even || !odd) {
    const float* const rows[] = {even, odd};
    for (int i = 0; i < 2; i++)
      for (int64_t u = 0; u < U; u++) padded[i][u] = rows[i] && u < here ? rows[i][u] : 0.0f;
    even = padded[0];
    odd = padded[1];
  }
  for (int64_t u = 0; u < U; u += L) store_pairs(panel + k * U + 2 * u, to_pairs(load(even + u), load(odd + u)));
}

// Row k of a panel and those that are written with it: panel[k][u] = at(k)[first + u] for k < depth and u < here
template <class T, class Q, class At>
RECURRA_INLINE void pack_rows_at(At at, int64_t here, int64_t first, int64_t k, int64_t depth, Q* panel) {
  if constexpr (std::is_same_v<Q, T>)
    pack_row(at(k) + first, here, k, panel);
  else
    pack_pair(k < depth ? at(k) + first : nullptr, k + 1 < depth ? at(k + 1) + first : nullptr, here, k, panel);
}

// panel[k][u] = at(k)[first + u] for k < depth, of rows of `columns` numbers
template <class T, class Q, class At>
RECURRA_INLINE void pack_rows(At at, int64_t columns, int64_t first, int64_t depth, Q* panel) {
  const int64_t here = std::min<int64_t>(columns - first, UNITS<T>);
  for (int64_t k = 0; k < whole_depth<Q>(depth); k += ROWS_AT_ONCE<T, Q>)
    pack_rows_at<T>(at, here, first, k, depth, panel);
}

// Rows [k0, k1) of all panels of a matrix of `depth` rows at(k), each `columns` numbers: every row is read once, from end
// to end, and fetched some rows ahead, for they may lie far apart. k0 is even; the last part fills up to the whole depth.
template <class T, class Q, class At>
void pack_panels(At at, int64_t columns, int64_t depth, int64_t k0, int64_t k1, Q* panels) {
  constexpr int64_t U = UNITS<T>, BAND = 8, ROWS_AHEAD = 6, LINE = 64 / int64_t(sizeof(T));
  const int64_t size = panel_size<T, Q>(depth), end = k1 == depth ? whole_depth<Q>(depth) : k1;
  for (int64_t first = 0; first < columns; first += BAND * U) {
    const int64_t last = std::min(columns, first + BAND * U);
    for (int64_t k = k0; k < end; k += ROWS_AT_ONCE<T, Q>) {
      for (int64_t i = k + ROWS_AHEAD; i < std::min(k1, k + ROWS_AHEAD + ROWS_AT_ONCE<T, Q>); i++)
        for (int64_t u = first; u < last; u += LINE) __builtin_prefetch(at(i) + u, 0, 2);
      for (int64_t u = first; u < last; u += U)
        pack_rows_at<T>(at, std::min(U, columns - u), u, k, depth, panels + u / U * size);
    }
  }
}

}  // namespace recurra
