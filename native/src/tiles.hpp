// Products of bfloat16 in the processor's matrix tiles (AMX): 16 rows of 32 numbers times 16 pairs of 16 columns.
#pragma once

#include "bfloat.hpp"
#include "panel_product.hpp"

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

// A product of 16 or 32 rows, its depth a multiple of 32; unless it starts from zero, from what is in C.
inline void tile_block(int64_t rows, const PanelProduct<float, Bfloat>& p) {
  const int64_t a_bytes = p.a_row * 2, c_bytes = p.c_row * 4, panel_bytes = 32 * 4;
  float* const below = p.c + 16 * p.c_row;
  const bool two = rows == 32;
  if (p.start != Start::zero) {
    _tile_loadd(0, p.c, c_bytes);
    _tile_loadd(1, p.c + 16, c_bytes);
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
  for (int64_t k = 0; k < p.depth; k += 32) {
    _tile_loadd(4, p.a + k, a_bytes);
    _tile_loadd(6, p.panel + k * 32, panel_bytes);
    _tile_loadd(7, p.panel + k * 32 + 32, panel_bytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (two) {
      _tile_loadd(5, p.a + 16 * p.a_row + k, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, p.c, c_bytes);
  _tile_stored(1, p.c + 16, c_bytes);
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

inline void tile_block(int64_t rows, const PanelProduct<float, Bfloat>& p) {
  const auto wide = [](Bfloat value) {
    const uint32_t bits = uint32_t(value.bits) << 16;
    float number;
    std::memcpy(&number, &bits, 4);
    return number;
  };
  for (int64_t i = 0; i < rows; i++)
    for (int64_t u = 0; u < 32; u++) {
      float sum = p.start == Start::zero ? 0.0f : p.c[i * p.c_row + u];
      for (int64_t k = 0; k < p.depth; k++)
        sum += wide(p.a[i * p.a_row + k]) * wide(p.panel[(k / 2 * 32 + u) * 2 + k % 2]);
      p.c[i * p.c_row + u] = sum;
    }
}

#else

inline constexpr bool TILES = false;

inline void tile_block(int64_t, const PanelProduct<float, Bfloat>&) {}

#endif

#endif

}  // namespace recurra
