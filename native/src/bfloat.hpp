// bfloat16, as the operands of matrix products are held when they are rounded to it; sums are float's.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bytes.hpp"
#include "simd.hpp"

namespace recurra {

struct Bfloat {
  uint16_t bits;
};

// To the nearest, ties to even; infinities stay, NaN stays NaN.
RECURRA_INLINE Bfloat to_bfloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  return {uint16_t((value != value ? bits | 0x400000 : rounded) >> 16)};
}

// Two rows of numbers as pairs, each rounded as above: the even one's in the low halves.
RECURRA_INLINE Bits<float> to_pairs(Vec<float> even, Vec<float> odd) {
  typedef uint32_t Words __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  const auto rounded = [](Vec<float> value) __attribute__((always_inline)) {
    const Words bits = reinterpret_cast<Words>(value), whole = bits + 0x7fff + (bits >> 16 & 1);
    return value != value ? bits | 0x400000 : whole;
  };
  return reinterpret_cast<Bits<float>>(rounded(even) >> 16 | (rounded(odd) & 0xffff0000u));
}

RECURRA_INLINE void store_pairs(Bfloat* to, Bits<float> pairs) {
  typedef int32_t unaligned __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(2), may_alias));
  *reinterpret_cast<unaligned*>(to) = pairs;
}

// What a value is held as in a product: itself, or rounded.
template <class Q, class T>
RECURRA_INLINE Q held(T value) {
  static_assert(!std::is_same_v<Q, Byte>, "bytes have a scale, they are held row by row");
  if constexpr (std::is_same_v<Q, Bfloat>)
    return to_bfloat(float(value));
  else
    return value;
}

template <class Q, class T>
RECURRA_INLINE void hold(Q* to, const T* from, int64_t n) {
  if constexpr (std::is_same_v<Q, T>)
    std::memcpy(to, from, size_t(n) * sizeof(T));
  else
    for (int64_t i = 0; i < n; i++) to[i] = held<Q>(from[i]);
}

// Inner dimensions are taken so many at a time: pairs of bfloat16, a tile's row of them where there are tiles.
#if defined(__AMX_BF16__) || defined(RECURRA_EMULATED_TILES)
inline constexpr int64_t BFLOAT_STEP = 32;
#else
inline constexpr int64_t BFLOAT_STEP = 2;
#endif

template <class Q>
RECURRA_INLINE int64_t whole_depth(int64_t depth) {
  if constexpr (std::is_same_v<Q, Bfloat>)
    return (depth + BFLOAT_STEP - 1) / BFLOAT_STEP * BFLOAT_STEP;
  else if constexpr (std::is_same_v<Q, Byte>)
    return (depth + QUAD - 1) / QUAD * QUAD;
  else
    return depth;
}

// Numbers from a row of an operand to the next.
template <class Q>
RECURRA_INLINE int64_t row_room(int64_t depth) {
  if constexpr (std::is_same_v<Q, Byte>)
    return byte_row_room(depth);
  else
    return whole_depth<Q>(depth);
}

// A row of an operand, padded with zeros to its whole depth.
template <class Q, class T>
RECURRA_INLINE void hold_row(Q* to, const T* from, int64_t n) {
  if constexpr (std::is_same_v<Q, Byte>)
    return quantise_row(to, from, n);
  else
    hold(to, from, n);
  if constexpr (std::is_same_v<Q, Bfloat>)
    for (int64_t i = n; i < whole_depth<Q>(n); i++) to[i] = Bfloat{0};
}

}  // namespace recurra
