// From the last step of a group to the first: the adjoints of its states, and those that the gradients are made of.
#pragma once

#include <vector>

#include "block.hpp"
#include "level.hpp"
#include "packed_rows.hpp"

namespace recurra {

template <class T, class Q>
class ThroughTime {
 public:
  // What a thread needs for it.
  struct Scratch {
    Workspace<T, Q> workspace;
    T* carries;  // [2][states][rows][width]; in blocks [states][carry_rows()][width]
    const T** outputs;
  };

  ThroughTime(const Layer<T, Q>& layer, PackedRows<T, Q>& rows) : layer_(layer), rows_(rows) {}

  void allocate(Scratch& scratch, Arena& from, const Scratch* shared) const {
    const int64_t w = layer_.width, most = layer_.plan.most_rows;
    Workspace<T, Q>::allocate(scratch.workspace, from, layer_);
    scratch.workspace.steps = shared ? shared->workspace.steps : from.take<T>(layer_.code.steps * most * w);
    scratch.carries = shared ? shared->carries : from.take<T>(layer_.code.states * carry_rows() * w);
    scratch.workspace.sums = shared ? shared->workspace.sums : from.take<T>(layer_.code.reductions * w);
    scratch.outputs = from.take<const T*>(std::max(most, BLOCK_OF_STEPS));
  }

  // Panels [first, last) of a group's units. rows_too: whether this thread names its packed rows; team: those that have
  // the rest of the units, if there are others.
  void run(const Group& group, Scratch& scratch, int64_t first, int64_t last, bool rows_too, Team* team) {
    if (layer_.code.in_blocks())
      run_in_blocks(group, scratch, first, last, rows_too);
    else
      run_steps(group, scratch, first, last, rows_too, team);
    if (rows_too) rows_.end(group);
  }

 private:
  // Of one state: in blocks the adjoints before each step, then those after the last.
  int64_t carry_rows() const {
    const int64_t most = layer_.plan.most_rows;
    return layer_.code.in_blocks() ? most + std::max(most, BLOCK_OF_STEPS) : 2 * most;
  }

  void run_steps(const Group& group, Scratch& scratch, int64_t first, int64_t last, bool rows_too, Team* team) {
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
      if (rows_too) rows_.name(group, step, r, row, t);
    }
  }

  void put_first(const Group& group, int32_t state, const T* carry, int64_t u0, int64_t units) const {
    auto* const to = static_cast<T*>(layer_.call.dstate[state]);
    for (int64_t r = 0; to && units > 0 && r < group.rows(); r++)
      std::memcpy(to + group.row[size_t(r)] * layer_.hidden + u0, carry + r * layer_.width + u0, size_t(units) * sizeof(T));
  }

  const Layer<T, Q>& layer_;
  PackedRows<T, Q>& rows_;
};

}  // namespace recurra
