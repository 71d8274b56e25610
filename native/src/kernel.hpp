// The one matrix kernel: a block of rows times a packed panel of UNITS columns, sums held in registers.
#pragma once

#include <cstdint>

#include "simd.hpp"

namespace recurra {

// Rows that a block may have: with two vectors of sums a row, two of the panel and one of A, 16 registers hold 6 rows,
// 32 hold 12.
inline constexpr int BLOCK_ROWS = RECURRA_VECTOR_BYTES == 64 ? 12 : 6;

// How much of the inner dimension one pass takes: a panel of this depth fits L1 beside the rows.
inline constexpr int64_t PASS_DEPTH = 256;

enum class Start { zero, rows, sums };

// C[i][0..UNITS) = start + sum over k < depth of A[i][k] * panel[k][0..UNITS)
//   A[i][k] = a[i * row + k] (packed = false) or a[k * ROWS + i] (packed = true)
//   start: zero, rows: start[i] is a pointer + column, sums: what is in C
template <class T, int ROWS, bool PACKED>
__attribute__((noinline)) void block(const T* __restrict a, int64_t row, const T* __restrict panel, int64_t depth,
                                     Start start, const T* const* rows, int64_t column, T* c, int64_t c_row) {
  constexpr int L = LANES<T>, U = UNITS<T>;
  // A few rows alone would wait for each multiply-add of their own: the inner dimension is then summed in strands.
  constexpr int STRANDS = ROWS == 1 ? 4 : ROWS <= 3 ? 2 : 1;
  constexpr int STEPS = ROWS == 1 ? 8 : 4;
  Vec<T> sum[STRANDS][ROWS][2];
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++) {
    if (start == Start::zero) {
      sum[0][i][0] = sum[0][i][1] = Vec<T>{};
    } else {
      const T* from = start == Start::sums ? c + i * c_row : rows[i] + column;
      sum[0][i][0] = load(from);
      sum[0][i][1] = load(from + L);
    }
  }
#pragma GCC unroll 4
  for (int s = 1; s < STRANDS; s++)
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) sum[s][i][0] = sum[s][i][1] = Vec<T>{};

  const T* third = a + 3 * row;
  const T* sixth = a + 6 * row;
  const T* ninth = a + 9 * row;
  auto one = [&](int u) __attribute__((always_inline)) {
    const Vec<T> b0 = load(panel + u * U), b1 = load(panel + u * U + L);
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
      T value;
      if constexpr (PACKED) {
        value = a[u * ROWS + i];
      } else {
        const T* from = i < 3 ? a : i < 6 ? third : i < 9 ? sixth : ninth;
        value = from[(i % 3) * row + u];
      }
      sum[u % STRANDS][i][0] += b0 * value;
      sum[u % STRANDS][i][1] += b1 * value;
    }
  };
  auto forth = [&](int n) __attribute__((always_inline)) {
    panel += n * U;
    if constexpr (PACKED) {
      a += n * ROWS;
    } else {
      a += n;
      third += n;
      sixth += n;
      ninth += n;
    }
  };
  int64_t k = 0;
  for (; k + STEPS <= depth; k += STEPS) {
#pragma GCC unroll 8
    for (int u = 0; u < STEPS; u++) one(u);
    forth(STEPS);
  }
  for (; k < depth; k++) {
    one(0);
    forth(1);
  }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++) {
#pragma GCC unroll 4
    for (int s = 1; s < STRANDS; s++) {
      sum[0][i][0] += sum[s][i][0];
      sum[0][i][1] += sum[s][i][1];
    }
    store(c + i * c_row, sum[0][i][0]);
    store(c + i * c_row + L, sum[0][i][1]);
  }
}

template <class T, bool PACKED, int ROWS = BLOCK_ROWS>
RECURRA_INLINE void block_of(int n, const T* a, int64_t row, const T* panel, int64_t depth, Start start,
                             const T* const* rows, int64_t column, T* c, int64_t c_row) {
  if constexpr (ROWS == 1) {
    block<T, 1, PACKED>(a, row, panel, depth, start, rows, column, c, c_row);
  } else {
    if (n == ROWS)
      block<T, ROWS, PACKED>(a, row, panel, depth, start, rows, column, c, c_row);
    else
      block_of<T, PACKED, ROWS - 1>(n, a, row, panel, depth, start, rows, column, c, c_row);
  }
}

// Rows of the block at i of m rows, in blocks as equal as can be: nobody waits for a last block of one row.
RECURRA_INLINE int block_rows(int64_t i, int64_t m) {
  const int64_t left = m - i, blocks = (left + BLOCK_ROWS - 1) / BLOCK_ROWS;
  return int((left + blocks - 1) / blocks);
}

// C [m][UNITS] = start + A [m][depth] panel [depth][UNITS]; A row-major.
template <class T>
void rows_by_panel(int64_t m, const T* a, int64_t a_row, const T* panel, int64_t depth, Start start,
                   const T* const* rows, int64_t column, T* c, int64_t c_row) {
  for (int64_t k = 0; k < depth || k == 0; k += PASS_DEPTH) {
    const int64_t here = depth - k < PASS_DEPTH ? depth - k : PASS_DEPTH;
    const Start from = k == 0 ? start : Start::sums;
    for (int64_t i = 0; i < m;) {
      const int n = block_rows(i, m);
      block_of<T, false>(n, a + i * a_row + k, a_row, panel + k * UNITS<T>, here, from, rows + (rows ? i : 0), column,
                         c + i * c_row, c_row);
      i += n;
    }
  }
}

}  // namespace recurra
