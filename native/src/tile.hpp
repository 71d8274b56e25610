// The pointwise part of a step: instructions run one after the other over a tile that stays in L1.
#pragma once

#include "functions.hpp"
#include "program.hpp"

#define RECURRA_LAMBDA __attribute__((always_inline))

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
    for (int64_t u = 0; u < width; u += 2 * L) {
      const Vec<T> v0 = f(load(x + u), load(y + u), load(z + u));
      const Vec<T> v1 = f(load(x + u + L), load(y + u + L), load(z + u + L));
      store(to + u, v0);
      store(to + u + L, v1);
    }
  }
}

template <class T, class F>
RECURRA_INLINE void map4(Place<T> d, Place<T> a, Place<T> b, Place<T> c, Place<T> e, int64_t rows, int64_t width, F f) {
  constexpr int L = LANES<T>;
  for (int64_t r = 0; r < rows; r++) {
    T* const to = d.at + r * d.row;
    const T* const x = a.at + r * a.row;
    const T* const y = b.at + r * b.row;
    const T* const z = c.at + r * c.row;
    const T* const v = e.at + r * e.row;
    for (int64_t u = 0; u < width; u += 2 * L) {
      const Vec<T> v0 = f(load(x + u), load(y + u), load(z + u), load(v + u));
      const Vec<T> v1 = f(load(x + u + L), load(y + u + L), load(z + u + L), load(v + u + L));
      store(to + u, v0);
      store(to + u + L, v1);
    }
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

// sums[u] += f of a column of the tile; rows first, so that long sequences add few large numbers
template <class T, class F>
RECURRA_INLINE void reduce(T* sums, int64_t rows, int64_t width, F f) {
  constexpr int L = LANES<T>;
  for (int64_t u = 0; u < width; u += L) {
    Vec<T> even{}, odd{};
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) {
      even += f(r, u);
      odd += f(r + 1, u);
    }
    if (r < rows) even += f(r, u);
    store(sums + u, load(sums + u) + (even + odd));
  }
}

}  // namespace tile

// Runs one instruction over rows of the tile from `first` on; `sums` is where reductions of this tile's units begin,
// [reductions][sums_row].
template <class T>
void run(const Instruction& instruction, const Place<T>* places, int64_t first, int64_t rows, int64_t width, T* sums,
         int64_t sums_row) {
  using V = Vec<T>;
  const V one = splat(T(1));
  const auto at = [&](int32_t operand) {
    const Place<T> whole = places[operand];
    return Place<T>{whole.at + first * whole.row, whole.row};
  };
  const Place<T> a = at(instruction.a), b = instruction.b >= 0 ? at(instruction.b) : a;
  if (instruction.op == OP_REDUCE || instruction.op == OP_REDUCE_MUL) {
    T* const to = sums + instruction.destination * sums_row;
    if (instruction.op == OP_REDUCE)
      tile::reduce(to, rows, width, [&](int64_t r, int64_t u) RECURRA_LAMBDA { return load(a.at + r * a.row + u); });
    else
      tile::reduce(to, rows, width, [&](int64_t r, int64_t u) RECURRA_LAMBDA {
        return load(a.at + r * a.row + u) * load(b.at + r * b.row + u);
      });
    return;
  }
  const Place<T> d = at(instruction.destination), c = instruction.c >= 0 ? at(instruction.c) : a;
#define RECURRA_MAP1(EXPRESSION) return tile::map1(d, a, rows, width, [&](V x) RECURRA_LAMBDA { return EXPRESSION; })
#define RECURRA_MAP2(EXPRESSION) \
  return tile::map2(d, a, b, rows, width, [&](V x, V y) RECURRA_LAMBDA { return EXPRESSION; })
#define RECURRA_MAP3(EXPRESSION) \
  return tile::map3(d, a, b, c, rows, width, [&](V x, V y, V z) RECURRA_LAMBDA { return EXPRESSION; })
#define RECURRA_MAP4(EXPRESSION)                                  \
  return tile::map4(d, a, b, c, at(instruction.d), rows, width, \
                    [&](V x, V y, V z, V v) RECURRA_LAMBDA { return EXPRESSION; })
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
    case OP_MULADD: RECURRA_MAP3(x * y + z);
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
      return tile::map_rows(d, a, b, c, rows, width, tile::NormalizeBack<T>{});
    case OP_PRODUCTS: RECURRA_MAP4(x * y + z * v);
    case OP_MIX: RECURRA_MAP3(x * y + (one - x) * z);
    case OP_ADD_MUL: RECURRA_MAP3((x + y) * z);
    case OP_MUL_SIGMOID_BACK: RECURRA_MAP3(x * y * (z * (one - z)));
    case OP_MUL_TANH_BACK: RECURRA_MAP3(x * y * (one - z * z));
    case OP_SUB_MUL_SIGMOID_BACK: RECURRA_MAP4((x - y) * z * (v * (one - v)));
    case OP_MULADD_SIGMOID: RECURRA_MAP3(sigmoid<T>(x * y + z));
    case OP_MULADD_TANH: RECURRA_MAP3(tanh<T>(x * y + z));
    case OP_MULADD_RELU: RECURRA_MAP3(relu<T>(x * y + z));
    default: return;
  }
#undef RECURRA_MAP1
#undef RECURRA_MAP2
#undef RECURRA_MAP3
#undef RECURRA_MAP4
}

}  // namespace recurra
