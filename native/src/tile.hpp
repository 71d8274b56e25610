// The pointwise part of a step: instructions run one after the other over a tile that stays in L1.
#pragma once

#include "functions.hpp"
#include "program.hpp"

namespace recurra {

inline constexpr int64_t TILE_ROWS = RECURRA_VECTOR_BYTES == 64 ? 48 : 72;

template <class T>
inline constexpr int64_t TILE = TILE_ROWS * UNITS<T>;  // numbers of a tile, at most

// Where a value's tile lies: its first number and the distance of its rows (0: one row for all).
template <class T>
struct Place {
  T* at;
  int64_t row;
};

namespace tile {

template <class T, class F>
RECURRA_INLINE void map1(Place<T> d, Place<T> a, int64_t rows, int64_t width, F f) {
  constexpr int L = LANES<T>;
  for (int64_t r = 0; r < rows; r++) {
    T* const to = d.at + r * d.row;
    const T* const x = a.at + r * a.row;
    for (int64_t u = 0; u < width; u += 2 * L) {
      const Vec<T> v0 = f(load(x + u)), v1 = f(load(x + u + L));
      store(to + u, v0);
      store(to + u + L, v1);
    }
  }
}

template <class T, class F>
RECURRA_INLINE void map2(Place<T> d, Place<T> a, Place<T> b, int64_t rows, int64_t width, F f) {
  constexpr int L = LANES<T>;
  for (int64_t r = 0; r < rows; r++) {
    T* const to = d.at + r * d.row;
    const T* const x = a.at + r * a.row;
    const T* const y = b.at + r * b.row;
    for (int64_t u = 0; u < width; u += 2 * L) {
      const Vec<T> v0 = f(load(x + u), load(y + u)), v1 = f(load(x + u + L), load(y + u + L));
      store(to + u, v0);
      store(to + u + L, v1);
    }
  }
}

template <class T, class F>
RECURRA_INLINE void map3(Place<T> d, Place<T> a, Place<T> b, Place<T> c, int64_t rows, int64_t width, F f) {
  constexpr int L = LANES<T>;
  for (int64_t r = 0; r < rows; r++) {
    T* const to = d.at + r * d.row;
    const T* const x = a.at + r * a.row;
    const T* const y = b.at + r * b.row;
    const T* const z = c.at + r * c.row;
    for (int64_t u = 0; u < width; u += L) store(to + u, f(load(x + u), load(y + u), load(z + u)));
  }
}

// to = f(a, b, number 0 and on of this row), of `of_rows` [numbers][row]
template <class T, class F>
RECURRA_INLINE void map_rows(Place<T> d, Place<T> a, Place<T> b, Place<T> of_rows, int64_t rows, int64_t width, F f) {
  constexpr int L = LANES<T>;
  for (int64_t r = 0; r < rows; r++) {
    T* const to = d.at + r * d.row;
    const T* const x = a.at + r * a.row;
    const T* const y = b.at + r * b.row;
    const T* const n = of_rows.at + r;
    const Vec<T> first = splat(n[0]), second = splat(n[of_rows.row]), third = splat(f.THREE ? n[2 * of_rows.row] : T(0));
    for (int64_t u = 0; u < width; u += L) store(to + u, f(load(x + u), load(y + u), first, second, third));
  }
}

template <class T>
struct Normalize {
  static constexpr bool THREE = false;
  RECURRA_INLINE Vec<T> operator()(Vec<T> x, Vec<T>, Vec<T> mean, Vec<T> spread, Vec<T>) const {
    return (x - mean) * spread;
  }
};

template <class T>
struct NormalizeBack {
  static constexpr bool THREE = true;
  RECURRA_INLINE Vec<T> operator()(Vec<T> d, Vec<T> y, Vec<T> mean, Vec<T> scaled, Vec<T> spread) const {
    return (d - mean) * spread - y * scaled;
  }
};

// sums[u] += the tile's column; rows first, so that long sequences add few large numbers
template <class T>
void reduce(T* sums, Place<T> a, int64_t rows, int64_t width) {
  constexpr int L = LANES<T>;
  for (int64_t u = 0; u < width; u += L) {
    Vec<T> even{}, odd{};
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) {
      even += load(a.at + r * a.row + u);
      odd += load(a.at + (r + 1) * a.row + u);
    }
    if (r < rows) even += load(a.at + r * a.row + u);
    store(sums + u, load(sums + u) + (even + odd));
  }
}

}  // namespace tile

// Runs one instruction; `sums` is where REDUCE of this tile's units begins, [reductions][sums_row].
template <class T>
void run(const Instruction& instruction, const Place<T>* places, int64_t rows, int64_t width, T* sums,
         int64_t sums_row) {
  using V = Vec<T>;
  const V one = splat(T(1));
  if (instruction.op == OP_REDUCE) {
    tile::reduce(sums + instruction.destination * sums_row, places[instruction.a], rows, width);
    return;
  }
  const Place<T> d = places[instruction.destination], a = places[instruction.a];
  const Place<T> b = instruction.b >= 0 ? places[instruction.b] : a;
#define RECURRA_MAP1(EXPRESSION) return tile::map1(d, a, rows, width, [&](V x) RECURRA_LAMBDA { return EXPRESSION; })
#define RECURRA_MAP2(EXPRESSION) \
  return tile::map2(d, a, b, rows, width, [&](V x, V y) RECURRA_LAMBDA { return EXPRESSION; })
#define RECURRA_LAMBDA __attribute__((always_inline))
  switch (instruction.op) {
    case OP_COPY: RECURRA_MAP1(x);
    case OP_ADD: RECURRA_MAP2(x + y);
    case OP_SUB: RECURRA_MAP2(x - y);
    case OP_MUL: RECURRA_MAP2(x * y);
    case OP_DIV: RECURRA_MAP2(x / y);
    case OP_NEG: RECURRA_MAP1(-x);
    case OP_MINIMUM: RECURRA_MAP2(minimum<T>(x, y));
    case OP_MAXIMUM: RECURRA_MAP2(maximum<T>(x, y));
    case OP_SHARE: RECURRA_MAP2(share<T>(x, y));
    case OP_POSITIVE: RECURRA_MAP1(positive<T>(x));
    case OP_SIGMOID: RECURRA_MAP1(sigmoid<T>(x));
    case OP_TANH: RECURRA_MAP1(tanh<T>(x));
    case OP_RELU: RECURRA_MAP1(relu<T>(x));
    case OP_SOFTPLUS: RECURRA_MAP1(softplus<T>(x));
    case OP_EXP: RECURRA_MAP1(exp<T>(x));
    case OP_LOG: RECURRA_MAP1(log<T>(x));
    case OP_MULADD:
      return tile::map3(d, a, b, places[instruction.c], rows, width,
                        [](V x, V y, V z) RECURRA_LAMBDA { return x * y + z; });
    case OP_SIGMOID_BACK: RECURRA_MAP2(x * (y * (one - y)));
    case OP_TANH_BACK: RECURRA_MAP2(x * (one - y * y));
    case OP_ONE_MINUS: RECURRA_MAP1(one - x);
    case OP_SQRT: RECURRA_MAP1(root<T>(x));
    case OP_ABS: RECURRA_MAP1(absolute<T>(x));
    case OP_SIGN: RECURRA_MAP1(sign<T>(x));
    case OP_SIN: RECURRA_MAP1(sin<T>(x));
    case OP_COS: RECURRA_MAP1(cos<T>(x));
    case OP_EXPM1: RECURRA_MAP1(expm1<T>(x));
    case OP_SQRT_SLOPE: RECURRA_MAP1(sqrt_slope<T>(x));
    case OP_NORMALIZE: return tile::map_rows(d, a, a, b, rows, width, tile::Normalize<T>{});
    case OP_NORMALIZE_BACK:
      return tile::map_rows(d, a, b, places[instruction.c], rows, width, tile::NormalizeBack<T>{});
    default: return;
  }
#undef RECURRA_MAP1
#undef RECURRA_MAP2
#undef RECURRA_LAMBDA
}

}  // namespace recurra
