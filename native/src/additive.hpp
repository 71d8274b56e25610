// Scores of additive attention, v' tanh(a + k) for each query a and each position's key k, and the gradients of what they
// are made of, without the table [batch, queries, positions, width].
//
// tanh(x) is 1 - 2 r with r = 1 / (1 + e^2x), and e^2(a + k) is e^2a e^2k. So each number that is given costs an exp, and
// each pair of them a multiply-add and half a division, for 1 / d and 1 / f are f / (d f) and d / (d f). Of the slope, too,
// r is all that is needed: 1 - tanh(x)^2 = 4 (r - r^2). Where a product could overflow, tanh is taken of each sum itself.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>

#include "arena.hpp"
#include "functions.hpp"
#include "processors.hpp"
#include "recurra.h"
#include "share.hpp"

namespace recurra {

// Largest |a| + |k| for exponentials: (1 + e^40)^2 is a float, (1 + e^340)^2 a double.
template <class T>
inline constexpr T LIMIT = sizeof(T) == 4 ? T(20) : T(170);

inline constexpr int TILE_QUERIES = 4;  // that share what is loaded of a key

// f(load of each vector of n numbers, where it begins); the last one padded with zeros
template <class T, class F>
RECURRA_INLINE void each_vector(const T* from, int64_t n, F f) {
  constexpr int L = LANES<T>;
  int64_t q = 0;
  for (; q + L <= n; q += L) f(load(from + q), q);
  if (q < n) {
    T rest[L] = {};
    std::memcpy(rest, from + q, size_t(n - q) * sizeof(T));
    f(load(rest), q);
  }
}

// The largest number of those that are not below 0; infinite if one is none.
template <class T>
RECURRA_INLINE T largest_of(Vec<T> v) {
  constexpr T INFINITE = std::numeric_limits<T>::infinity();
  T lanes[LANES<T>];
  store(lanes, select<T>(v < INFINITE, v, splat(INFINITE)));
  for (int half = LANES<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lanes[i] = std::max(lanes[i], lanes[i + half]);
  return lanes[0];
}

// e^2x of n numbers into `room`, what is beyond them of no consequence but finite; gives the largest |x|.
template <class T>
T exponentials(const T* from, int64_t n, T* to, int64_t room) {
  Vec<T> most{};
  std::fill(to + n, to + room, T(0));
  each_vector(from, n, [&](Vec<T> x, int64_t q) __attribute__((always_inline)) {
    most = maximum<T>(most, absolute<T>(x));
    store(to + q, exp<T>(x + x));
  });
  return largest_of<T>(most);
}

// What a call reads, as numbers of its type.
template <class T>
struct Given {
  explicit Given(const recurra_scoring& c)
      : call(c), a(static_cast<const T*>(c.queries)), k(static_cast<const T*>(c.keys)), v(static_cast<const T*>(c.weight)) {}

  const T* query(int64_t b, int64_t t) const { return a + b * call.queries_batch + t * call.queries_time; }
  const T* key(int64_t b, int64_t s) const { return k + b * call.keys_batch + s * call.keys_time; }

  // The positions of a row that are looked at; gives their number.
  int64_t look(int64_t b, int64_t* places) const {
    const uint8_t* const past = call.past ? call.past + b * call.positions : nullptr;
    int64_t count = 0;
    for (int64_t s = 0; s < call.positions; s++)
      if (!past || !past[s]) places[count++] = s;
    return count;
  }

  // Threads that are worth it, at so many multiply-adds for each unit of each pair.
  int team(int64_t each) const {
    const double pairs = double(call.batch) * double(call.count) * double(call.positions);
    return team_size(call.threads, int64_t(std::min(1e15, double(each) * double(call.width) * pairs)));
  }

  recurra_scoring call;
  const T *a, *k, *v;
};

inline int check(const recurra_scoring* call) {
  constexpr int64_t most = int64_t(1) << 31;
  if (!call || (call->type != RECURRA_F32 && call->type != RECURRA_F64)) return RECURRA_BAD_CALL;
  for (const int64_t size : {call->batch, call->count, call->positions, call->width})
    if (size < 1 || size >= most) return RECURRA_BAD_CALL;
  return call->queries && call->keys && call->weight ? RECURRA_OK : RECURRA_BAD_CALL;
}

}  // namespace recurra
