// Operands of products in 8 bits: whole numbers from -127 to 127 times a scale, one of each row of a matrix and one of
// each vector that it maps. Sums are int32's and exact.
#pragma once

#include <cstdint>
#include <cstring>

#include "panel_product.hpp"
#include "simd.hpp"

namespace recurra {

struct Byte {
  int8_t value;
};

// Products take four numbers of the inner dimension at a time.
inline constexpr int64_t QUAD = 4;

// Deeper sums could leave int32.
inline constexpr int64_t MOST_BYTES = int64_t(1) << 16;

// How operands lie, as the processor's products want them.
//
// unsigned_quads (VNNI): vectors hold value + 128 in 8 bits, and sums begin with what that is too much. Otherwise vectors
// are int16, whose products are added in pairs, and a panel's quad has its second and third number exchanged.
bool unsigned_quads();

// A vector: its scale, then its numbers, 8 or 16 bits each, in whole vectors of them.
inline constexpr int64_t BYTE_ROW_HEAD = 16, BYTE_ROW_STEP = 16;

RECURRA_INLINE int64_t byte_row_room(int64_t depth) {
  return BYTE_ROW_HEAD + 2 * ((depth + BYTE_ROW_STEP - 1) / BYTE_ROW_STEP * BYTE_ROW_STEP);
}

// n numbers as 8 bits: the scale is the largest size / 127, rounded to the nearest, ties to even. A row with a number that
// is not finite has NaN for a scale.
void quantise_row(Byte* to, const float* from, int64_t n);

// A panel: UNITS scales, UNITS numbers that the sums begin with, then [depth / 4][UNITS][4].
inline constexpr int64_t BYTE_PANEL_HEAD = 8 * UNITS<float>;

// Columns of the transpose of m [rows][depth], one scale a row, the UNITS from `first` on; what is past the matrix is zero.
void pack_bytes(const int8_t* m, const float* scales, int64_t rows, int64_t first, int64_t depth, Byte* panel);

// C = start + A panel, for any number of rows.
void rows_by_byte_panel(int64_t m, const PanelProduct<float, Byte>& p);

}  // namespace recurra
