// The input's products, taken out of time: for a chunk of steps at once, or of the tokens' table once for all.
#pragma once

#include <vector>

#include "kernel.hpp"
#include "layer.hpp"
#include "tile.hpp"

namespace recurra {

template <class T, class Q>
struct InputProducts {
  const Layer<T, Q>& layer;
  int64_t columns, row;     // row: numbers of a projected row
  Q* packed_ih = nullptr;   // [columns][panels] panels of depth `inputs`
  T* bias = nullptr;        // [columns][width]
  T* projected = nullptr;   // [vocabulary][row], where tokens_projected

  explicit InputProducts(const Layer<T, Q>& l)
      : layer(l), columns(int64_t(l.code.columns.size())), row(columns * l.width + UNITS<T>) {}

  int64_t panel() const { return panel_size<T, Q>(layer.call.inputs); }
  int64_t depth() const { return row_room<Q>(layer.call.inputs); }

  void allocate_shared(Arena& from) {
    if constexpr (std::is_same_v<Q, Byte>)
      packed_ih = layer.call.packed->input;
    else
      packed_ih = from.take<Q>(columns * layer.panels * panel());
    bias = from.take<T>(columns * layer.width);
    projected = from.take<T>(layer.tokens_projected ? layer.call.vocabulary * row : 0);
  }

  void fill_bias() {
    for (int64_t c = 0; c < columns; c++) {
      T* const to = bias + c * layer.width;
      std::fill_n(to, layer.width, T(0));
      for (const int32_t v : layer.code.columns[size_t(c)].vectors)
        for (int64_t u = 0; u < layer.width; u++) to[u] += layer.vectors[v * layer.width + u];
    }
  }

  // This thread's part of weight_ih; bytes are packed before, once.
  void pack(int thread, int threads) {
    if constexpr (std::is_same_v<Q, Byte>) return;
    else pack_own(thread, threads);
  }

  void pack_own(int thread, int threads) {
    const T* const m = static_cast<const T*>(layer.call.weight_ih);
    const int64_t inputs = layer.call.inputs, hidden = layer.hidden;
    const Share mine(columns * layer.panels, thread, threads);
    for (int64_t item = mine.first; item < mine.last; item++) {
      const int64_t c = item / layer.panels, p = item % layer.panels;
      pack_transposed(m + layer.code.columns[size_t(c)].block * hidden * inputs, inputs, hidden, p * UNITS<T>, inputs,
                      packed_ih + item * panel());
    }
  }

  // Rows of `vectors`, each `vectors_row` apart, times the panels [first, last) of every column -> to.
  void product(int64_t rows, const Q* vectors, int64_t vectors_row, int64_t first, int64_t last, T* to) const {
    const int64_t inputs = layer.call.inputs;
    const T* start[TILE_ROWS];
    std::fill_n(start, TILE_ROWS, bias);
    const int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (int64_t tile = 0; tile < tiles; tile++) {
      const int64_t i = rows * tile / tiles, here = rows * (tile + 1) / tiles - i;
      for (int64_t c = 0; c < columns; c++)
        for (int64_t p = first; p < last; p++) {
          const int64_t at = c * layer.width + p * UNITS<T>;
          rows_by_panel<T, Q>(here, {.a = vectors + i * vectors_row, .a_row = vectors_row,
                                     .panel = packed_ih + (c * layer.panels + p) * panel(), .depth = inputs,
                                     .c = to + i * row + at, .c_row = row,
                                     .start = Start::rows, .rows = start, .column = at});
        }
    }
  }

  // One part of the projected table: some rows of it, all columns.
  void project(int part, int parts, Q* room) const {
    const Share mine(layer.call.vocabulary, part, parts);
    const T* const table = static_cast<const T*>(layer.call.table);
    const int64_t inputs = layer.call.inputs;
    for (int64_t v = mine.first; v < mine.last; v += CHUNK_ROWS) {
      const int64_t rows = std::min(CHUNK_ROWS, mine.last - v);
      for (int64_t i = 0; i < rows; i++) hold_row(room + i * depth(), table + (v + i) * inputs, inputs);
      product(rows, room, depth(), 0, layer.panels, projected + v * row);
    }
  }

  int64_t room_rows() const { return std::max(CHUNK_ROWS, layer.plan.most_rows); }
};

// The projected rows of a group, chunk after chunk.
template <class T, class Q>
struct Chunk {
  const InputProducts<T, Q>& products;
  const Group& group;
  Q* gathered;    // [room_rows][depth of the inputs]
  T* projected;   // [room_rows][row]
  const T** rows;  // [room_rows]: where each packed row of the chunk begins
  int64_t begun = 0, ended = 0;  // steps [begun, ended) are there

  // Makes step `s` be there, for the panels [first, last), always the same ones; returns its rows.
  const T* const* at(int64_t s, int64_t first, int64_t last) {
    if (s >= ended) make(s, first, last);
    return rows + (group.before[size_t(s)] - group.before[size_t(begun)]);
  }

 private:
  void make(int64_t s, int64_t first, int64_t last) {
    const Layer<T, Q>& layer = products.layer;
    const recurra_call& call = layer.call;
    begun = ended = s;
    while (ended < group.steps() && (ended == begun || group.before[size_t(ended) + 1] - group.before[size_t(begun)] <= CHUNK_ROWS))
      ended++;
    int64_t n = 0;
    // the steps of one row lie evenly: they are read where they are
    const bool in_place = !layer.ROUNDED && !call.tokens && group.rows() == 1;
    for (int64_t t = begun; t < ended; t++)
      for (int64_t r = 0; r < group.active[size_t(t)]; r++, n++) {
        const int64_t row = group.row[size_t(r)], time = time_of(call, row, t);
        if (layer.tokens_projected) {
          const int64_t token = call.tokens[row * call.tokens_batch + time * call.tokens_time];
          rows[n] = products.projected + token * products.row;
          continue;
        }
        rows[n] = projected + n * products.row;
        if (!in_place) hold_row(gathered + n * products.depth(), layer.input(row, time), call.inputs);
      }
    if (layer.tokens_projected) return;
    if constexpr (!Layer<T, Q>::ROUNDED)
      if (in_place) {
        const int64_t apart = call.reverse ? -call.x_time : call.x_time;
        products.product(n, layer.input(group.row[0], time_of(call, group.row[0], begun)), apart, first, last, projected);
        return;
      }
    products.product(n, gathered, products.depth(), first, last, projected);
  }
};

}  // namespace recurra
