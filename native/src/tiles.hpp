// Products of bfloat16 in the processor's matrix tiles (AMX): 16 rows of 32 numbers times 16 pairs of 16 columns.
#pragma once

#include "bfloat.hpp"

#if defined(__AMX_BF16__) || defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace recurra {

inline constexpr int64_t TILE_SIDE = 16;

#if defined(__AMX_BF16__)

inline constexpr bool TILES = true;

// Tiles are configured for a thread while this lives; for other operands it does nothing.
template <class Q>
class TileScope {
 public:
  TileScope() {
    if constexpr (std::is_same_v<Q, Bfloat>) {
      struct alignas(64) {
        uint8_t palette = 1, start_row = 0, reserved[14] = {};
        uint16_t row_bytes[16] = {};
        uint8_t rows[16] = {};
      } settings;
      for (int i = 0; i < 8; i++) {
        settings.row_bytes[i] = 64;
        settings.rows[i] = 16;
      }
      _tile_loadconfig(&settings);
    }
  }
  ~TileScope() {
    if constexpr (std::is_same_v<Q, Bfloat>) _tile_release();
  }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

// C [rows][32] = (further ? C : 0) + A [rows][depth] panel; rows 16 or 32, depth a multiple of 32.
inline void tile_block(int64_t rows, const Bfloat* a, int64_t a_row, const Bfloat* panel, int64_t depth, bool further,
                       float* c, int64_t c_row) {
  const int64_t a_bytes = a_row * 2, c_bytes = c_row * 4, panel_bytes = 32 * 4;
  float* const below = c + 16 * c_row;
  const bool two = rows == 32;
  if (further) {
    _tile_loadd(0, c, c_bytes);
    _tile_loadd(1, c + 16, c_bytes);
    if (two) {
      _tile_loadd(2, below, c_bytes);
      _tile_loadd(3, below + 16, c_bytes);
    }
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t k = 0; k < depth; k += 32) {
    _tile_loadd(4, a + k, a_bytes);
    _tile_loadd(6, panel + k * 32, panel_bytes);
    _tile_loadd(7, panel + k * 32 + 32, panel_bytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (two) {
      _tile_loadd(5, a + 16 * a_row + k, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, c_bytes);
  _tile_stored(1, c + 16, c_bytes);
  if (two) {
    _tile_stored(2, below, c_bytes);
    _tile_stored(3, below + 16, c_bytes);
  }
}

#else

template <class Q>
struct TileScope {
  TileScope() {}
  ~TileScope() {}
};

#if defined(RECURRA_EMULATED_TILES)

// For tests on any machine: the same blocks, number by number.
inline constexpr bool TILES = true;

inline void tile_block(int64_t rows, const Bfloat* a, int64_t a_row, const Bfloat* panel, int64_t depth, bool further,
                       float* c, int64_t c_row) {
  const auto wide = [](Bfloat value) {
    const uint32_t bits = uint32_t(value.bits) << 16;
    float number;
    std::memcpy(&number, &bits, 4);
    return number;
  };
  for (int64_t i = 0; i < rows; i++)
    for (int64_t u = 0; u < 32; u++) {
      float sum = further ? c[i * c_row + u] : 0.0f;
      for (int64_t k = 0; k < depth; k++) sum += wide(a[i * a_row + k]) * wide(panel[(k / 2 * 32 + u) * 2 + k % 2]);
      c[i * c_row + u] = sum;
    }
}

#else

inline constexpr bool TILES = false;

inline void tile_block(int64_t, const Bfloat*, int64_t, const Bfloat*, int64_t, bool, float*, int64_t) {}

#endif

#endif

}  // namespace recurra
