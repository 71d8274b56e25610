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

  // A part of a group; team: those that have the other parts, if there are any. The first part's thread names the rows.
  // room(first, last): where the adjoints of these packed rows go; done(first, last): the part's are there.
  template <class Room, class Done>
  void run(const Group& group, Scratch& scratch, Part part, Team* team, Room room, Done done) {
    if (layer_.code.in_blocks())
      run_in_blocks(group, scratch, part, room, done);
    else
      run_steps(group, scratch, part, team, room, done);
    if (part.first()) rows_.end(group);
  }

 private:
  // Of one state: in blocks the adjoints before each step, then those after the last.
  int64_t carry_rows() const {
    const int64_t most = layer_.plan.most_rows;
    return layer_.code.in_blocks() ? most + std::max(most, BLOCK_OF_STEPS) : 2 * most;
  }

  template <class Room, class Done>
  void run_steps(const Group& group, Scratch& scratch, Part part, Team* team, Room room, Done done) {
    const int64_t w = layer_.width, most = layer_.plan.most_rows;
    const int32_t states = layer_.code.states;
    Workspace<T, Q>& workspace = scratch.workspace;
    workspace.rows = most;
    workspace.outputs = scratch.outputs;
    const auto carry = [&](int64_t step, int32_t state) { return scratch.carries + ((step & 1) * states + state) * most * w; };
    for (int64_t step = group.steps() - 1; step >= 0; step--) {
      const int64_t active = group.active[size_t(step)], later = group.active[size_t(step) + 1];
      workspace.packed = group.packed_at(step);
      workspace.adjoint = room(group.packed_at(step), group.packed_at(step + 1));
      for (int32_t s = 0; s < states; s++) {
        workspace.before[s] = state_at(s, group.history_before(step));
        workspace.after[s] = state_at(s, group.history_after(step));
        workspace.carry_in[s] = carry(step + 1, s);
        workspace.carry_out[s] = carry(step, s);
        end_state(group, s, later, active, workspace.carry_in[s], part);
      }
      name_step(group, step, scratch.outputs, part.first());
      name_places(layer_, group, step, active, workspace.places);
      for (size_t level = 0; level < layer_.code.levels.size(); level++) {
        run_level(layer_, workspace, level, active, part);
        if (team) team->wait_alike();
      }
      for (int32_t s = 0; s < states; s++) clear_carry(s, workspace.carry_out[s], active, part);
      done(group.packed_at(step), group.packed_at(step + 1));
    }
    for (int32_t s = 0; s < states; s++) put_first(group, s, carry(0, s), part);
  }

  // The same for a code that runs in blocks. Threads that share units do not meet.
  template <class Room, class Done>
  void run_in_blocks(const Group& group, Scratch& scratch, Part part, Room room, Done done) {
    const int64_t w = layer_.width;
    const Units own(layer_.wide, part);
    const int32_t states = layer_.code.states;
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
      workspace.adjoint = room(group.packed_at(begin), group.packed_at(step + 1));
      workspace.outputs = outputs;
      for (int32_t s = 0; s < states; s++) {
        T* const ends = carry(s) + steps * active * w;
        workspace.before[s] = state_at(s, group.history_before(begin));
        workspace.after[s] = state_at(s, group.history_after(begin));
        workspace.carry_out[s] = carry(s);
        workspace.carry_in[s] = carry(s) + active * w;
        for (int64_t r = later - 1; r >= 0 && !own.empty(); r--)
          std::memcpy(ends + r * w + own.u0, carry(s) + r * w + own.u0, size_t(own.u1 - own.u0) * sizeof(T));
        end_state(group, s, later, active, ends, part);
        clear_carry(s, carry(s), steps * active, part);
      }
      for (int64_t i = 0; i < steps; i++) {
        name_step(group, begin + i, scratch.outputs + i * active, part.first());
        name_places(layer_, group, begin + i, active, workspace.places + i * active);
      }
      if (own.empty()) continue;
      if (steps > 1 || active <= TILE_ROWS)
        run_block(layer_, workspace, steps, active, part);
      else
        run_level(layer_, workspace, 0, active, part);
      done(group.packed_at(begin), group.packed_at(step + 1));
    }
    for (int32_t s = 0; s < states; s++) put_first(group, s, carry(s), part);
  }

  T* state_at(int32_t state, int64_t row) const { return layer_.history(state) + row * layer_.of_state(state).padded; }

  // What comes from outside into the states of rows [first, last), whose last step this is.
  void end_state(const Group& group, int32_t state, int64_t first, int64_t last, T* to, Part part) const {
    const auto* const from = static_cast<const T*>(layer_.call.dlast[state]);
    const Width<T>& width = layer_.of_state(state);
    const Units own(width, part);
    for (int64_t r = first; r < last && !own.empty(); r++) {
      T* const row = to + r * width.padded + own.u0;
      if (from)
        copy_row(row, from + group.row[size_t(r)] * width.units + own.u0, own.units, own.u1 - own.u0);
      else
        std::fill_n(row, own.u1 - own.u0, T(0));
    }
  }

  // The adjoint of a state that a step does not read is zero.
  void clear_carry(int32_t state, T* carry, int64_t rows, Part part) const {
    if (layer_.code.carries[size_t(state)]) return;
    const Width<T>& width = layer_.of_state(state);
    const Units own(width, part);
    for (int64_t r = 0; r < rows; r++) std::fill_n(carry + r * width.padded + own.u0, own.u1 - own.u0, T(0));
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

  void put_first(const Group& group, int32_t state, const T* carry, Part part) const {
    auto* const to = static_cast<T*>(layer_.call.dstate[state]);
    const Width<T>& width = layer_.of_state(state);
    const Units own(width, part);
    for (int64_t r = 0; to && own.units > 0 && r < group.rows(); r++)
      std::memcpy(to + group.row[size_t(r)] * width.units + own.u0, carry + r * width.padded + own.u0,
                  size_t(own.units) * sizeof(T));
  }

  const Layer<T, Q>& layer_;
  PackedRows<T, Q>& rows_;
};

}  // namespace recurra
