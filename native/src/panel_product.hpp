// What the kernel computes, as its blocks and the processors' tiles take it.
#pragma once

#include <cstdint>

namespace recurra {

enum class Start { zero, rows, sums };

// C [rows][UNITS] = start + A [rows][depth] panel [depth][UNITS].
template <class T, class Q>
struct PanelProduct {
  const Q* a;      // row-major, or the rows of a block side by side: [depth][rows], of bfloat16 in pairs
  int64_t a_row;   // numbers from a row of A to the next
  const Q* panel;
  int64_t depth;
  T* c;
  int64_t c_row;   // numbers from a row of C to the next
  Start start = Start::zero;         // sums: what is in C
  const T* const* rows = nullptr;    // rows: a row of C starts from the numbers at its pointer + column
  int64_t column = 0;
};

}  // namespace recurra
