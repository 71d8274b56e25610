// What forward and backward of one layer and direction share: sizes, the memory between them, and how a level runs.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernel.hpp"
#include "panels.hpp"
#include "plan.hpp"
#include "pool.hpp"
#include "program.hpp"
#include "rows.hpp"
#include "threads.hpp"
#include "tile.hpp"

namespace recurra {

inline constexpr int64_t TILE_ROWS = RECURRA_VECTOR_BYTES == 64 ? 48 : 72;

template <class T>
inline constexpr int64_t TILE = TILE_ROWS * UNITS<T>;  // numbers of a tile, at most

// Packed rows of input that are projected at once: few would not pay for reading the weights.
inline constexpr int64_t CHUNK_ROWS = 96;

// A number of items shared by a team as evenly as can be: [first, last) of one thread.
struct Share {
  int64_t first, last;
  Share(int64_t items, int thread, int threads)
      : first(items * thread / threads), last(items * (thread + 1) / threads) {}
};

// f(part) for each of `parts` parts of the work, dealt out to a team. Parts and what is summed in them are planned, so that
// results do not depend on how many threads there turn out to be.
template <class F>
void deal(int parts, int thread, const Team& team, F f) {
  for (int part = thread; part < parts; part += team.count()) f(part);
}

// Places arrays in one buffer; first run without memory to learn how much it takes. Between arrays that are `apart`
// and behind the last one the checker of memory, where there is one, allows no access.
class Arena {
 public:
  explicit Arena(void* memory = nullptr, int64_t apart = 0) : at_(static_cast<char*>(memory)), apart_(apart) {}
  template <class T>
  T* take(int64_t count) {
    T* const here = reinterpret_cast<T*>(at_ + used_);
    const int64_t size = count * int64_t(sizeof(T)), next = used_ + (size + 63) / 64 * 64 + apart_;
    if (at_ && apart_ > 0) forbid(at_ + used_ + size, next - used_ - size);
    used_ = next;
    return here;
  }
  int64_t used() const { return used_; }

 private:
  char* at_;
  int64_t apart_;
  int64_t used_ = 0;
};

// Memory for all that `allocate` takes; without data() where there was no memory.
template <class Allocate>
Buffer allocated(Allocate allocate) {
  constexpr int64_t APART = CHECKED ? 64 : 0;
  Arena measure(nullptr, APART);
  allocate(measure);
  Buffer room(measure.used());
  if (room.data()) {
    Arena from(room.data(), APART);
    allocate(from);
  }
  return room;
}

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

// Where the arrays of a group lie at one step, and the tiles' own room.
template <class T, class Q>
struct Workspace {
  T* temps;                    // [temps + staged][TILE]
  T* steps;                    // [steps][rows][width]
  T* of_rows;                  // [rows of the code][3][rows]
  Q* rounded;                  // [products][rows][whole depth], operands as they are held; where that is not T
  T* sums = nullptr;           // backward: [reductions][width]
  const T* const* columns = nullptr;  // forward: the projected input of each active row
  const T* before[RECURRA_MAX_STATES];
  T* after[RECURRA_MAX_STATES];
  T* carry_in[RECURRA_MAX_STATES];
  T* carry_out[RECURRA_MAX_STATES];
  const T* const* outputs = nullptr;  // backward: dy of each active row, nullptr for zero
  int64_t rows = 0;            // rows that the group's arrays have
  int64_t packed = 0;          // packed row of the first active row

  static void allocate(Workspace& workspace, Arena& from, const Layer<T, Q>& layer) {
    workspace.temps = from.take<T>((layer.code.temps + layer.code.staged) * TILE<T>);
    workspace.of_rows = from.take<T>(layer.code.rows * 3 * layer.plan.most_rows);
    workspace.rounded = from.take<Q>(
        layer.ROUNDED ? layer.code.products * layer.plan.most_rows * whole_depth<Q>(layer.hidden) : 0);
  }
};

template <class T, class Q>
Place<T> place(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, Slot slot) {
  const int64_t w = layer.width;
  switch (slot.kind) {
    case SLOT_TEMP: return {workspace.temps + slot.index * TILE<T>, 0};
    case SLOT_VECTOR: return {layer.vectors + slot.index * w, 0};
    case SLOT_CONSTANT: return {layer.constant_rows + slot.index * w, 0};
    case SLOT_STEP: return {workspace.steps + slot.index * workspace.rows * w, w};
    case SLOT_SAVED: return {layer.memory_saved + (slot.index * layer.plan.total + workspace.packed) * w, w};
    case SLOT_BEFORE: return {const_cast<T*>(workspace.before[slot.index]), w};
    case SLOT_AFTER: return {workspace.after[slot.index], w};
    case SLOT_ADJOINT:
      return {layer.adjoint + workspace.packed * layer.adjoint_row + slot.index * w, layer.adjoint_row};
    case SLOT_CARRY_IN: return {workspace.carry_in[slot.index], w};
    case SLOT_CARRY_OUT: return {workspace.carry_out[slot.index], w};
    case SLOT_ROW: return {workspace.of_rows + slot.index * 3 * workspace.rows, workspace.rows};
    case SLOT_SAVED_ROW: return {layer.memory_rows + slot.index * layer.plan.total + workspace.packed, 1};
    default: return {nullptr, 0};  // COLUMN and OUTPUT are staged
  }
}

template <class T>
void copy_row(T* to, const T* from, int64_t n, int64_t room) {
  if (n > 0) std::memcpy(to, from, size_t(n) * sizeof(T));
  if (n < room) std::memset(to + n, 0, size_t(room - n) * sizeof(T));
}

// The row sums of a level, for all units of the active rows. `keep`: whether this thread writes those that are kept.
template <class T, class Q>
void sum_rows(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, const Level& level, int64_t active, bool keep) {
  const int64_t n = layer.hidden;
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
    const bool stage = slot.kind == SLOT_COLUMN || slot.kind == SLOT_OUTPUT;
    base[i] = stage ? Place<T>{workspace.temps + (layer.code.temps + staged++) * TILE<T>, 0} : place(layer, workspace, slot);
  }
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
      case SLOT_COLUMN:
        here[i].row = w;
        for (int64_t r = 0; r < rows; r++)
          std::memcpy(here[i].at + r * w, workspace.columns[r0 + r] + slot.index * layer.width + u0, size_t(w) * sizeof(T));
        break;
      case SLOT_OUTPUT:
        here[i].row = w;
        for (int64_t r = 0; r < rows; r++) {
          const T* const dy = workspace.outputs[r0 + r];
          const int64_t there = std::max<int64_t>(0, std::min(w, layer.hidden - u0));
          copy_row(here[i].at + r * w, dy ? dy + u0 : dy, dy ? there : 0, w);
        }
        break;
      default: here[i].at += r0 * here[i].row + u0;
    }
  }
}

// One level of one step: units [first, last) of the active rows, tile by tile.
template <class T, class Q>
void run_level(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, const Level& level, int64_t active, int64_t first,
               int64_t last) {
  constexpr int64_t U = UNITS<T>;
  Place<T> base[MOST_OPERANDS], here[MOST_OPERANDS];
  Place<const Q> operand[MOST_OPERANDS];
  name_operands(layer, workspace, level, base);
  if (!level.row_sums.empty() && last > first) sum_rows(layer, workspace, level, active, first == 0);
  int product = 0;
  for (const Sum& sum : level.sums)
    for (const Product& p : sum.products) {
      const Place<T> from = place(layer, workspace, p.operand);
      if constexpr (layer.ROUNDED) {
        const int64_t row = whole_depth<Q>(layer.hidden);
        Q* const to = workspace.rounded + product * workspace.rows * row;
        for (int64_t r = 0; r < active; r++) hold_row(to + r * row, from.at + r * from.row, layer.hidden);
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
      for (const Sum& sum : level.sums) {
        const Place<T> to = here[sum.destination];
        const int n = int(sum.products.size());
        if (sum.start >= 0) tile::map1(to, here[sum.start], rows, w, [](Vec<T> x) { return x; });
        // operands that lie side by side make one product of their joint depth
        bool joined = layer.hidden == layer.width && !layer.ROUNDED;
        for (int i = 1; i < n; i++) joined = joined && operand[product + i].at == operand[product + i - 1].at + layer.hidden;
        const int passes = joined ? 1 : n;
        for (int64_t u = 0; u < w; u += U) {
          const Q* panel = layer.panel_of(level, sum, (u0 + u) / U);
          for (int i = 0; i < passes; i++) {
            const Place<const Q> a = operand[product + i];
            const Start start = i > 0 || sum.start >= 0 ? Start::sums : sum.column >= 0 ? Start::rows : Start::zero;
            rows_by_panel<T, Q>(rows, a.at + r0 * a.row, a.row, panel, joined ? n * layer.hidden : layer.hidden, start,
                          sum.column >= 0 ? workspace.columns + r0 : nullptr, sum.column * layer.width + u0 + u, to.at + u,
                          to.row);
            panel += layer.panel();
          }
        }
        product += n;
      }
      for (const Instruction& instruction : level.instructions)
        run(instruction, here, rows, w, workspace.sums ? workspace.sums + u0 : nullptr, layer.width);
    }
  }
}

}  // namespace recurra
