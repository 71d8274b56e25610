// The functions of a step's equations on vectors; edge cases as torch has them. float's are our own (single.hpp),
// double's, which serve proofs and not speed, are the C library's, lane by lane.
#pragma once

#include <cmath>
#include <type_traits>

#include "extrema.hpp"
#include "simd.hpp"
#include "single.hpp"

namespace recurra {

namespace lanes {

template <class F>
RECURRA_INLINE Vec<double> map(Vec<double> v, F f) {
  for (int i = 0; i < LANES<double>; i++) v[i] = f(v[i]);
  return v;
}

// e^-|x| neither overflows nor, where it is added to 1, cancels.
inline double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}

inline double softplus(double x) { return (x < 0 ? 0.0 : x) + std::log1p(std::exp(-std::fabs(x))); }

}  // namespace lanes

#define RECURRA_FUNCTION(NAME, OF_DOUBLE)                                                     \
  template <class T>                                                                          \
  RECURRA_INLINE Vec<T> NAME(Vec<T> v) {                                                      \
    if constexpr (std::is_same_v<T, float>) return single::NAME(v);                           \
    else return lanes::map(v, [](double x) { return OF_DOUBLE(x); });                         \
  }
RECURRA_FUNCTION(exp, std::exp)
RECURRA_FUNCTION(log, std::log)
RECURRA_FUNCTION(tanh, std::tanh)
RECURRA_FUNCTION(sigmoid, lanes::sigmoid)
RECURRA_FUNCTION(softplus, lanes::softplus)
RECURRA_FUNCTION(expm1, std::expm1)
RECURRA_FUNCTION(sin, std::sin)
RECURRA_FUNCTION(cos, std::cos)
#undef RECURRA_FUNCTION

template <class T>
RECURRA_INLINE Vec<T> absolute(Vec<T> v) {
  constexpr auto MAGNITUDE = std::numeric_limits<std::conditional_t<sizeof(T) == 4, int32_t, int64_t>>::max();
  return reinterpret_cast<Vec<T>>(reinterpret_cast<Bits<T>>(v) & MAGNITUDE);
}

// -1, 0 or 1; NaN gives 0
template <class T>
RECURRA_INLINE Vec<T> sign(Vec<T> v) {
  return select<T>(v > Vec<T>{}, splat(T(1)), select<T>(v < Vec<T>{}, splat(T(-1)), Vec<T>{}));
}

// 1 / (2 v), 0 where v is 0
template <class T>
RECURRA_INLINE Vec<T> sqrt_slope(Vec<T> v) {
  return select<T>(v == Vec<T>{}, Vec<T>{}, T(0.5) / v);
}

// a where the two are equal; NaN if either is
template <class T>
RECURRA_INLINE Vec<T> minimum(Vec<T> a, Vec<T> b) {
  return select<T>(b == b, smaller<T>(b, a), b);
}

template <class T>
RECURRA_INLINE Vec<T> maximum(Vec<T> a, Vec<T> b) {
  return select<T>(b == b, larger<T>(b, a), b);
}

template <class T>
RECURRA_INLINE Vec<T> relu(Vec<T> v) {
  return larger<T>(Vec<T>{}, v);
}

// 1 where v > 0, else 0; NaN gives 0
template <class T>
RECURRA_INLINE Vec<T> positive(Vec<T> v) {
  return select<T>(v > Vec<T>{}, splat(T(1)), Vec<T>{});
}

// 1 where a > b, 1/2 where a = b, else 0; NaN gives 0
template <class T>
RECURRA_INLINE Vec<T> share(Vec<T> a, Vec<T> b) {
  const Vec<T> equal = select<T>(a == b, splat(T(0.5)), Vec<T>{});
  return select<T>(a > b, splat(T(1)), equal);
}

}  // namespace recurra
