"""The functions of the equation language in C: the native engine's, number by number.

Errors are below 3 units in the last place. No tables, no branches inside, at most one division, so that compilers make
vectors of loops over them. They need floats as IEEE 754 has them, and no -ffast-math.
Source: the polynomials of the native engine (native/src/single.hpp), Cody & Waite's range reductions
"""

from __future__ import annotations

from collections.abc import Iterable

HEAD = r"""
/* A float and its bits: allowed in C99, and by every C++ compiler that there is. */
typedef union @bits { float f; uint32_t u; } @bits;

#define @LOG2_E 1.44269504f
#define @LN2_HIGH 0.693145752f
#define @LN2_LOW 1.42860677e-6f
#define @ROUNDER 12582912.0f /* 1.5 * 2^23: adding it rounds to a whole number, which then stands in the low bits */
"""

BODIES = {
    "exp": r"""
static inline float @exp(float x)
{
  @bits whole, half;
  float n, high, r, p, e, low;
  x = x > 89.0f ? 89.0f : x;
  x = x < -104.5f ? -104.5f : x;
  whole.f = x * @LOG2_E + (@ROUNDER + 254.0f);
  half.f = x * (0.5f * @LOG2_E) + (@ROUNDER + 127.0f);
  n = whole.f - (@ROUNDER + 254.0f);
  high = x - n * @LN2_HIGH;
  low = n * @LN2_LOW;
  r = high - low;
  p = 0.49999994f + r * (0.166665211f + r * (0.0416682735f + r * (0.00836868398f + r * 0.00138200819f)));
  e = (((r * r) * p - low) + high) + 1.0f;
  whole.u = (whole.u - half.u) << 23;
  half.u = half.u << 23;
  return e * half.f * whole.f;
}
""",
    "expm1": r"""
static inline float @expm1(float x)
{
  @bits whole;
  float clamped, n, r, p, result;
  clamped = x > 89.0f ? 89.0f : x;
  clamped = clamped < -30.0f ? -30.0f : clamped;
  whole.f = clamped * @LOG2_E + (@ROUNDER + 126.0f);
  n = whole.f - (@ROUNDER + 126.0f);
  r = (clamped - n * @LN2_HIGH) - n * @LN2_LOW;
  p = 0.49999994f + r * (0.166665211f + r * (0.0416682735f + r * (0.00836868398f + r * 0.00138200819f)));
  p = (r * r) * p + r;
  whole.u = whole.u << 23;
  result = (whole.f * p + (whole.f - 0.5f)) * 2.0f;
  return x == 0.0f ? x : result;
}
""",
    "sigmoid": r"""
static inline float @sigmoid(float x)
{
  const float biased = @ROUNDER + (127.0f - 24.0f), c = 5.9604644775390625e-8f; /* 2^-24 */
  @bits power;
  float n, r, p;
  x = x > 70.0f ? 70.0f : x;
  x = x < -104.9f ? -104.9f : x;
  power.f = x * -@LOG2_E + biased;
  n = power.f - biased;
  r = (x + n * @LN2_HIGH) + n * @LN2_LOW;
  power.u = power.u << 23;
  p = -0.166665211f + r * (0.0416682735f + r * (-0.00836868398f + r * 0.00138200819f));
  p = -1.0f + r * (0.49999994f + r * p);
  return c / (((power.f * r) * p + c) + power.f);
}
""",
    "tanh": r"""
static inline float @tanh(float x)
{
  const float biased = @ROUNDER + 127.0f, shift = 0.0825f;
  @bits given, size, power, result;
  float a, n, r, square, t, above;
  given.f = x;
  size.u = given.u & 0x7fffffffu;
  a = size.f > 9.1f ? 9.1f : size.f;
  power.f = (a - shift) * (2.0f * @LOG2_E) + biased;
  n = power.f - biased;
  r = (a - n * (0.5f * @LN2_HIGH)) - n * (0.5f * @LN2_LOW);
  square = r * r;
  t = (r * square) * (-0.33333227f + square * (0.133233994f + square * -0.0513162911f)) + r;
  power.u = power.u << 23;
  above = (power.f + 1.0f) * t + (power.f - 1.0f);
  result.f = above / (above + (2.0f - 2.0f * t));
  result.u |= given.u & 0x80000000u;
  return result.f;
}
""",
    "softplus": r"""
static inline float @softplus(float x)
{
  @bits below;
  float u, p;
  below.f = x;
  below.u |= 0x80000000u;
  u = @exp(below.f);
  p = 0.153448805f + u * (-0.106611282f + u * (0.057457231f + u * (-0.0200862419f + u * 0.00329046859f)));
  p = 0.499999315f + u * (-0.333304644f + u * (0.24958019f + u * (-0.196921021f + u * p)));
  return ((x < 0.0f ? 0.0f : x) - (u * u) * p) + u;
}
""",
    "log": r"""
static inline float @log(float x)
{
  const int small = x < 1.17549435e-38f;
  @bits m, none;
  float n, f, square, p, tail;
  m.f = small ? x * 8388608.0f : x;
  m.u += 0x3f800000u - 0x3f3504f3u;
  n = (float)((int)(m.u >> 23) - 127 - (small ? 23 : 0));
  m.u = (m.u & 0x7fffffu) + 0x3f3504f3u;
  f = m.f - 1.0f;
  square = f * f;
  p = 0.1420158f + f * (-0.131596103f + f * (0.127622128f + f * -0.0763642788f));
  p = 0.333333313f + f * (-0.250008196f + f * (0.200012416f + f * (-0.166234091f + f * p)));
  tail = (f * square) * p + n * @LN2_LOW;
  none.u = x == 0.0f ? 0xff800000u : 0x7fc00000u;
  return x > 0.0f ? (x > 3.4028234e38f ? x : n * @LN2_HIGH + (f + (tail - 0.5f * square))) : none.f;
}
""",
    "rsqrt": r"""
/* 1 / sqrt(x) of a normal x > 0: Newton's steps from the bits halved. */
static inline float @rsqrt(float x)
{
  @bits guess;
  float y;
  guess.f = x;
  guess.u = 0x5f3759dfu - (guess.u >> 1);
  y = guess.f;
  y = y * (1.5f - 0.5f * x * y * y);
  y = y * (1.5f - 0.5f * x * y * y);
  y = y * (1.5f - 0.5f * x * y * y);
  return y + 0.5f * y * (1.0f - x * y * y);
}
""",
    "sqrt": r"""
static inline float @sqrt(float x)
{
  @bits none;
  float y, root;
  none.u = 0x7fc00000u;
  y = @rsqrt(x > 1.17549435e-38f ? x : 1.17549435e-38f);
  root = x * y;
  root = root + 0.5f * y * (x - root * root);
  return x > 1.17549435e-38f ? (x > 3.4028234e38f ? x : root) : (x >= 0.0f ? x * y : none.f);
}
""",
    "turned": r"""
/* sin(x + quarters pi / 2), |x| < 2^20; NaN beyond. */
static inline float @turned(float x, int quarters)
{
  union { double d; uint64_t u; } quarter;
  @bits none;
  double shifted, n, r, s, odd, even, found;
  none.u = 0x7fc00000u;
  if (!(x > -1048576.0f && x < 1048576.0f)) return none.f;
  shifted = (double)x * 0.63661977236758134308 + 6755399441055744.0;
  n = shifted - 6755399441055744.0;
  quarter.d = shifted;
  quarter.u += (uint64_t)quarters;
  r = ((double)x - n * 1.5707963267341256142) - n * 6.0771005065061922e-11;
  s = r * r;
  odd = -1.0 / 5040 + s * (1.0 / 362880 - s * (1.0 / 39916800));
  odd = r + r * s * (-1.0 / 6 + s * (1.0 / 120 + s * odd));
  even = -1.0 / 720 + s * (1.0 / 40320 - s * (1.0 / 3628800));
  even = 1.0 + s * (-0.5 + s * (1.0 / 24 + s * even));
  found = (quarter.u & 1u) ? even : odd;
  return (float)((quarter.u & 2u) ? -found : found);
}
""",
    "sin": "static inline float @sin(float x) { return x == 0.0f ? x : @turned(x, 0); }\n",
    "cos": "static inline float @cos(float x) { return @turned(x, 1); }\n",
    "relu": "static inline float @relu(float x) { return x < 0.0f ? 0.0f : x; }\n",
    "abs": "static inline float @abs(float x) { return x < 0.0f ? -x : x; }\n",
    "sign": "static inline float @sign(float x) { return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : x * 0.0f); }\n",
    "maximum": "static inline float @maximum(float a, float b) { return a >= b || a != a ? a : b; }\n",
    "minimum": "static inline float @minimum(float a, float b) { return a <= b || a != a ? a : b; }\n",
    "product": r"""
/* y = W x: W has `rows` rows and is stored column by column. */
static inline void @product(const float *w, const float *@RESTRICT x, float *@RESTRICT y, int rows, int columns)
{
  int j, k;
  for (j = 0; j < rows; j++) y[j] = 0.0f;
  for (k = 0; k + 4 <= columns; k += 4, w += 4 * rows) {
    const float a = x[k], b = x[k + 1], c = x[k + 2], d = x[k + 3];
    for (j = 0; j < rows; j++)
      y[j] += (a * w[j] + b * w[rows + j]) + (c * w[2 * rows + j] + d * w[3 * rows + j]);
  }
  for (; k < columns; k++, w += rows)
    for (j = 0; j < rows; j++) y[j] += x[k] * w[j];
}
""",
    "product8": r"""
/* y = S W x: W in bytes, column by column, S a number for each row. */
static inline void @product8(const int8_t *w, const float *scale, const float *@RESTRICT x, float *@RESTRICT y,
                             int rows, int columns)
{
  int j, k;
  for (j = 0; j < rows; j++) y[j] = 0.0f;
  for (k = 0; k + 4 <= columns; k += 4, w += 4 * rows) {
    const float a = x[k], b = x[k + 1], c = x[k + 2], d = x[k + 3];
    for (j = 0; j < rows; j++)
      y[j] += (a * (float)w[j] + b * (float)w[rows + j]) + (c * (float)w[2 * rows + j] + d * (float)w[3 * rows + j]);
  }
  for (; k < columns; k++, w += rows)
    for (j = 0; j < rows; j++) y[j] += x[k] * (float)w[j];
  for (j = 0; j < rows; j++) y[j] *= scale[j];
}
""",
    "copy": r"""
static inline void @copy(const float *@RESTRICT from, float *@RESTRICT to, int count)
{
  int j;
  for (j = 0; j < count; j++) to[j] = from[j];
}
""",
    "log_softmax": r"""
/* In place: the logarithms of the probabilities of `count` outputs. */
static inline void @log_softmax(float *y, int count)
{
  float most = y[0], sum = 0.0f;
  int j;
  for (j = 1; j < count; j++) most = y[j] > most ? y[j] : most;
  for (j = 0; j < count; j++) sum += @exp(y[j] - most);
  most += @log(sum);
  for (j = 0; j < count; j++) y[j] -= most;
}
""",
}
NEEDS = {
    "softplus": ("exp",),
    "sqrt": ("rsqrt",),
    "sin": ("turned",),
    "cos": ("turned",),
    "log_softmax": ("exp", "log"),
}


def definitions(used: Iterable[str]) -> str:
    """The C of these functions and of those that they call; `@` stands for the prefix of all names."""
    wanted = set(used)
    for name in tuple(wanted):
        wanted.update(NEEDS.get(name, ()))
    return HEAD + "".join(body for name, body in BODIES.items() if name in wanted)
