// What forward, backward and streams of one layer and direction share: sizes, packed weights, the memory in between.
#pragma once

#include <algorithm>
#include <vector>

#include "arena.hpp"
#include "panels.hpp"
#include "plan.hpp"
#include "program.hpp"
#include "share.hpp"

namespace recurra {

// Packed rows of input that are projected at once: few would not pay for reading the weights.
inline constexpr int64_t CHUNK_ROWS = 96;

// T: the type of values; Q: what the operands of matrix products are held as.
template <class T, class Q>
struct Layer {
  const recurra_call& call;
  const Code& code;
  const std::vector<double>& constants;
  Plan plan;
  int64_t hidden, width, panels;  // width: units, padded to whole panels
  bool tokens_projected;          // the table's rows are projected once, not each step's

  // shared by the team
  T* memory_saved = nullptr;
  T* memory_rows = nullptr;
  T* memory_history = nullptr;
  Q* packed_hh = nullptr;      // per level [panels][products] panels of depth `hidden`: in the order of their use
  T* vectors = nullptr;     // [vectors][width]
  T* constant_rows = nullptr;  // [constants][width]
  T* adjoint = nullptr;     // backward: [total][adjoint_row]
  int64_t adjoint_row = 0;

  Layer(const recurra_call& c, const Code& k, const Code& forward, const std::vector<double>& numbers)
      : call(c),
        code(k),
        constants(numbers),
        plan(recurra::plan(c, forward.products)),
        hidden(c.hidden),
        width(padded<T>(c.hidden)),
        panels(width / UNITS<T>),
        tokens_projected(c.tokens && c.vocabulary <= plan.total) {}

  static constexpr bool ROUNDED = !std::is_same_v<T, Q>;

  int64_t panel() const { return panel_size<T, Q>(hidden); }

  void allocate_shared(Arena& from) {
    packed_hh = from.take<Q>(code.products * panels * panel());
    vectors = from.take<T>(code.vectors * width);
    constant_rows = from.take<T>(code.constants * width);
  }

  // The small arrays, by one thread.
  void fill_rows() {
    for (int32_t v = 0; v < code.vectors; v++)
      for (int64_t u = 0; u < width; u++)
        vectors[v * width + u] = u < hidden && call.vectors[v] ? static_cast<const T*>(call.vectors[v])[u] : T(0);
    for (int32_t c = 0; c < code.constants; c++) std::fill_n(constant_rows + c * width, width, T(constants[size_t(c)]));
  }

  // This thread's part of the recurrent weights, packed for the products of this direction of time.
  void pack_recurrent(int thread, int threads) {
    const T* const m = static_cast<const T*>(call.weight_hh);
    int64_t item = 0;
    const Share mine(code.products * panels, thread, threads);
    for (const Level& level : code.levels)
      for (int64_t p = 0; p < panels; p++)
        for (const Sum& sum : level.sums)
          for (size_t i = 0; i < sum.products.size(); i++, item++) {
            if (item < mine.first || item >= mine.last) continue;
            Q* const to = panel_of(level, sum, p) + int64_t(i) * panel();
            const T* const block = m + sum.products[i].block * hidden * hidden;
            if (code.backward)
              pack_rows<T>([&](int64_t k) { return block + k * hidden; }, hidden, p * UNITS<T>, hidden, to);
            else
              pack_transposed(block, hidden, hidden, p * UNITS<T>, hidden, to);
          }
  }

  Q* panel_of(const Level& level, const Sum& sum, int64_t p) const {
    return packed_hh + (level.before * panels + p * level.products + sum.first) * panel();
  }

  // Row `row` of the batch at time t of the input, as a vector; its token's where there are tokens.
  const T* input(int64_t row, int64_t t) const {
    if (call.tokens)
      return static_cast<const T*>(call.table) + call.tokens[row * call.tokens_batch + t * call.tokens_time] * call.inputs;
    return static_cast<const T*>(call.x) + row * call.x_batch + t * call.x_time;
  }
};

}  // namespace recurra
