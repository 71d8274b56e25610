// What forward, backward and streams of one layer and direction share: sizes, packed weights, the memory in between.
#pragma once

#include <algorithm>
#include <vector>

#include "arena.hpp"
#include "panels.hpp"
#include "plan.hpp"
#include "program.hpp"
#include "quantised.hpp"
#include "share.hpp"

namespace recurra {

// Packed rows of input that are projected at once: few would not pay for reading the weights.
inline constexpr int64_t CHUNK_ROWS = 96;

// How wide values are: units, the same padded to whole panels, and those panels.
template <class T>
struct Width {
  int64_t units, padded, panels;
  explicit Width(int64_t n) : units(n), padded(recurra::padded<T>(n)), panels(padded / UNITS<T>) {}
};

// Numbers of the first states before and after every step, one state after the other, of those that are kept.
template <class T>
int64_t history_size(const Code& code, int32_t states, const recurra_call& call, const Plan& plan) {
  int64_t size = 0;
  for (int32_t s = 0; s < states; s++)
    size += code.kept[s] ? (plan.total + call.batch) * padded<T>(code.narrow[s] ? call.projected : call.hidden) : 0;
  return size;
}

// Numbers of an operand that a panel is made for.
struct Span {
  int64_t first, depth;
};

// T: the type of values; Q: what the operands of matrix products are held as.
template <class T, class Q>
struct Layer {
  const recurra_call& call;
  const Code& code;
  const std::vector<double>& constants;
  Plan plan;
  Width<T> wide, narrow;          // of the units, and of a projection
  int64_t hidden, width, panels;  // those of the units
  int64_t head;                   // units that see each other through weight_hh: all of them, or those of a head
  bool tokens_projected;          // the table's rows are projected once, not each step's

  // shared by the team
  T* memory_saved = nullptr;
  T* memory_rows = nullptr;
  T* memory_history = nullptr;  // see history_size
  Q* packed = nullptr;          // per level [panels][products] panels of the recurrent matrices: in the order of their use
  std::vector<int64_t> levels;  // where those of each level begin
  T* vectors = nullptr;         // [vectors][width]
  T* constant_rows = nullptr;   // [constants][width]
  int64_t adjoint_row = 0;      // backward: numbers of a packed row's adjoints

  Layer(const recurra_call& c, const Code& k, const Code& forward, const std::vector<double>& numbers)
      : call(c),
        code(k),
        constants(numbers),
        plan(recurra::plan(c, forward)),
        wide(c.hidden),
        narrow(c.projected),
        hidden(wide.units),
        width(wide.padded),
        panels(wide.panels),
        head(c.hidden / c.heads),
        tokens_projected(c.tokens && c.vocabulary <= plan.total) {
    for (int64_t p = 0; call.heads > 1 && p < panels; p++) deepest_ = std::max(deepest_, heads_of(p).depth);
    int64_t used = 0;
    for (const Level& level : code.levels) {
      levels.push_back(used);
      used += of(level).panels * panels_size(level);
    }
    levels.push_back(used);
  }

  static constexpr bool ROUNDED = !std::is_same_v<T, Q>;

  const Width<T>& of(bool is_narrow) const { return is_narrow ? narrow : wide; }
  const Width<T>& of(const Level& level) const { return of(level.narrow); }
  const Width<T>& of_state(int32_t state) const { return of(code.narrow[state]); }
  int64_t depth(const Product& product) const { return of(code.narrow_operand(product.matrix.kind)).units; }

  // What of its operand panel p of a product reads: all, or the heads of the panel's units. A panel has room for as much as
  // the deepest one reads.
  Span span(const Product& product, int64_t p) const {
    return call.heads > 1 ? heads_of(p) : Span{0, depth(product)};
  }
  int64_t panel_depth(const Product& product) const { return call.heads > 1 ? deepest_ : depth(product); }

  // The rows of a state in the history, if it is kept there.
  bool keeps(int32_t state) const { return memory_history && code.kept[state]; }
  T* history(int32_t state) const { return memory_history + history_size<T>(code, state, call, plan); }

  // Numbers of the panels of one sum, or of all sums of a level, for UNITS columns.
  int64_t panels_size(const Sum& sum) const {
    int64_t size = 0;
    for (const Product& product : sum.products) size += panel_size<T, Q>(panel_depth(product));
    return size;
  }
  int64_t panels_size(const Level& level) const {
    int64_t size = 0;
    for (const Sum& sum : level.sums) size += panels_size(sum);
    return size;
  }
  // The first of a level's panels for UNITS columns; those of its sums stand one after the other.
  Q* panels_of(size_t level, int64_t p) const { return packed + levels[level] + p * panels_size(code.levels[level]); }

  void allocate_shared(Arena& from) {
    if constexpr (std::is_same_v<Q, Byte>)
      packed = call.packed->recurrent;
    else
      packed = from.take<Q>(levels.back());
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

  // This thread's part of the recurrent weights, packed for the products of this direction of time. Bytes are packed
  // before, once.
  void pack_recurrent(int thread, int threads) {
    if constexpr (!std::is_same_v<Q, Byte>)
      pack_all(thread, threads, [&](const Product& product, int64_t units, int64_t p, Q* to) { pack(product, units, p, to); });
  }

  // f(product, units, panel, where it goes) for this thread's panels of the recurrent weights.
  template <class F>
  void pack_all(int thread, int threads, F f) const {
    int64_t item = 0, items = 0;
    for (const Level& level : code.levels) items += of(level).panels * level.products;
    const Share mine(items, thread, threads);
    for (size_t number = 0; number < code.levels.size(); number++) {
      const Level& level = code.levels[number];
      for (int64_t p = 0; p < of(level).panels; p++) {
        Q* to = panels_of(number, p);
        for (const Sum& sum : level.sums)
          for (const Product& product : sum.products) {
            if (item >= mine.first && item < mine.last) f(product, of(level).units, p, to);
            to += panel_size<T, Q>(panel_depth(product));
            item++;
          }
      }
    }
  }

  // Panel p of a product that gives `units` numbers: of the matrix, backward of its transpose.
  void pack(const Product& product, int64_t units, int64_t p, Q* to) const {
    if (call.heads > 1) {
      pack_heads(static_cast<const T*>(call.weight_hh) + product.matrix.block * units * head, p, to);
      return;
    }
    const int64_t deep = depth(product);
    const bool projection = product.matrix.kind == RECURRA_PROJECTION;
    const T* const m =
        static_cast<const T*>(projection ? call.weight_hr : call.weight_hh) + product.matrix.block * units * deep;
    if (code.backward)
      pack_rows<T>([&](int64_t k) { return m + k * units; }, units, p * UNITS<T>, deep, to);
    else
      pack_transposed(m, deep, units, p * UNITS<T>, deep, to);
  }

  // f(group) for a part's groups: with lengths each part has long ones and short ones, otherwise neighbours.
  template <class F>
  void each_group(int part, int parts, F f) const {
    const auto groups = int64_t(plan.groups.size());
    const Share mine(groups, part, parts);
    const int64_t first = call.lengths ? part : mine.first, last = call.lengths ? groups : mine.last;
    for (int64_t g = first; g < last; g += call.lengths ? parts : 1) f(plan.groups[size_t(g)]);
  }

  // Row `row` of the batch at time t of the input, as a vector; its token's where there are tokens.
  const T* input(int64_t row, int64_t t) const {
    if (call.tokens)
      return static_cast<const T*>(call.table) + call.tokens[row * call.tokens_batch + t * call.tokens_time] * call.inputs;
    return static_cast<const T*>(call.x) + row * call.x_batch + t * call.x_time;
  }

 private:
  // The numbers of all heads that have a unit in panel p; of bfloat16 from where a step of the kernel begins.
  Span heads_of(int64_t p) const {
    const int64_t u0 = p * UNITS<T>, u1 = std::min(hidden, u0 + UNITS<T>);
    int64_t first = u0 / head * head;
    if constexpr (std::is_same_v<Q, Bfloat>) first = first / BFLOAT_STEP * BFLOAT_STEP;
    return {first, (u1 - 1) / head * head + head - first};
  }

  // Panel p of a matrix [hidden][head] of blocks on a diagonal; between those of a panel's heads there are zeros.
  void pack_heads(const T* m, int64_t p, Q* to) const {
    const Span span = heads_of(p);
    const int64_t u0 = p * UNITS<T>, u1 = std::min(hidden, u0 + UNITS<T>), size = head * head;
    const int64_t e0 = u0 / head, e1 = (u1 - 1) / head;
    if (e0 == e1 && span.first == e0 * head) {
      const T* const block = m + e0 * size;
      if (code.backward)
        pack_rows<T>([&](int64_t k) { return block + k * head; }, head, u0 - e0 * head, head, to);
      else
        pack_transposed(block, head, head, u0 - e0 * head, head, to);
      return;
    }
    std::memset(static_cast<void*>(to), 0, sizeof(Q) * size_t(panel_size<T, Q>(span.depth)));
    for (int64_t e = e0; e <= e1; e++) {
      const T* const block = m + e * size;
      const int64_t from = e * head, first = std::max(u0, from), last = std::min(u1, from + head);
      for (int64_t k = 0; k < head; k++)
        for (int64_t u = first; u < last; u++)
          to[panel_at<T, Q>(from + k - span.first, u - u0)] =
              held<Q>(code.backward ? block[k * head + u - from] : block[(u - from) * head + k]);
    }
  }

  int64_t deepest_ = 0;
};

}  // namespace recurra
