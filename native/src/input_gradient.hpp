// The gradient of the input: adjoints times the transpose of its matrix, for each packed row or each row of the table.
#pragma once

#include "kernel.hpp"
#include "layer.hpp"
#include "tile.hpp"

namespace recurra {

template <class T, class Q>
class InputGradient {
 public:
  // What a thread needs for it.
  struct Scratch {
    T* tile;      // [TILE_ROWS][UNITS] of dx
    Q* gathered;  // [TILE_ROWS][w_adjoints][whole depth]: adjoints as they are held, where that is not T
  };

  explicit InputGradient(const Layer<T, Q>& layer) : layer_(layer) {}

  bool wanted() const { return layer_.call.dx || layer_.call.dtable; }

  void allocate_shared(Arena& from) {
    packed_ = from.take<Q>(wanted() ? columns() * size_of_panel() * (padded<T>(layer_.call.inputs) / UNITS<T>) : 0);
  }

  void allocate(Scratch& scratch, Arena& from) const {
    scratch.tile = from.take<T>(TILE_ROWS * UNITS<T>);
    scratch.gathered = from.take<Q>(layer_.ROUNDED ? TILE_ROWS * columns() * whole_depth<Q>(layer_.hidden) : 0);
  }

  // This thread's part of the matrix.
  void pack(int thread, int threads) {
    const int64_t inputs = layer_.call.inputs, h = layer_.hidden, n = columns();
    const Share mine(padded<T>(inputs) / UNITS<T> * n, thread, threads);
    for (int64_t item = mine.first; item < mine.last; item++) {
      const int64_t p = item / n, j = item % n;
      const T* const block =
          static_cast<const T*>(layer_.call.weight_ih) + layer_.code.w_blocks[size_t(j)] * h * inputs;
      pack_rows<T>([&](int64_t k) { return block + k * inputs; }, inputs, p * UNITS<T>, h,
                   packed_ + item * size_of_panel());
    }
  }

  // Rows [first, last) of adjoints times the input's matrix; where(row) is where a row's result goes.
  template <class Where>
  void run(int64_t first, int64_t last, const T* adjoint, int64_t adjoint_row, const Scratch& scratch, Where where) {
    constexpr int64_t U = UNITS<T>;
    const int64_t inputs = layer_.call.inputs, h = layer_.hidden, n = columns();
    const bool joined = h == layer_.width && !layer_.ROUNDED;
    for (int64_t i = first; i < last; i += TILE_ROWS) {
      const int64_t rows = std::min(TILE_ROWS, last - i);
      const Q* from;
      int64_t row, column;  // of the adjoints as they are held
      if constexpr (layer_.ROUNDED) {
        column = whole_depth<Q>(h);
        row = n * column;
        for (int64_t r = 0; r < rows; r++)
          for (int64_t j = 0; j < n; j++)
            hold_row(scratch.gathered + r * row + j * column, adjoint + (i + r) * adjoint_row + j * layer_.width, h);
        from = scratch.gathered;
      } else {
        column = layer_.width;
        row = adjoint_row;
        from = adjoint + i * adjoint_row;
      }
      for (int64_t p = 0; p * U < inputs; p++) {
        const Q* const panel = packed_ + p * n * size_of_panel();
        if (n == 0) std::fill_n(scratch.tile, TILE_ROWS * U, T(0));
        if (joined && n > 0)
          rows_by_panel<T, Q>(rows, {.a = from, .a_row = row, .panel = panel, .depth = n * h, .c = scratch.tile, .c_row = U});
        for (int64_t j = 0; !joined && j < n; j++)
          rows_by_panel<T, Q>(rows, {.a = from + j * column, .a_row = row, .panel = panel + j * size_of_panel(), .depth = h,
                                     .c = scratch.tile, .c_row = U, .start = j == 0 ? Start::zero : Start::sums});
        const int64_t here = std::min(U, inputs - p * U);
        for (int64_t r = 0; r < rows; r++) {
          T* const to = where(i + r) + p * U;
          const T* const sums = scratch.tile + r * U;
          if (here == U) {
            store(to, load(sums));
            store(to + LANES<T>, load(sums + LANES<T>));
          } else {
            for (int64_t u = 0; u < here; u++) to[u] = sums[u];
          }
        }
      }
    }
  }

 private:
  int64_t size_of_panel() const { return panel_size<T, Q>(layer_.hidden); }
  int64_t columns() const { return int64_t(layer_.code.w_blocks.size()); }

  const Layer<T, Q>& layer_;
  Q* packed_ = nullptr;  // [panels of the inputs][columns] panels of depth `hidden`
};

}  // namespace recurra
