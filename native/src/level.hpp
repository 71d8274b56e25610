// How a level of a code runs over the active rows of one step.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernel.hpp"
#include "rows.hpp"
#include "workspace.hpp"

namespace recurra {

template <class T>
void copy_row(T* to, const T* from, int64_t n, int64_t room) {
  if (n > 0) std::memcpy(to, from, size_t(n) * sizeof(T));
  if (n < room) std::memset(to + n, 0, size_t(room - n) * sizeof(T));
}

// A row of a tile, whole vectors: shorter than a call of memcpy.
template <class T>
RECURRA_INLINE void copy_units(T* to, const T* from, int64_t w) {
  for (int64_t u = 0; u < w; u += LANES<T>) store(to + u, load(from + u));
}

// The row sums of a level, for all units of the active rows. `keep`: whether this thread writes those that are kept.
template <class T, class Q>
void sum_rows(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, const Level& level, int64_t active, bool keep) {
  const int64_t n = layer.of(level).units;
  for (const RowSum& sum : level.row_sums) {
    T* const to = workspace.of_rows + sum.destination * 3 * workspace.rows;
    const Place<T> a = place(layer, workspace, sum.a);
    if (sum.kind == RECURRA_MOMENTS) {
      const T epsilon = T(layer.constants[size_t(sum.constant)]);
      T* const kept = sum.kept < 0 || !keep ? nullptr : place(layer, workspace, Slot{SLOT_SAVED_ROW, sum.kept}).at;
      for (int64_t r = 0; r < active; r++) {
        const Moments<T> found = moments(a.at + r * a.row, n, epsilon);
        to[r] = found.mean;
        to[workspace.rows + r] = found.spread;
        if (kept) kept[r] = found.spread;
      }
    } else {
      const Place<T> b = place(layer, workspace, sum.b), spread = place(layer, workspace, sum.c);
      for (int64_t r = 0; r < active; r++) {
        to[r] = mean_of(a.at + r * a.row, n);
        to[workspace.rows + r] = spread.at[r] * mean_of_product(a.at + r * a.row, b.at + r * b.row, n);
        to[2 * workspace.rows + r] = spread.at[r];
      }
    }
  }
}

// Where the operands of a level lie; those that are staged tile by tile have room among the temporary ones.
template <class T, class Q>
void name_operands(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, const Level& level, Place<T>* base) {
  int staged = 0;
  for (size_t i = 0; i < level.operands.size(); i++) {
    const Slot slot = level.operands[i];
    base[i] = is_staged(slot) ? Place<T>{workspace.temps + (layer.code.temps + staged++) * TILE<T>, 0}
                              : place(layer, workspace, slot);
  }
}

// Whether rows begin equally far from each other, and there are any.
template <class T>
bool lie_evenly(const T* const* rows, int64_t n) {
  if (!rows[0]) return false;
  for (int64_t r = 2; r < n; r++)
    if (rows[r] - rows[r - 1] != rows[1] - rows[0]) return false;
  return true;
}

// The operands of one tile: rows [r0, r0 + rows), units [u0, u0 + w).
template <class T, class Q>
void stage(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, const Level& level, const Place<T>* base, int64_t r0,
           int64_t rows, int64_t u0, int64_t w, Place<T>* here) {
  for (size_t i = 0; i < level.operands.size(); i++) {
    const Slot slot = level.operands[i];
    here[i] = base[i];
    switch (slot.kind) {
      case SLOT_TEMP: here[i].row = w; break;
      case SLOT_ROW: here[i].at += r0; break;
      case SLOT_COLUMN: {
        const int64_t at = slot.index * layer.width + u0;
        if (!layer.tokens_projected) {  // one row after the other, as they were projected
          const int64_t apart = rows > 1 ? workspace.columns[r0 + 1] - workspace.columns[r0] : w;
          here[i] = {const_cast<T*>(workspace.columns[r0]) + at, apart};
          break;
        }
        here[i].row = w;
        for (int64_t r = 0; r < rows; r++) copy_units(here[i].at + r * w, workspace.columns[r0 + r] + at, w);
        break;
      }
      case SLOT_OUTPUT:
        if (layer.of(level).units - u0 >= w && lie_evenly(workspace.outputs + r0, rows)) {
          const T* const dy = workspace.outputs[r0];
          here[i] = {const_cast<T*>(dy) + u0, rows > 1 ? workspace.outputs[r0 + 1] - dy : w};
          break;
        }
        here[i].row = w;
        for (int64_t r = 0; r < rows; r++) {
          const T* const dy = workspace.outputs[r0 + r];
          const int64_t there = std::max<int64_t>(0, std::min(w, layer.of(level).units - u0));
          if (dy && there == w)
            copy_units(here[i].at + r * w, dy + u0, w);
          else
            copy_row(here[i].at + r * w, dy ? dy + u0 : dy, dy ? there : 0, w);
        }
        break;
      case SLOT_GIVEN: {
        here[i].row = w;
        const T* const given = static_cast<const T*>(layer.call.given[slot.index]) + u0;
        const int64_t there = std::max<int64_t>(0, std::min(w, layer.of(level).units - u0));
        for (int64_t r = 0; r < rows; r++)
          copy_row(here[i].at + r * w, given + workspace.places[r0 + r] * layer.hidden, there, w);
        break;
      }
      default: here[i].at += r0 * here[i].row + u0;
    }
  }
}

// Level `number` of one step: a part's units of the active rows, tile by tile.
template <class T, class Q>
void run_level(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, size_t number, int64_t active, Part part) {
  constexpr int64_t U = UNITS<T>;
  const Level& level = layer.code.levels[number];
  const Units own(layer.of(level), part);
  const int64_t first = own.u0, last = own.u1;
  if (own.empty()) return;
  Place<T> base[MOST_OPERANDS], here[MOST_OPERANDS];
  Place<const Q> operand[MOST_OPERANDS];
  name_operands(layer, workspace, level, base);
  if (!level.row_sums.empty()) sum_rows(layer, workspace, level, active, first == 0);
  int product = 0;
  Place<T> held_from{};
  for (const Sum& sum : level.sums)
    for (const Product& p : sum.products) {
      const Place<T> from = place(layer, workspace, p.operand);
      if constexpr (Layer<T, Q>::ROUNDED) {
        if (product > 0 && from.at == held_from.at) {  // the gates of a cell mostly map the same
          operand[product] = operand[product - 1];
          product++;
          continue;
        }
        held_from = from;
        const int64_t depth = layer.depth(p), row = row_room<Q>(depth);
        Q* const to = workspace.rounded + product * workspace.rows * row_room<Q>(layer.hidden);
        for (int64_t r = 0; r < active; r++) hold_row(to + r * row, from.at + r * from.row, depth);
        operand[product++] = {to, row};
      } else {
        operand[product++] = {from.at, from.row};
      }
    }
  const int64_t tiles = (active + TILE_ROWS - 1) / TILE_ROWS;
  const int64_t wide = std::max<int64_t>(U, TILE<T> / ((active + tiles - 1) / std::max<int64_t>(tiles, 1)) / U * U);
  for (int64_t u0 = first; u0 < last; u0 += wide) {
    const int64_t w = std::min(wide, last - u0);
    for (int64_t tile = 0; tile < tiles; tile++) {
      const int64_t r0 = active * tile / tiles, rows = active * (tile + 1) / tiles - r0;
      stage(layer, workspace, level, base, r0, rows, u0, w, here);
      product = 0;
      int64_t before = 0;  // numbers of the panels of the sums before
      for (const Sum& sum : level.sums) {
        const Place<T> to = here[sum.destination];
        const int n = int(sum.products.size());
        if (sum.start >= 0) tile::map1(to, here[sum.start], rows, w, [](Vec<T> x) { return x; });
        // operands that lie side by side make one product of their joint depth
        const int64_t depth = layer.depth(sum.products[0]);
        bool joined = !layer.ROUNDED && layer.call.heads == 1;
        for (int i = 1; i < n; i++)
          joined = joined && layer.depth(sum.products[size_t(i)]) == depth &&
                   operand[product + i].at == operand[product + i - 1].at + depth;
        const int passes = joined ? 1 : n;
        for (int64_t u = 0; u < w; u += U) {
          const Q* panel = layer.panels_of(number, (u0 + u) / U) + before;
          for (int i = 0; i < passes; i++) {
            const Place<const Q> a = operand[product + i];
            const Product& one = sum.products[size_t(i)];
            const Span span = joined ? Span{0, n * depth} : layer.span(one, (u0 + u) / U);
            const Start start = i > 0 || sum.start >= 0 ? Start::sums : sum.column >= 0 ? Start::rows : Start::zero;
            rows_by_panel<T, Q>(rows, {.a = a.at + r0 * a.row + span.first, .a_row = a.row, .panel = panel,
                                       .depth = span.depth, .c = to.at + u, .c_row = to.row, .start = start,
                                       .rows = sum.column >= 0 ? workspace.columns + r0 : nullptr,
                                       .column = sum.column * layer.width + u0 + u});
            panel += panel_size<T, Q>(layer.panel_depth(one));
          }
        }
        product += n;
        before += layer.panels_size(sum);
      }
      for (const Instruction& instruction : level.instructions)
        run(instruction, here, 0, rows, w, workspace.sums ? workspace.sums + u0 : nullptr, layer.width);
    }
  }
}

}  // namespace recurra
