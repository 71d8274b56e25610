// One vector function over an array, as the steps apply it: how the tests reach functions.hpp.
#include <cstring>

#include "export.hpp"
#include "functions.hpp"
#include "recurra.h"

namespace recurra {
namespace {

// The last numbers are computed in a full vector, padded with ones (no function objects to 1).
template <class T, class F>
int over(const void* a, void* out, int64_t n, F f) {
  const T* const from = static_cast<const T*>(a);
  T* const to = static_cast<T*>(out);
  constexpr int L = LANES<T>;
  int64_t i = 0;
  for (; i + L <= n; i += L) store(to + i, f(load(from + i)));
  if (i < n) {
    T rest[L];
    store(rest, splat(T(1)));
    std::memcpy(rest, from + i, size_t(n - i) * sizeof(T));
    store(rest, f(load(rest)));
    std::memcpy(to + i, rest, size_t(n - i) * sizeof(T));
  }
  return RECURRA_OK;
}

template <class T>
int map(int32_t op, const void* a, void* out, int64_t n) {
  using V = Vec<T>;
#define RECURRA_CASE(OP, EXPRESSION) \
  case OP: return over<T>(a, out, n, [](V x) __attribute__((always_inline)) { return EXPRESSION; })
  switch (op) {
    RECURRA_CASE(OP_COPY, x);
    RECURRA_CASE(OP_NEG, -x);
    RECURRA_CASE(OP_POSITIVE, positive<T>(x));
    RECURRA_CASE(OP_SIGMOID, sigmoid<T>(x));
    RECURRA_CASE(OP_TANH, tanh<T>(x));
    RECURRA_CASE(OP_RELU, relu<T>(x));
    RECURRA_CASE(OP_SOFTPLUS, softplus<T>(x));
    RECURRA_CASE(OP_EXP, exp<T>(x));
    RECURRA_CASE(OP_LOG, log<T>(x));
    RECURRA_CASE(OP_ONE_MINUS, splat(T(1)) - x);
    RECURRA_CASE(OP_SQRT, root<T>(x));
    RECURRA_CASE(OP_ABS, absolute<T>(x));
    RECURRA_CASE(OP_SIGN, sign<T>(x));
    RECURRA_CASE(OP_SIN, sin<T>(x));
    RECURRA_CASE(OP_COS, cos<T>(x));
    RECURRA_CASE(OP_EXPM1, expm1<T>(x));
    RECURRA_CASE(OP_SQRT_SLOPE, sqrt_slope<T>(x));
    default: return RECURRA_BAD_CALL;
  }
#undef RECURRA_CASE
}

}  // namespace
}  // namespace recurra

RECURRA_EXPORT int recurra_map(int32_t op, int32_t type, const void* a, void* out, int64_t n) {
  if (n < 0 || (n > 0 && (!a || !out))) return RECURRA_BAD_CALL;
  if (type == RECURRA_F32) return recurra::map<float>(op, a, out, n);
  if (type == RECURRA_F64) return recurra::map<double>(op, a, out, n);
  return RECURRA_BAD_CALL;
}
