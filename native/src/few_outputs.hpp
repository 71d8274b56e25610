// Products of rows and a matrix of few outputs, a row of weights each, and their gradients, where both are in cache. Rows
// are `room` numbers apart: those of the inputs and zeros up to whole chunks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "simd.hpp"

namespace recurra {

constexpr int64_t ROWS = 4, OUTPUTS = 4, VECTORS = 4;

template <class T>
constexpr int64_t CHUNK = VECTORS * LANES<T>;

template <class T>
int64_t whole_chunks(int64_t count) {
  return (count + CHUNK<T> - 1) / CHUNK<T> * CHUNK<T>;
}

// to [count, room] = from [count, width] and zeros
template <class T>
void fill_room(const T* from, int64_t count, int64_t width, int64_t room, T* to) {
  for (int64_t i = 0; i < count; i++) {
    std::copy_n(from + i * width, width, to + i * room);
    std::fill_n(to + i * room + width, room - width, T(0));
  }
}

template <class T>
RECURRA_INLINE T sum_of(Vec<T> v) {
  T sum = 0;
  for (int64_t l = 0; l < LANES<T>; l++) sum += v[l];
  return sum;
}

// out [R, C] = a [R, room] w [C, room]^T
template <class T, int64_t R, int64_t C>
RECURRA_INLINE void dots(const T* a, const T* w, int64_t room, T* out, int64_t out_row) {
  Vec<T> sums[R][C] = {};
  for (int64_t k = 0; k < room; k += LANES<T>) {
    Vec<T> own[R];
    for (int64_t r = 0; r < R; r++) own[r] = load(a + r * room + k);
    for (int64_t c = 0; c < C; c++) {
      const Vec<T> other = load(w + c * room + k);
      for (int64_t r = 0; r < R; r++) add_product<T>(sums[r][c], own[r], other);
    }
  }
  for (int64_t r = 0; r < R; r++)
    for (int64_t c = 0; c < C; c++) out[r * out_row + c] = sum_of<T>(sums[r][c]);
}

// out [R, one chunk] = the sum over n of factors [R] by rows of a chunk, times `times`. factors: of row r at
// factor + r * apart + i * next; rows: at row + i * row_step
template <class T, int64_t R>
RECURRA_INLINE void mixed(const T* factor, int64_t apart, int64_t next, const T* row, int64_t row_step, int64_t n, T times,
                          T* out, int64_t out_row) {
  Vec<T> sums[R][VECTORS] = {};
  for (int64_t i = 0; i < n; i++) {
    Vec<T> own[VECTORS];
    for (int64_t v = 0; v < VECTORS; v++) own[v] = load(row + i * row_step + v * LANES<T>);
    for (int64_t r = 0; r < R; r++) {
      const Vec<T> by = splat(factor[r * apart + i * next]);
      for (int64_t v = 0; v < VECTORS; v++) add_product<T>(sums[r][v], by, own[v]);
    }
  }
  for (int64_t r = 0; r < R; r++)
    for (int64_t v = 0; v < VECTORS; v++) store(out + r * out_row + v * LANES<T>, splat(times) * sums[r][v]);
}

// out [here, outputs] = a [here, room] w [outputs, room]^T, of ROWS rows at most
template <class T>
void all_outputs(const T* a, int64_t here, const T* w, int64_t outputs, int64_t room, T* out) {
  const auto by_outputs = [&]<int64_t R>(std::integral_constant<int64_t, R>, const T* from, T* to) {
    int64_t c = 0;
    for (; c + OUTPUTS <= outputs; c += OUTPUTS) dots<T, R, OUTPUTS>(from, w + c * room, room, to + c, outputs);
    for (; c < outputs; c++) dots<T, R, 1>(from, w + c * room, room, to + c, outputs);
  };
  if (here == ROWS)
    by_outputs(std::integral_constant<int64_t, ROWS>{}, a, out);
  else
    for (int64_t r = 0; r < here; r++) by_outputs(std::integral_constant<int64_t, 1>{}, a + r * room, out + r * outputs);
}

// d_a [here, room] = slopes [here, outputs] w [outputs, room], times `times`, of ROWS rows at most
template <class T>
void all_inputs(const T* slopes, int64_t here, const T* w, int64_t outputs, int64_t room, T times, T* d_a) {
  for (int64_t k = 0; k < room; k += CHUNK<T>)
    if (here == ROWS)
      mixed<T, ROWS>(slopes, outputs, 1, w + k, room, outputs, times, d_a + k, room);
    else
      for (int64_t r = 0; r < here; r++)
        mixed<T, 1>(slopes + r * outputs, 0, 1, w + k, room, outputs, times, d_a + r * room + k, room);
}

// One chunk, from input k on, of d_w [outputs, width] = slopes [rows, outputs]^T a [rows, room], times `times`. own: room
// for OUTPUTS chunks
template <class T>
void of_weights(const T* slopes, const T* a, int64_t rows, int64_t outputs, int64_t width, int64_t room, int64_t k, T times,
                T* own, T* d_w) {
  const int64_t here = std::min(CHUNK<T>, width - k);
  int64_t c = 0;
  const auto put = [&](int64_t count) {
    for (int64_t i = 0; i < count; i++) std::copy_n(own + i * CHUNK<T>, here, d_w + (c + i) * width + k);
  };
  for (; c + OUTPUTS <= outputs; c += OUTPUTS) {
    mixed<T, OUTPUTS>(slopes + c, 1, outputs, a + k, room, rows, times, own, CHUNK<T>);
    put(OUTPUTS);
  }
  for (; c < outputs; c++) {
    mixed<T, 1>(slopes + c, 1, outputs, a + k, room, rows, times, own, CHUNK<T>);
    put(1);
  }
}

}  // namespace recurra
