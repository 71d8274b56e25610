#include "arena.hpp"
#include "export.hpp"
#include "kernel.hpp"
#include "processors.hpp"
#include "share.hpp"
#include "tile.hpp"

namespace recurra {
namespace {

template <class T, class Q>
struct Multiply {
  int64_t m, n, k;
  const T *a, *b;
  T *c, *padded_c;
  Q *held_a, *packed;

  static void work(void* self, int thread, Team& team) { static_cast<Multiply*>(self)->part(thread, team); }

  void part(int thread, Team& team) {
    constexpr int64_t U = UNITS<T>;
    const TileScope<Q> tiles;
    const int64_t w = padded<T>(n), panel = panel_size<T, Q>(k), row = whole_depth<Q>(k);
    const Share panels(w / U, thread, team.count()), rows(m, thread, team.count());
    for (int64_t p = panels.first; p < panels.last; p++) pack_transposed(b, k, n, p * U, k, packed + p * panel);
    for (int64_t i = rows.first; i < rows.last; i++) hold_row(held_a + i * row, a + i * k, k);
    team.wait();
    for (int64_t i = rows.first; i < rows.last; i += TILE_ROWS) {
      const int64_t here = std::min(TILE_ROWS, rows.last - i);
      for (int64_t p = 0; p < w / U; p++)
        rows_by_panel<T, Q>(here, {.a = held_a + i * row, .a_row = row, .panel = packed + p * panel, .depth = k,
                                   .c = padded_c + i * w + p * U, .c_row = w});
      for (int64_t r = i; r < i + here; r++) std::memcpy(c + r * n, padded_c + r * w, size_t(n) * sizeof(T));
    }
  }

  int run(int32_t threads) {
    const Buffer room = allocated([this](Arena& from) { allocate(from); });
    if (!room.data()) return RECURRA_NO_MEMORY;
    run_team(team_size(threads, m * n * k), work, this);
    return RECURRA_OK;
  }

  void allocate(Arena& from) {
    const int64_t w = padded<T>(n);
    padded_c = from.take<T>(m * w);
    held_a = from.take<Q>(m * whole_depth<Q>(k));
    packed = from.take<Q>(w / UNITS<T> * panel_size<T, Q>(k));
  }
};

template <class T, class Q>
int multiply(int32_t threads, int64_t m, int64_t n, int64_t k, const void* a, const void* b, void* c) {
  Multiply<T, Q> job{m, n, k, static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(c),
                     nullptr, nullptr, nullptr};
  return job.run(threads);
}

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT int recurra_product(int32_t type, int32_t products, int32_t threads, int64_t m, int64_t n, int64_t k,
                                   const void* a, const void* b, void* c) {
  if (m < 1 || n < 1 || k < 1 || !a || !b || !c) return RECURRA_BAD_CALL;
  if (type == RECURRA_F64) return multiply<double, double>(threads, m, n, k, a, b, c);
  if (type != RECURRA_F32) return RECURRA_BAD_CALL;
  if (products == RECURRA_BF16) return multiply<float, Bfloat>(threads, m, n, k, a, b, c);
  return multiply<float, float>(threads, m, n, k, a, b, c);
}
