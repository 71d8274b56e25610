// Vectors of the width that this variant is compiled for, as GCC's and Clang's vector extension has them: the same
// source serves every instruction set, and the wide variants can be tested on narrow machines.
#pragma once

#include <cstdint>

#ifndef RECURRA_VECTOR_BYTES
#error "RECURRA_VECTOR_BYTES: 16, 32 or 64"
#endif

#define RECURRA_INLINE inline __attribute__((always_inline))

namespace recurra {

template <class T>
struct VectorOf;

template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  typedef float unaligned __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(4), may_alias));
  typedef int32_t bits __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
};

template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
  typedef double unaligned __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(8), may_alias));
  typedef int64_t bits __attribute__((vector_size(RECURRA_VECTOR_BYTES)));
};

template <class T>
using Vec = typename VectorOf<T>::type;

// What a comparison of two Vec<T> gives: -1 where true, 0 where false.
template <class T>
using Bits = typename VectorOf<T>::bits;

template <class T>
inline constexpr int LANES = RECURRA_VECTOR_BYTES / int(sizeof(T));

// Units in a tile's column: two vectors, which is also the width of a packed panel.
template <class T>
inline constexpr int UNITS = 2 * LANES<T>;

template <class T>
RECURRA_INLINE Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename VectorOf<T>::unaligned*>(p);
}

template <class T>
RECURRA_INLINE void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename VectorOf<T>::unaligned*>(p) = v;
}

template <class T>
RECURRA_INLINE Vec<T> splat(T value) {
  return value - Vec<T>{};
}

// sum += a * b, in place. Left to itself GCC lets a sum wander between registers, and moves and spills sums of a kernel
// that needs every register; each such trip is longer than the multiply-adds that could hide it.
template <class T>
RECURRA_INLINE void add_product(Vec<T>& sum, Vec<T> a, Vec<T> b) {
#if (RECURRA_VECTOR_BYTES <= 32 && defined(__FMA__)) || defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  else
    asm("vfmadd231pd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
#else
  sum += a * b;
#endif
}

// a where the mask is set, b elsewhere
template <class T>
RECURRA_INLINE Vec<T> select(Bits<T> mask, Vec<T> a, Vec<T> b) {
  return mask ? a : b;
}

}  // namespace recurra
