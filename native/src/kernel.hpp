// The one matrix kernel: a block of rows times a packed panel of UNITS columns, sums held in registers.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "panel_product.hpp"
#include "panels.hpp"
#include "tiles.hpp"

namespace recurra {

// Rows that a block may have: with two vectors of sums a row, two of the panel and one of A, 16 registers hold 6 rows,
// 32 hold 12.
inline constexpr int BLOCK_ROWS = RECURRA_VECTOR_BYTES == 64 ? 12 : 6;

// How much of the inner dimension one pass takes: a deeper panel falls out of L1 before it is read again, a flatter one
// reads and writes the sums more often.
inline constexpr int64_t PASS_DEPTH = 512;

// f(0), f(1) to f(N - 1), each with its number as a constant: loops over a block's rows that GCC unrolls only late leave
// the sums in memory.
template <int N, class F>
RECURRA_INLINE void each(F f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) { (f(std::integral_constant<int, I>{}), ...); }
  (std::make_integer_sequence<int, N>{});
}

// What will be read next, fetched meanwhile: `lines` cache lines for every 4 steps of the inner dimension.
struct Fetch {
  const char* at;
  int lines;
};

// A product of ROWS rows. PACKED: A is [depth][ROWS].
template <class T, int ROWS, bool PACKED>
__attribute__((noinline)) void block(const PanelProduct<T, T>& p, Fetch fetch) {
  constexpr int L = LANES<T>, U = UNITS<T>;
  // A few rows alone would wait for each multiply-add of their own: the inner dimension is then summed in strands.
  constexpr int STRANDS = ROWS == 1 ? 4 : ROWS <= 3 ? 2 : 1;
  constexpr int STEPS = ROWS == 1 ? 8 : 4;
  const T* __restrict a = p.a;
  const T* __restrict panel = p.panel;
  const int64_t row = p.a_row, depth = p.depth;
  Vec<T> sum[STRANDS][ROWS][2];
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++) {
    if (p.start == Start::zero) {
      sum[0][i][0] = sum[0][i][1] = Vec<T>{};
    } else {
      const T* from = p.start == Start::sums ? p.c + i * p.c_row : p.rows[i] + p.column;
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
    each<ROWS>([&](auto number) __attribute__((always_inline)) {
      constexpr int i = number;
      T value;
      if constexpr (PACKED) {
        value = a[u * ROWS + i];
      } else {
        const T* from = i < 3 ? a : i < 6 ? third : i < 9 ? sixth : ninth;
        value = from[(i % 3) * row + u];
      }
      const Vec<T> all = splat(value);
      add_product<T>(sum[u % STRANDS][i][0], b0, all);
      add_product<T>(sum[u % STRANDS][i][1], b1, all);
    });
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
    for (int l = 0; l < fetch.lines; l++) __builtin_prefetch(fetch.at + l * 64, 0, 2);
    fetch.at += fetch.lines * 64;
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
    store(p.c + i * p.c_row, sum[0][i][0]);
    store(p.c + i * p.c_row + L, sum[0][i][1]);
  }
}

// sum += the products of the pairs in `b` with the pair `a`
RECURRA_INLINE Vec<float> add_pairs(Vec<float> sum, int32_t a, Bits<float> b) {
#if defined(__AVX512BF16__)
  return (Vec<float>)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(a), (__m512bh)b);
#else
  float low, high;
  const uint32_t first = uint32_t(a) << 16, second = uint32_t(a) & 0xffff0000u;
  std::memcpy(&low, &first, 4);
  std::memcpy(&high, &second, 4);
  sum += reinterpret_cast<Vec<float>>(b << 16) * low;
  return sum + reinterpret_cast<Vec<float>>(b & int32_t(0xffff0000)) * high;
#endif
}

// The same of bfloat16, sums in float; depth even. PACKED: A is [depth / 2][ROWS][2].
template <int ROWS, bool PACKED>
__attribute__((noinline)) void block(const PanelProduct<float, Bfloat>& p, Fetch fetch) {
  constexpr int L = LANES<float>, U = UNITS<float>;
  const Bfloat* __restrict a = p.a;
  const Bfloat* __restrict panel = p.panel;
  const int64_t row = p.a_row, depth = p.depth;
  Vec<float> sum[ROWS][2];
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++) {
    if (p.start == Start::zero) {
      sum[i][0] = sum[i][1] = Vec<float>{};
    } else {
      const float* from = p.start == Start::sums ? p.c + i * p.c_row : p.rows[i] + p.column;
      sum[i][0] = load(from);
      sum[i][1] = load(from + L);
    }
  }
  typedef int32_t pairs __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(2), may_alias));
  for (int64_t k = 0; k < depth; k += 2) {
    if (fetch.lines > 0 && k % 4 == 0) {
      __builtin_prefetch(fetch.at, 0, 2);
      fetch.at += 64;
    }
    const Bits<float> b0 = *reinterpret_cast<const pairs*>(panel + k * U);
    const Bits<float> b1 = *reinterpret_cast<const pairs*>(panel + k * U + 2 * L);
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
      int32_t pair;
      std::memcpy(&pair, PACKED ? a + k * ROWS + 2 * i : a + i * row + k, 4);
      sum[i][0] = add_pairs(sum[i][0], pair, b0);
      sum[i][1] = add_pairs(sum[i][1], pair, b1);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++) {
    store(p.c + i * p.c_row, sum[i][0]);
    store(p.c + i * p.c_row + L, sum[i][1]);
  }
}

// A product of n rows, at most ROWS.
template <class T, class Q, bool PACKED, int ROWS = BLOCK_ROWS>
RECURRA_INLINE void block_of(int n, const PanelProduct<T, Q>& p, Fetch fetch) {
  if (ROWS > 1 && n != ROWS) {
    constexpr int FEWER = ROWS == 1 ? 1 : ROWS - 1;
    block_of<T, Q, PACKED, FEWER>(n, p, fetch);
  } else if constexpr (std::is_same_v<Q, Bfloat>) {
    block<ROWS, PACKED>(p, fetch);
  } else {
    block<T, ROWS, PACKED>(p, fetch);
  }
}

// Rows of the block at i of m rows, in blocks as equal as can be: nobody waits for a last block of one row.
RECURRA_INLINE int block_rows(int64_t i, int64_t m) {
  const int64_t left = m - i, blocks = (left + BLOCK_ROWS - 1) / BLOCK_ROWS;
  return int((left + blocks - 1) / blocks);
}

// The panel behind this one, fetched by the blocks of m rows that go over this one, each a part.
struct Ahead {
  const char* next;
  int64_t part;
  int lines;

  template <class Q>
  Ahead(const Q* panel, int64_t numbers, int64_t m) : next(reinterpret_cast<const char*>(panel + numbers)) {
    const int64_t blocks = (m + BLOCK_ROWS - 1) / BLOCK_ROWS;
    lines = blocks >= 4 ? 1 : blocks >= 2 ? 2 : 0;  // few rows read as fast as memory gives: nothing to hide
    part = (numbers * int64_t(sizeof(Q)) / blocks + 63) / 64 * 64;
  }
  Fetch step() {
    const char* const here = next;
    next += part;
    return {here, lines};
  }
};

// A product of m rows, A row-major; where Q is bfloat16, its rows and the panel reach to their whole depth.
template <class T, class Q>
void rows_by_panel(int64_t m, const PanelProduct<T, Q>& p) {
  constexpr int64_t PASS = PASS_DEPTH;
  const int64_t depth = whole_depth<Q>(p.depth);
  for (int64_t k = 0; k < depth; k += PASS) {
    PanelProduct<T, Q> here = p;
    here.a = p.a + k;
    here.panel = p.panel + k * UNITS<T>;
    here.depth = depth - k < PASS ? depth - k : PASS;
    here.start = k == 0 ? p.start : Start::sums;
    int64_t i = 0;
    const auto forth = [&](int64_t n) {
      i += n;
      here.a += n * p.a_row;
      here.c += n * p.c_row;
      if (here.rows) here.rows += n;
    };
    if constexpr (TILES && std::is_same_v<Q, Bfloat>) {
      const int64_t tiled = m / TILE_SIDE * TILE_SIDE;
      if (here.start == Start::rows)
        for (int64_t r = 0; r < tiled; r++) std::memcpy(p.c + r * p.c_row, p.rows[r] + p.column, sizeof(T) * UNITS<T>);
      for (int64_t n; i < tiled; forth(n)) {
        n = tiled - i >= 2 * TILE_SIDE ? 2 * TILE_SIDE : TILE_SIDE;
        tile_block(n, here);
      }
    }
    Ahead ahead(here.panel, here.depth * UNITS<T>, m);
    for (int n; i < m; forth(n)) {
      n = block_rows(i, m);
      block_of<T, Q, false>(n, here, ahead.step());
    }
  }
}

template <>
inline void rows_by_panel<float, Byte>(int64_t m, const PanelProduct<float, Byte>& p) {
  rows_by_byte_panel(m, p);
}

}  // namespace recurra
