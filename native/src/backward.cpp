#include "block.hpp"
#include "check.hpp"
#include "export.hpp"
#include "gradient.hpp"
#include "memory.hpp"

namespace recurra {
namespace {

template <class T, class Q>
class Backward {
 public:
  Backward(const recurra_program& program, const recurra_call& call, ReadMemory& memory)
      : program_(program), memory_(memory), layer_(call, program.backward, program.forward, program.constants),
        gradients_(layer_.tokens_projected ? call.vocabulary : layer_.plan.total, call.hidden),
        recurrent_(layer_.plan.total, call.hidden) {}

  int run() {
    const recurra_call& call = layer_.call;
    char* begin = nullptr;
    if (const int error = memory_.find<T>(program_, layer_.plan, call, begin)) return error;
    Arena kept(begin);
    const Values<T> values(kept, program_.forward, layer_.plan, call.batch, layer_.width);
    layer_.memory_saved = values.saved;
    layer_.memory_rows = values.rows;
    layer_.memory_history = values.history;
    layer_.adjoint_row = layer_.code.adjoints * layer_.width + UNITS<T>;
    threads_ = std::max(1, call.threads);
    name_wanted();
    const Buffer buffer = allocated([this](Arena& from) { allocate(from); });
    if (!buffer.data()) return RECURRA_NO_MEMORY;
    zero_what_nothing_reaches();
    const int team = layer_.plan.share_units && crowded() ? 1 : threads_;
    run_team(team, [](void* self, int thread, Team& team) { static_cast<Backward*>(self)->work(thread, team); }, this);
    return RECURRA_OK;
  }

 private:
  struct Scratch {
    Workspace<T, Q> workspace;
    T* carries;  // [2][states][rows][width]; in blocks [states][carry_rows()][width]
    const T** outputs;
    T* tile;     // [TILE_ROWS][UNITS] of dx
    Q* gathered;  // [TILE_ROWS][w_adjoints][whole depth]: adjoints as they are held, where that is not T
  };

  // Threads whose scratch has sums of its own.
  int summed() const { return layer_.plan.share_units ? 1 : threads_; }

  bool wants_input() const { return layer_.call.dx || layer_.call.dtable; }
  int64_t w_adjoints() const { return int64_t(layer_.code.w_blocks.size()); }

  // The gradients of matrices that are asked for; what no adjoint reaches is zero.
  void name_wanted() {
    const recurra_call& call = layer_.call;
    const int64_t h = layer_.hidden;
    for (int64_t j = 0; call.dweight_ih && j < w_adjoints(); j++)
      gradients_.wanted.push_back({j * layer_.width, gradients_.operand(Slot{}, call.inputs),
                                   static_cast<T*>(call.dweight_ih) + layer_.code.w_blocks[size_t(j)] * h * call.inputs});
    Gradients<T, Q>& to = layer_.tokens_projected ? recurrent_ : gradients_;
    if (call.dweight_hh)
      for (const RecurrentGradient& g : layer_.code.recurrent)
        to.wanted.push_back(
            {g.adjoint * layer_.width, to.operand(g.operand, h), static_cast<T*>(call.dweight_hh) + g.block * h * h});
    // the two gradients of one adjoint one after the other: it is packed once for both
    std::stable_sort(gradients_.wanted.begin(), gradients_.wanted.end(),
                     [](const Gradient<T>& a, const Gradient<T>& b) { return a.column < b.column; });
  }

  // Of one state: in blocks the adjoints before each step, then those after the last.
  int64_t carry_rows() const {
    const int64_t most = layer_.plan.most_rows;
    return layer_.code.in_blocks() ? most + std::max(most, BLOCK_OF_STEPS) : 2 * most;
  }

  void allocate(Arena& from) {
    const recurra_call& call = layer_.call;
    const int64_t w = layer_.width, most = layer_.plan.most_rows, total = layer_.plan.total;
    layer_.allocate_shared(from);
    layer_.adjoint = from.take<T>(total * layer_.adjoint_row);
    packed_ih_ =
        from.take<Q>(wants_input() ? w_adjoints() * layer_.panel() * (padded<T>(call.inputs) / UNITS<T>) : 0);
    table_adjoint_row_ = w_adjoints() * w + UNITS<T>;
    table_adjoint_ = from.take<T>(layer_.tokens_projected ? call.vocabulary * table_adjoint_row_ : 0);
    packed_dx_ = from.take<T>(call.dtable && !layer_.tokens_projected ? total * call.inputs : 0);
    gradients_.allocate(from, threads_);
    recurrent_.allocate(from, threads_);
    scratch_.resize(size_t(threads_));
    for (Scratch& scratch : scratch_) {
      Workspace<T, Q>::allocate(scratch.workspace, from, layer_);
      const bool own = !layer_.plan.share_units || &scratch == &scratch_[0];
      scratch.workspace.steps = own ? from.take<T>(layer_.code.steps * most * w) : scratch_[0].workspace.steps;
      scratch.carries = own ? from.take<T>(layer_.code.states * carry_rows() * w) : scratch_[0].carries;
      scratch.workspace.sums = own ? from.take<T>(layer_.code.reductions * w) : scratch_[0].workspace.sums;
      scratch.outputs = from.take<const T*>(std::max(most, BLOCK_OF_STEPS));
      scratch.tile = from.take<T>(TILE_ROWS * UNITS<T>);
      scratch.gathered = from.take<Q>(layer_.ROUNDED ? TILE_ROWS * w_adjoints() * whole_depth<Q>(layer_.hidden) : 0);
    }
  }

  void work(int thread, Team& team) {
    const int threads = team.count();
    const TileScope<Q> tiles;
    const recurra_call& call = layer_.call;
    Scratch& scratch = scratch_[size_t(thread)];
    if (thread == 0) layer_.fill_rows();
    layer_.pack_recurrent(thread, threads);
    if (wants_input()) pack_input(thread, threads);
    deal(summed(), thread, team,
         [&](int part) { std::fill_n(scratch_[size_t(part)].workspace.sums, layer_.code.reductions * layer_.width, T(0)); });
    team.wait();
    const bool blocks = layer_.code.in_blocks();
    if (layer_.plan.share_units) {
      const Share mine(layer_.panels, thread, threads);
      if (blocks)
        run_in_blocks(layer_.plan.groups[0], scratch, mine.first, mine.last, thread == 0);
      else
        run_group(layer_.plan.groups[0], scratch, mine.first, mine.last, thread == 0, &team);
    } else {
      deal(threads_, thread, team, [&](int part) {
        for (size_t g = size_t(part); g < layer_.plan.groups.size(); g += size_t(threads_)) {
          if (blocks)
            run_in_blocks(layer_.plan.groups[g], scratch_[size_t(part)], 0, layer_.panels, true);
          else
            run_group(layer_.plan.groups[g], scratch_[size_t(part)], 0, layer_.panels, true, nullptr);
        }
      });
    }
    team.wait();
    if (call.dvectors) add_reductions(thread, threads);
    if (layer_.tokens_projected) {
      scatter_to_table(thread, threads);
      team.wait();
      if (call.dtable) {
        T* const to = static_cast<T*>(call.dtable);
        deal(threads_, thread, team, [&](int part) {
          const Share mine(call.vocabulary, part, threads_);
          input_adjoint(mine.first, mine.last, table_adjoint_, table_adjoint_row_, scratch,
                        [&](int64_t row) { return to + row * call.inputs; });
        });
      }
      if (call.dweight_ih) gradients_.run(table_adjoint_, table_adjoint_row_, threads_, thread, team);
      if (call.dweight_hh) recurrent_.run(layer_.adjoint, layer_.adjoint_row, threads_, thread, team);
    } else {
      if (wants_input())
        deal(threads_, thread, team, [&](int part) {
          const Share mine(layer_.plan.total, part, threads_);
          input_adjoint(mine.first, mine.last, layer_.adjoint, layer_.adjoint_row, scratch,
                        [&](int64_t row) { return call.dx ? dx_rows_[size_t(row)] : packed_dx_ + row * call.inputs; });
        });
      if (!gradients_.wanted.empty()) gradients_.run(layer_.adjoint, layer_.adjoint_row, threads_, thread, team);
      if (call.dtable) {
        team.wait();
        scatter_dx(thread, threads);
      }
    }
  }

  void zero_what_nothing_reaches() {
    const recurra_call& call = layer_.call;
    const int64_t h = layer_.hidden;
    std::vector<bool> w(size_t(call.ih_blocks), false), r(size_t(call.hh_blocks), false);
    for (const int32_t b : layer_.code.w_blocks) w[size_t(b)] = true;
    for (const RecurrentGradient& g : layer_.code.recurrent) r[size_t(g.block)] = true;
    for (int64_t b = 0; call.dweight_ih && b < call.ih_blocks; b++)
      if (!w[size_t(b)]) std::fill_n(static_cast<T*>(call.dweight_ih) + b * h * call.inputs, h * call.inputs, T(0));
    for (int64_t b = 0; call.dweight_hh && b < call.hh_blocks; b++)
      if (!r[size_t(b)]) std::fill_n(static_cast<T*>(call.dweight_hh) + b * h * h, h * h, T(0));
    if (call.dx) dx_rows_.resize(size_t(layer_.plan.total));
    if (layer_.tokens_projected)
      for (const Operand<T>& o : gradients_.operands)
        for (int64_t v = 0; v < call.vocabulary; v++) o.rows[v] = static_cast<const T*>(call.table) + v * call.inputs;
  }

  // [panels of the inputs][w_adjoints] panels of depth `hidden`
  void pack_input(int thread, int threads) {
    const int64_t inputs = layer_.call.inputs, h = layer_.hidden, n = w_adjoints();
    const Share mine(padded<T>(inputs) / UNITS<T> * n, thread, threads);
    for (int64_t item = mine.first; item < mine.last; item++) {
      const int64_t p = item / n, j = item % n;
      const T* const block =
          static_cast<const T*>(layer_.call.weight_ih) + layer_.code.w_blocks[size_t(j)] * h * inputs;
      pack_rows<T>([&](int64_t k) { return block + k * inputs; }, inputs, p * UNITS<T>, h,
                   packed_ih_ + item * layer_.panel());
    }
  }

  void run_group(const Group& group, Scratch& scratch, int64_t first, int64_t last, bool rows_too, Team* team) {
    const int64_t w = layer_.width, most = layer_.plan.most_rows, u0 = first * UNITS<T>, u1 = last * UNITS<T>;
    const int64_t units = std::max<int64_t>(0, std::min(u1, layer_.hidden) - u0);
    const int32_t states = layer_.code.states;
    Workspace<T, Q>& workspace = scratch.workspace;
    workspace.rows = most;
    workspace.outputs = scratch.outputs;
    const auto carry = [&](int64_t step, int32_t state) { return scratch.carries + ((step & 1) * states + state) * most * w; };
    const int64_t history = layer_.plan.total + layer_.call.batch;
    for (int64_t step = group.steps() - 1; step >= 0; step--) {
      const int64_t active = group.active[size_t(step)], later = group.active[size_t(step) + 1];
      workspace.packed = group.packed_at(step);
      for (int32_t s = 0; s < states; s++) {
        T* const h = layer_.memory_history + s * history * w;
        workspace.before[s] = h + group.history_before(step) * w;
        workspace.after[s] = h + group.history_after(step) * w;
        workspace.carry_in[s] = carry(step + 1, s);
        workspace.carry_out[s] = carry(step, s);
        end_state(group, s, later, active, workspace.carry_in[s], u0, u1);
      }
      name_step(group, step, scratch.outputs, rows_too);
      for (const Level& level : layer_.code.levels) {
        run_level(layer_, workspace, level, active, u0, u1);
        if (team) team->wait_alike();
      }
      for (int32_t s = 0; s < states; s++)
        if (!layer_.code.carries[size_t(s)] && u1 > u0)
          for (int64_t r = 0; r < active; r++) std::fill_n(workspace.carry_out[s] + r * w + u0, u1 - u0, T(0));
    }
    for (int32_t s = 0; s < states; s++) put_first(group, s, carry(0, s), u0, units);
    if (rows_too) end_input(group);
  }

  // The same for a code that runs in blocks. Threads that share units do not meet.
  void run_in_blocks(const Group& group, Scratch& scratch, int64_t first, int64_t last, bool rows_too) {
    const int64_t w = layer_.width, u0 = first * UNITS<T>, u1 = last * UNITS<T>;
    const int64_t units = std::max<int64_t>(0, std::min(u1, layer_.hidden) - u0);
    const int32_t states = layer_.code.states;
    const int64_t history = layer_.plan.total + layer_.call.batch;
    Workspace<T, Q>& workspace = scratch.workspace;
    workspace.rows = layer_.plan.most_rows;
    const T** const outputs = scratch.outputs;
    const auto carry = [&](int32_t s) { return scratch.carries + s * carry_rows() * w; };
    for (int64_t step = group.steps() - 1, begin; step >= 0; step = begin - 1) {
      const int64_t active = group.active[size_t(step)], later = group.active[size_t(step) + 1];
      begin = step;
      while (begin > 0 && group.active[size_t(begin) - 1] == active && (step - begin + 2) * active <= BLOCK_OF_STEPS) begin--;
      const int64_t before = begin == 0 ? group.rows() : int64_t(group.active[size_t(begin) - 1]);
      if (before != active && begin < step) begin++;  // states of more rows lie before that step: it goes alone
      const int64_t steps = step - begin + 1;
      workspace.packed = group.packed_at(begin);
      workspace.outputs = outputs;
      for (int32_t s = 0; s < states; s++) {
        T* const h = layer_.memory_history + s * history * w;
        T* const ends = carry(s) + steps * active * w;
        workspace.before[s] = h + group.history_before(begin) * w;
        workspace.after[s] = h + group.history_after(begin) * w;
        workspace.carry_out[s] = carry(s);
        workspace.carry_in[s] = carry(s) + active * w;
        for (int64_t r = later - 1; r >= 0 && u1 > u0; r--)
          std::memcpy(ends + r * w + u0, carry(s) + r * w + u0, size_t(u1 - u0) * sizeof(T));
        end_state(group, s, later, active, ends, u0, u1);
        if (!layer_.code.carries[size_t(s)] && u1 > u0)
          for (int64_t r = 0; r < steps * active; r++) std::fill_n(carry(s) + r * w + u0, u1 - u0, T(0));
      }
      for (int64_t i = 0; i < steps; i++) name_step(group, begin + i, scratch.outputs + i * active, rows_too);
      if (u1 == u0) continue;
      if (steps > 1 || active <= TILE_ROWS)
        run_block(layer_, workspace, steps, active, u0, u1);
      else
        run_level(layer_, workspace, layer_.code.levels[0], active, u0, u1);
    }
    for (int32_t s = 0; s < states; s++) put_first(group, s, carry(s), u0, units);
    if (rows_too) end_input(group);
  }

  // What comes from outside into the states of rows [first, last), whose last step this is.
  void end_state(const Group& group, int32_t state, int64_t first, int64_t last, T* to, int64_t u0, int64_t u1) const {
    const auto* const from = static_cast<const T*>(layer_.call.dlast[state]);
    const int64_t hidden = layer_.hidden, units = std::max<int64_t>(0, std::min(u1, hidden) - u0);
    for (int64_t r = first; r < last && u1 > u0; r++) {
      if (from)
        copy_row(to + r * layer_.width + u0, from + group.row[size_t(r)] * hidden + u0, units, u1 - u0);
      else
        std::fill_n(to + r * layer_.width + u0, u1 - u0, T(0));
    }
  }

  // Where the active rows' dy lie, and with `rows_too` what else there is of them.
  void name_step(const Group& group, int64_t step, const T** outputs, bool rows_too) {
    const recurra_call& call = layer_.call;
    for (int64_t r = 0; r < group.active[size_t(step)]; r++) {
      const int64_t row = group.row[size_t(r)], t = time_of(call, row, step);
      outputs[r] = call.dy ? static_cast<const T*>(call.dy) + row * call.dy_batch + t * call.dy_time : nullptr;
      if (rows_too) name_rows(group, step, r, row, t);
    }
  }

  void put_first(const Group& group, int32_t state, const T* carry, int64_t u0, int64_t units) const {
    auto* const to = static_cast<T*>(layer_.call.dstate[state]);
    for (int64_t r = 0; to && units > 0 && r < group.rows(); r++)
      std::memcpy(to + group.row[size_t(r)] * layer_.hidden + u0, carry + r * layer_.width + u0, size_t(units) * sizeof(T));
  }

  // Zeros past the rows' ends.
  void end_input(const Group& group) const {
    const recurra_call& call = layer_.call;
    for (int64_t r = 0; call.dx && r < group.rows(); r++) {
      const int64_t row = group.row[size_t(r)], t = length(call, row);
      std::fill_n(static_cast<T*>(call.dx) + (row * call.time + t) * call.inputs, (call.time - t) * call.inputs, T(0));
    }
  }

  // Where the operands and the result of packed row `r` of a step lie.
  void name_rows(const Group& group, int64_t step, int64_t r, int64_t row, int64_t t) {
    const recurra_call& call = layer_.call;
    const int64_t at = group.packed_at(step) + r, w = layer_.width, total = layer_.plan.total;
    if (call.dx) dx_rows_[size_t(at)] = static_cast<T*>(call.dx) + (row * call.time + t) * call.inputs;
    for (const Operand<T>& o : (layer_.tokens_projected ? recurrent_ : gradients_).operands) {
      const T* const h = layer_.memory_history + o.slot.index * (total + call.batch) * w;
      switch (o.slot.kind) {
        case SLOT_SAVED: o.rows[at] = layer_.memory_saved + (o.slot.index * total + at) * w; break;
        case SLOT_BEFORE: o.rows[at] = h + (group.history_before(step) + r) * w; break;
        case SLOT_AFTER: o.rows[at] = h + (group.history_after(step) + r) * w; break;
        default: o.rows[at] = layer_.input(row, t);
      }
    }
  }

  // Rows [first, last) of adjoints times the input's matrix; where(row) is where a row's result goes.
  template <class Where>
  void input_adjoint(int64_t first, int64_t last, const T* adjoint, int64_t adjoint_row, Scratch& scratch, Where where) {
    constexpr int64_t U = UNITS<T>;
    const int64_t inputs = layer_.call.inputs, h = layer_.hidden, n = w_adjoints();
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
        const Q* const panel = packed_ih_ + p * n * layer_.panel();
        if (n == 0) std::fill_n(scratch.tile, TILE_ROWS * U, T(0));
        if (joined && n > 0)
          rows_by_panel<T, Q>(rows, from, row, panel, n * h, Start::zero, nullptr, 0, scratch.tile, U);
        for (int64_t j = 0; !joined && j < n; j++)
          rows_by_panel<T, Q>(rows, from + j * column, row, panel + j * layer_.panel(), h,
                              j == 0 ? Start::zero : Start::sums, nullptr, 0, scratch.tile, U);
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

  void add_reductions(int thread, int threads) {
    const int64_t w = layer_.width, h = layer_.hidden;
    const Share mine(layer_.code.reductions, thread, threads);
    for (int64_t d = mine.first; d < mine.last; d++) {
      T* const to = static_cast<T*>(layer_.call.dvectors) + d * h;
      std::fill_n(to, h, T(0));
      for (int other = 0; other < summed(); other++) {
        const T* const from = scratch_[size_t(other)].workspace.sums + d * w;
        for (int64_t u = 0; u < h; u++) to[u] += from[u];
      }
    }
  }

  // The adjoints of each token's projection: every thread has some columns of all rows, so the order is fixed.
  void scatter_to_table(int thread, int threads) {
    const int64_t vectors = w_adjoints() * layer_.width / LANES<T>;
    const Share mine(vectors, thread, threads);
    const int64_t first = mine.first * LANES<T>, last = mine.last * LANES<T>;
    for (int64_t v = 0; v < layer_.call.vocabulary; v++)
      std::fill_n(table_adjoint_ + v * table_adjoint_row_ + first, last - first, T(0));
    each_packed([&](int64_t at, int64_t token) {
      const T* const from = layer_.adjoint + at * layer_.adjoint_row;
      T* const to = table_adjoint_ + token * table_adjoint_row_;
      for (int64_t u = first; u < last; u += LANES<T>) store(to + u, load(to + u) + load(from + u));
    });
  }

  void scatter_dx(int thread, int threads) {
    const int64_t inputs = layer_.call.inputs;
    const Share mine(inputs, thread, threads);
    T* const table = static_cast<T*>(layer_.call.dtable);
    for (int64_t v = 0; v < layer_.call.vocabulary; v++)
      std::fill_n(table + v * inputs + mine.first, mine.last - mine.first, T(0));
    each_packed([&](int64_t at, int64_t token) {
      for (int64_t i = mine.first; i < mine.last; i++) table[token * inputs + i] += packed_dx_[at * inputs + i];
    });
  }

  template <class F>
  void each_packed(F f) const {
    const recurra_call& call = layer_.call;
    for (const Group& group : layer_.plan.groups)
      for (int64_t step = 0; step < group.steps(); step++)
        for (int64_t r = 0; r < group.active[size_t(step)]; r++) {
          const int64_t row = group.row[size_t(r)];
          f(group.packed_at(step) + r, call.tokens[row * call.tokens_batch + time_of(call, row, step) * call.tokens_time]);
        }
  }

  const recurra_program& program_;
  ReadMemory& memory_;
  Layer<T, Q> layer_;
  Gradients<T, Q> gradients_, recurrent_;
  std::vector<Scratch> scratch_;
  std::vector<T*> dx_rows_;
  Q* packed_ih_ = nullptr;
  T* packed_dx_ = nullptr;
  T* table_adjoint_ = nullptr;
  int64_t table_adjoint_row_ = 0;
  int32_t threads_ = 1;
};

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT int recurra_backward(const recurra_program* program, const recurra_call* call) {
  if (!program || !program->has_backward || !call || (call->dx && call->tokens)) return RECURRA_BAD_CALL;
  try {
    recurra_call same = *call;
    same.lengths = nullptr;
    if (const int error = check_sizes(same)) return error;
    ReadMemory memory;
    if (const int error = memory.read(*program, same)) return error;
    if (const int error = check(*program, same, true)) return error;
    if (same.type == RECURRA_F64) return Backward<double, double>(*program, same, memory).run();
    if (same.products == RECURRA_BF16) return Backward<float, Bfloat>(*program, same, memory).run();
    return Backward<float, float>(*program, same, memory).run();
  } catch (const std::exception&) {
    return RECURRA_NO_MEMORY;
  }
}
