// Sums over the units of whole rows, which normalisation is made of. Every thread makes those that it needs for itself,
// also where threads share the units of a row: that is cheaper than to wait for each other once more.
#pragma once

#include <cmath>

#include "simd.hpp"

namespace recurra {

// In pairs: each addition of a vector's own numbers waits for the one before it.
template <class T>
RECURRA_INLINE T sum_of(Vec<T> v) {
  T x[LANES<T>];
  store(x, v);
#pragma GCC unroll 8
  for (int n = LANES<T> / 2; n > 0; n /= 2)
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) x[i] += x[i + n];
  return x[0];
}

// The sum of f(a[u], b[u]) over n units.
template <class T, class F>
RECURRA_INLINE T over_units(const T* a, const T* b, int64_t n, F f) {
  constexpr int L = LANES<T>;
  Vec<T> even{}, odd{};
  int64_t u = 0;
  for (; u + 2 * L <= n; u += 2 * L) {
    even += f(load(a + u), load(b + u));
    odd += f(load(a + u + L), load(b + u + L));
  }
  if (u + L <= n) {
    even += f(load(a + u), load(b + u));
    u += L;
  }
  even += odd;
  T sum = sum_of<T>(even);
  if (u < n) {
    T x[L] = {}, y[L] = {};
    for (int64_t i = u; i < n; i++) {
      x[i - u] = a[i];
      y[i - u] = b[i];
    }
    const Vec<T> rest = f(load(x), load(y));
    for (int64_t i = u; i < n; i++) sum += rest[i - u];
  }
  return sum;
}

template <class T>
struct Moments {
  T mean, spread;
};

// The variance in a second pass: what is left of a difference of two large numbers would not do.
template <class T>
Moments<T> moments(const T* a, int64_t n, T epsilon) {
  using V = Vec<T>;
  const T mean = over_units(a, a, n, [](V x, V) __attribute__((always_inline)) { return x; }) / T(n);
  const V all = splat(mean);
  const T squares =
      over_units(a, a, n, [all](V x, V) __attribute__((always_inline)) { return (x - all) * (x - all); });
  return {mean, T(1) / std::sqrt(squares / T(n) + epsilon)};
}

template <class T>
T mean_of(const T* a, int64_t n) {
  using V = Vec<T>;
  return over_units(a, a, n, [](V x, V) __attribute__((always_inline)) { return x; }) / T(n);
}

template <class T>
T mean_of_product(const T* a, const T* b, int64_t n) {
  using V = Vec<T>;
  return over_units(a, b, n, [](V x, V y) __attribute__((always_inline)) { return x * y; }) / T(n);
}

}  // namespace recurra
