// float's exp, expm1, log, sigmoid, tanh, softplus, sin and cos: errors below 2 ulp (softplus without fused multiply-add 2.2), no
// tables, no branches, at most one division.
//
// Each is a range reduction and a polynomial. The reductions are Cody & Waite's (Software Manual for the Elementary
// Functions, 1980). The polynomials minimise the largest relative error of the function they serve (Remez' criterion,
// found with Lawson's reweighted least squares on 400 Chebyshev nodes in float64, targets from 160-bit arithmetic);
// their coefficients are rounded to float one after the other, lowest first, and the rest fitted anew after each.
// Errors below are in units of 2^-24, half of float's spacing above 1.
#pragma once

#include <cmath>
#include <limits>

#include "extrema.hpp"
#include "simd.hpp"

namespace recurra::single {

using V = Vec<float>;
using I = Bits<float>;
typedef uint32_t U __attribute__((vector_size(RECURRA_VECTOR_BYTES)));

RECURRA_INLINE I bits_of(V v) { return reinterpret_cast<I>(v); }
RECURRA_INLINE V from_bits(I v) { return reinterpret_cast<V>(v); }

RECURRA_INLINE V at_least(float low, V v) { return larger<float>(splat(low), v); }
RECURRA_INLINE V at_most(float high, V v) { return smaller<float>(splat(high), v); }

// c[0] + x (c[1] + x (...))
template <int N>
RECURRA_INLINE V polynomial(V x, const float (&c)[N]) {
  V sum = splat(c[N - 1]);
  for (int k = N - 2; k >= 0; k--) sum = sum * x + c[k];
  return sum;
}

#ifdef __FMA__
inline constexpr bool FUSED = true;
#else
inline constexpr bool FUSED = false;
#endif

inline constexpr float LOG2_E = 1.44269504f;

// ln 2 as HIGH + LOW: HIGH has 15 bits, so that its product with a whole number of 9 bits is exact.
inline constexpr float LN2_HIGH = 0.693145752f, LN2_LOW = 1.42860677e-6f;

// Adding ROUNDER leaves no room for a fraction: v + ROUNDER is v rounded, and v's whole part stands in the low bits.
// A bias k on top is there after a shift by 23 as the exponent of 2^(v + k - 127): the bits above fall off.
inline constexpr float ROUNDER = 0x1.8p23f;

RECURRA_INLINE V power_of_two(V rounded) { return from_bits(bits_of(rounded) << 23); }

// e^r = 1 + r + r^2 P(r), |r| <= ln 2 / 2: relative error 0.05.
inline constexpr float EXP[] = {0.49999994f, 0.166665211f, 0.0416682735f, 0.00836868398f, 0.00138200819f};

// e^-r = 1 + r times this one.
inline constexpr float EXP_MINUS[] = {-1.0f,         0.49999994f,    -0.166665211f,
                                      0.0416682735f, -0.00836868398f, 0.00138200819f};

// e^x = 2^n e^r with x = n ln 2 + r. 2^n is two factors, so that subnormal results and those between 2^127 and the
// largest number are right: 2^m with m about n / 2, and 2^(n - m).
RECURRA_INLINE V exp(V x) {
  x = at_least(-104.5f, at_most(89.0f, x));  // beyond: 0 and infinity by the factors' product
  const V whole = x * LOG2_E + (ROUNDER + 254.0f), half = x * (0.5f * LOG2_E) + (ROUNDER + 127.0f);
  const V n = whole - (ROUNDER + 254.0f);
  const V high = x - n * LN2_HIGH;
  const V r = high - n * LN2_LOW;
  const V p = polynomial(r, EXP);
  const V e = (FUSED ? (p * r + 1.0f) * r : ((r * r) * p - n * LN2_LOW) + high) + 1.0f;  // each its smallest error
  return e * power_of_two(half) * from_bits((bits_of(whole) - bits_of(half)) << 23);
}

// e^x - 1 = 2^n (e^r - 1) + 2^n - 1, as twice the half of it: 2^128 is no float. Where n is 0 nothing cancels.
RECURRA_INLINE V expm1(V x) {
  const V clamped = at_least(-30.0f, at_most(89.0f, x));
  const V whole = clamped * LOG2_E + (ROUNDER + 126.0f);
  const V n = whole - (ROUNDER + 126.0f);
  const V r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
  const V p = (r * r) * polynomial(r, EXP) + r;
  const V half = power_of_two(whole);
  const V result = (half * p + (half - 0.5f)) * 2.0f;
  return select<float>(x == 0.0f, x, result);
}

// 1 / (1 + e^z), z = -x = n ln 2 - r, as c / (c + c 2^n e^-r) with c = 2^-24: below, the denominator stays finite as
// long as the quotient is a number, subnormal ones included; above, c 2^n stays normal until it no longer counts.
// c 2^n is added last, apart from the rest of e^-r, so that only the last rounding counts.
RECURRA_INLINE V sigmoid(V x) {
  constexpr float BIASED = ROUNDER + (127.0f - 24.0f), C = 0x1p-24f;
  x = at_least(-104.9f, at_most(70.0f, x));
  const V whole = x * -LOG2_E + BIASED;
  const V n = whole - BIASED;
  const V r = (x + n * LN2_HIGH) + n * LN2_LOW;
  const V power = power_of_two(whole);
  return C / (((power * r) * polynomial(r, EXP_MINUS) + C) + power);
}

// tanh(r) = r + r^3 P(r^2), |r| <= ln 2 / 4 + SHIFT: relative error 0.06.
inline constexpr float TANH[] = {-0.33333227f, 0.133233994f, -0.0513162911f};

// With |x| = n ln 2 / 2 + r and t = tanh(r), the addition theorem: ((2^n + 1) t + 2^n - 1) / ((2^n - 1) t + 2^n + 1).
// Next to 0, n is 0 and the quotient 2 t / 2: relative accuracy there. The denominator is the numerator's rounded value
// + 2 (1 - t), so that near 1 the numerator's rounding cancels; with n = 0 it still is 2 exactly, because t >= 0 then:
// 2 - 2 t is at most 2^-24 off, and so is the sum, which rounds to 2. SHIFT keeps n at 0 as long as that is the better
// way. From 9.02 on float's tanh is 1. With a fused r a one-word ln 2 (error 1.9e-9 n) does: where n is large, tanh
// hardly depends on r.
RECURRA_INLINE V tanh(V x) {
  constexpr float BIASED = ROUNDER + 127.0f, SHIFT = 0.0825f;
  const V size = from_bits(bits_of(x) & 0x7fffffff);
  const V a = at_most(9.1f, size);
  const V whole = (a - SHIFT) * (2.0f * LOG2_E) + BIASED;
  const V n = whole - BIASED;
  const V r = FUSED ? a - n * (0.5f * 0.693147182f) : (a - n * (0.5f * LN2_HIGH)) - n * (0.5f * LN2_LOW);
  const V square = r * r;
  const V t = (r * square) * polynomial(square, TANH) + r;
  const V power = power_of_two(whole);
  const V above = (power + 1.0f) * t + (power - 1.0f);
  const V result = above / (above + (2.0f - 2.0f * t));
  return from_bits(bits_of(result) | (bits_of(x) ^ bits_of(size)));
}

// u - log(1 + u) = u^2 P(u), 0 <= u <= 1: relative error of log(1 + u) 0.09.
inline constexpr float LOG1P[] = {0.499999315f,  -0.333304644f, 0.24958019f,   -0.196921021f, 0.153448805f,
                                  -0.106611282f, 0.057457231f,  -0.0200862419f, 0.00329046859f};

// max(x, 0) + log(1 + e^-|x|)
RECURRA_INLINE V softplus(V x) {
  const V u = exp(from_bits(bits_of(x) | std::numeric_limits<int32_t>::min()));
  return (at_least(0.0f, x) - (u * u) * polynomial(u, LOG1P)) + u;  // in this order: the smallest roundings
}

// sin(x + quarters pi / 2). In double, which has all the digits that a float's reduction needs below LARGEST; beyond, the
// C library's, number by number. Taylor's polynomials: |r| <= pi / 4, relative error below 2^-28.
RECURRA_INLINE V sine(V x, int quarters) {
  typedef double D __attribute__((vector_size(2 * RECURRA_VECTOR_BYTES)));
  typedef int64_t L __attribute__((vector_size(2 * RECURRA_VECTOR_BYTES)));
  constexpr float LARGEST = 0x1p20f;
  constexpr double TO_WHOLE = 0x1.8p52, HIGH = 0x1.921fb544p0, LOW = 0x1.0b4611a626331p-34;  // pi / 2: HIGH has 33 bits
  const I far = reinterpret_cast<I>(from_bits(bits_of(x) & 0x7fffffff) >= LARGEST);  // infinite, too
  const D wide = __builtin_convertvector(select<float>(far, V{}, x), D);
  const D shifted = wide * 0x1.45f306dc9c883p-1 + TO_WHOLE;
  const D n = shifted - TO_WHOLE;
  const L quarter = reinterpret_cast<L>(shifted) + quarters;
  const D r = (wide - n * HIGH) - n * LOW, s = r * r;
  const D odd = r + r * s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880 - s * (1.0 / 39916800)))));
  const D even = 1.0 + s * (-0.5 + s * (1.0 / 24 + s * (-1.0 / 720 + s * (1.0 / 40320 - s * (1.0 / 3628800)))));
  const D found = (quarter & 1) != 0 ? even : odd;
  V result = __builtin_convertvector(reinterpret_cast<D>(reinterpret_cast<L>(found) ^ ((quarter & 2) << 62)), V);
  for (int i = 0; i < LANES<float>; i++)
    if (far[i]) result[i] = float(quarters ? std::cos(double(x[i])) : std::sin(double(x[i])));
  return result;
}

RECURRA_INLINE V sin(V x) { return select<float>(x == 0.0f, x, sine(x, 0)); }
RECURRA_INLINE V cos(V x) { return sine(x, 1); }

// log(1 + f) = f - f^2 / 2 + f^3 P(f), sqrt(1/2) <= 1 + f <= sqrt(2): relative error 0.1.
inline constexpr float LOG[] = {0.333333313f, -0.250008196f, 0.200012416f, -0.166234091f,
                                0.1420158f,   -0.131596103f, 0.127622128f, -0.0763642788f};

// log(x) = n ln 2 + log(m), x = 2^n m, m from sqrt(1/2) to sqrt(2). Subnormal x: 2^23 x first.
RECURRA_INLINE V log(V x) {
  constexpr int32_t ROOT_HALF = 0x3f3504f3;
  const I small = x < std::numeric_limits<float>::min();
  const V normal = select<float>(small, x * 0x1p23f, x);
  const I shifted = reinterpret_cast<I>(reinterpret_cast<U>(normal) - uint32_t(ROOT_HALF));  // may wrap around
  const V n = __builtin_convertvector((shifted >> 23) - (small & 23), V);
  const V f = from_bits((shifted & 0x7fffff) + ROOT_HALF) - 1.0f;
  const V square = f * f;
  const V tail = (f * square) * polynomial(f, LOG) + n * LN2_LOW;
  const V result = n * LN2_HIGH + (f + (tail - 0.5f * square));
  constexpr float INFINITE = std::numeric_limits<float>::infinity();
  const V below = select<float>(x == 0.0f, splat(-INFINITE), splat(std::numeric_limits<float>::quiet_NaN()));
  return select<float>(x > 0.0f, select<float>(x == INFINITE, x, result), select<float>(x != x, x, below));
}

}  // namespace recurra::single
