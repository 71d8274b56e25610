#include "export.hpp"
#include "layer.hpp"

namespace recurra {
namespace {

template <class T>
struct Multiply {
  int64_t m, n, k;
  const T *a, *b;
  T *c, *packed, *padded_c;
  bool bf16;

  static void work(void* self, int thread, Team& team) { static_cast<Multiply*>(self)->part(thread, team); }

  void part(int thread, Team& team) {
    constexpr int64_t U = UNITS<T>;
    const int64_t w = padded<T>(n);
    const Share panels(w / U, thread, team.count());
    for (int64_t p = panels.first; p < panels.last; p++) {
      pack_transposed(b, k, n, p * U, k, packed + p * U * k);
      if (bf16) round_to_bfloat16(packed + p * U * k, U * k);
    }
    team.wait();
    const Share rows(m, thread, team.count());
    for (int64_t i = rows.first; i < rows.last; i += TILE_ROWS) {
      const int64_t here = std::min(TILE_ROWS, rows.last - i);
      for (int64_t p = 0; p < w / U; p++)
        rows_by_panel<T>(here, a + i * k, k, packed + p * U * k, k, Start::zero, nullptr, 0, padded_c + i * w + p * U, w);
      for (int64_t r = i; r < i + here; r++) std::memcpy(c + r * n, padded_c + r * w, size_t(n) * sizeof(T));
    }
  }
};

template <class T>
int multiply(int32_t products, int32_t threads, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c) {
  const int64_t w = padded<T>(n);
  const bool bf16 = products == RECURRA_BF16;
  Carver measure;
  measure.take<T>(w * k);
  measure.take<T>(m * w);
  measure.take<T>(bf16 ? m * k : 0);
  const Buffer room(measure.used());
  if (!room.data()) return RECURRA_NO_MEMORY;
  Carver from(room.data());
  Multiply<T> job{m, n, k, a, b, c, from.take<T>(w * k), from.take<T>(m * w), bf16};
  if (bf16) {
    T* const rounded = from.take<T>(m * k);
    std::copy_n(a, m * k, rounded);
    round_to_bfloat16(rounded, m * k);
    job.a = rounded;
  }
  run_team(threads, Multiply<T>::work, &job);
  return RECURRA_OK;
}

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT int recurra_product(int32_t type, int32_t products, int32_t threads, int64_t m, int64_t n, int64_t k,
                                   const void* a, const void* b, void* c) {
  if (m < 1 || n < 1 || k < 1 || !a || !b || !c) return RECURRA_BAD_CALL;
  if (type == RECURRA_F64)
    return multiply(products, threads, m, n, k, static_cast<const double*>(a), static_cast<const double*>(b),
                    static_cast<double*>(c));
  if (type == RECURRA_F32)
    return multiply(products, threads, m, n, k, static_cast<const float*>(a), static_cast<const float*>(b),
                    static_cast<float*>(c));
  return RECURRA_BAD_CALL;
}
