// The gradient of the input: adjoints times the transpose of its matrix, for each packed row or each row of the table.
#pragma once

#include "kernel.hpp"
#include "layer.hpp"
#include "tile.hpp"

namespace recurra {

template <class T, class Q>
class InputGradient {
 public:
  // Panels that are copied to a row of dx at once, where its rows do not lie evenly.
  static constexpr int64_t BAND = 8;

  // What a thread needs for it.
  struct Scratch {
    T* tile;      // [TILE_ROWS][BAND * UNITS] of dx
    Q* gathered;  // [TILE_ROWS][w_adjoints][whole depth]: adjoints as they are held, where that is not T
  };

  explicit InputGradient(const Layer<T, Q>& layer) : layer_(layer) {}

  bool wanted() const { return layer_.call.dx || layer_.call.dtable; }

  void allocate_shared(Arena& from) {
    packed_ = from.take<Q>(wanted() ? columns() * size_of_panel() * (padded<T>(layer_.call.inputs) / UNITS<T>) : 0);
  }

  void allocate(Scratch& scratch, Arena& from) const {
    scratch.tile = from.take<T>(TILE_ROWS * BAND * UNITS<T>);
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

  // Rows [first, last) of adjoints, which begin at `adjoint`, times the input's matrix; where(row) is where a row's result
  // goes.
  template <class Where>
  void run(int64_t first, int64_t last, const T* adjoint, int64_t adjoint_row, const Scratch& scratch, Where where) const {
    constexpr int64_t U = UNITS<T>;
    const int64_t inputs = layer_.call.inputs, h = layer_.hidden, n = columns();
    const bool joined = h == layer_.width && !layer_.ROUNDED;
    for (int64_t i = first; i < last; i += TILE_ROWS) {
      const int64_t rows = std::min(TILE_ROWS, last - i);
      const Q* from;
      int64_t row, column;  // of the adjoints as they are held
      if constexpr (Layer<T, Q>::ROUNDED) {
        column = whole_depth<Q>(h);
        row = n * column;
        for (int64_t r = 0; r < rows; r++)
          for (int64_t j = 0; j < n; j++)
            hold_row(scratch.gathered + r * row + j * column, adjoint + (i - first + r) * adjoint_row + j * layer_.width, h);
        from = scratch.gathered;
      } else {
        column = layer_.width;
        row = adjoint_row;
        from = adjoint + (i - first) * adjoint_row;
      }
      T* const begin = where(i);
      const int64_t apart = rows > 1 ? where(i + 1) - begin : inputs;
      bool even = inputs % U == 0;
      for (int64_t r = 2; even && r < rows; r++) even = where(i + r) == begin + r * apart;
      for (int64_t p0 = 0; p0 * U < inputs; p0 += BAND) {
        const int64_t p1 = std::min(p0 + BAND, padded<T>(inputs) / U);
        const Place<T> to = even ? Place<T>{begin + p0 * U, apart} : Place<T>{scratch.tile, BAND * U};
        for (int64_t p = p0; p < p1; p++)
          panel(rows, from, row, column, joined, p, {to.at + (p - p0) * U, to.row});
        const int64_t here = std::min(p1 * U, inputs) - p0 * U;
        for (int64_t r = 0; !even && r < rows; r++)
          std::memcpy(where(i + r) + p0 * U, to.at + r * to.row, size_t(here) * sizeof(T));
      }
    }
  }

 private:
  // Panel p of some rows of dx.
  void panel(int64_t rows, const Q* from, int64_t row, int64_t column, bool joined, int64_t p, Place<T> to) const {
    const int64_t h = layer_.hidden, n = columns();
    const Q* const panel = packed_ + p * n * size_of_panel();
    for (int64_t r = 0; n == 0 && r < rows; r++) std::fill_n(to.at + r * to.row, UNITS<T>, T(0));
    if (joined && n > 0)
      rows_by_panel<T, Q>(rows, {.a = from, .a_row = row, .panel = panel, .depth = n * h, .c = to.at, .c_row = to.row});
    for (int64_t j = 0; !joined && j < n; j++)
      rows_by_panel<T, Q>(rows, {.a = from + j * column, .a_row = row, .panel = panel + j * size_of_panel(), .depth = h,
                                 .c = to.at, .c_row = to.row, .start = j == 0 ? Start::zero : Start::sums});
  }

  int64_t size_of_panel() const { return panel_size<T, Q>(layer_.hidden); }
  int64_t columns() const { return int64_t(layer_.code.w_blocks.size()); }

  const Layer<T, Q>& layer_;
  Q* packed_ = nullptr;  // [panels of the inputs][columns] panels of depth `hidden`
};

}  // namespace recurra
