// A layer and direction over time, rows in groups, threads over groups or units.
#pragma once

#include "block.hpp"
#include "input.hpp"
#include "memory.hpp"

namespace recurra {
template <class T, class Q>
class Forward {
 public:
  Forward(const recurra_program& program, const recurra_call& call)
      : program_(program), layer_(call, program.forward, program.forward, program.constants), input_(layer_) {}

  int run() {
    if (const int error = prepare()) return error;
    run_team(team(), [](void* self, int thread, Team& team) { static_cast<Forward*>(self)->work(thread, team); }, this);
    return RECURRA_OK;
  }

  int prepare() {
    const recurra_call& call = layer_.call;
    const auto groups = int32_t(layer_.plan.groups.size());  // a thread without one would find no work
    threads_ = std::max(1, layer_.plan.share_units ? call.threads : std::min(call.threads, groups));
    if (call.memory) {
      char* const begin = begin_memory<T>(program_, layer_.plan, call);
      if (!begin) return RECURRA_SHORT_MEMORY;
      Arena from(begin);
      const Values<T> values(from, layer_.code, layer_.plan, call);
      layer_.memory_saved = values.saved;
      layer_.memory_rows = values.rows;
      layer_.memory_history = values.history;
    } else if (layer_.code.saved > 0 || layer_.code.saved_rows > 0) {
      return RECURRA_BAD_CALL;
    }
    buffer_ = allocated([this](Arena& from) { allocate(from); });
    return buffer_.data() ? RECURRA_OK : RECURRA_NO_MEMORY;
  }

  int team() const { return layer_.plan.share_units && crowded() ? 1 : threads_; }

  void work(int thread, Team& team) {
    const int threads = team.count();
    const TileScope<Q> tiles;
    if (thread == 0) {
      layer_.fill_rows();
      input_.fill_bias();
    }
    layer_.pack_recurrent(thread, threads);
    input_.pack(thread, threads);
    team.wait();
    if (layer_.tokens_projected) {
      deal(threads_, thread, team, [&](int part) { input_.project(part, threads_, scratch_[size_t(thread)].gathered); });
      team.wait();
    }
    Scratch& scratch = scratch_[size_t(thread)];
    const bool blocks = layer_.code.in_blocks();
    if (layer_.plan.share_units) {
      const Part part{thread, threads};
      if (blocks)
        run_in_blocks(layer_.plan.groups[0], scratch, part);
      else
        run_group(layer_.plan.groups[0], scratch, part, &team);
    } else {
      layer_.each_group(thread, threads, [&](const Group& group) {
        if (blocks)
          run_in_blocks(group, scratch, {});
        else
          run_group(group, scratch, {}, nullptr);
      });
    }
  }

 private:
  struct Scratch {
    Workspace<T, Q> workspace;
    T* states;     // that are not kept: [states][2][rows][width]; in blocks [states][state_rows()][width]
    Q* gathered;
    T* projected;
    const T** rows;
  };

  // Of one state that is not kept: those before a block's first step, then those after each.
  int64_t state_rows() const {
    const int64_t most = layer_.plan.most_rows;
    return layer_.code.in_blocks() ? most + std::max(most, BLOCK_OF_STEPS) : 2 * most;
  }

  void allocate(Arena& from) {
    layer_.allocate_shared(from);
    input_.allocate_shared(from);
    scratch_.resize(size_t(threads_));
    const int64_t w = layer_.width, most = layer_.plan.most_rows, chunk = input_.room_rows();
    for (Scratch& scratch : scratch_) {
      Workspace<T, Q>::allocate(scratch.workspace, from, layer_);
      const bool own = !layer_.plan.share_units || &scratch == &scratch_[0];
      scratch.workspace.steps = own ? from.take<T>(layer_.code.steps * most * w) : scratch_[0].workspace.steps;
      scratch.states = own ? from.take<T>(scratch_states() * state_rows() * w) : scratch_[0].states;
      scratch.gathered = from.take<Q>(chunk * input_.depth());
      scratch.projected = from.take<T>(layer_.tokens_projected ? 0 : chunk * input_.row);
      scratch.rows = from.take<const T*>(chunk);
    }
  }

  // States that have room in the scratch: all, if one is not kept.
  int32_t scratch_states() const {
    for (int32_t s = 0; s < layer_.code.states; s++)
      if (!layer_.keeps(s)) return layer_.code.states;
    return 0;
  }

  T* state_at(const Group& group, const Scratch& scratch, int32_t state, int64_t step, bool after) const {
    if (layer_.keeps(state))
      return layer_.history(state) +
             (after ? group.history_after(step) : group.history_before(step)) * layer_.of_state(state).padded;
    const int64_t half = (step + (after ? 1 : 0)) & 1;
    return scratch.states + (2 * state + half) * layer_.plan.most_rows * layer_.width;
  }

  // A part of every step; with a team, the others have the rest.
  void run_group(const Group& group, Scratch& scratch, Part part, Team* team) {
    const Share panels(layer_.panels, part.thread, part.threads);  // of the input's columns
    Workspace<T, Q>& workspace = scratch.workspace;
    workspace.rows = layer_.plan.most_rows;
    for (int32_t s = 0; s < layer_.code.states; s++) begin_state(group, s, state_at(group, scratch, s, 0, false), part);
    if (team) team->wait();
    Chunk<T, Q> chunk{input_, group, scratch.gathered, scratch.projected, scratch.rows};
    for (int64_t step = 0; step < group.steps(); step++) {
      const int64_t active = group.active[size_t(step)], next = group.active[size_t(step) + 1];
      workspace.columns = chunk.at(step, panels.first, panels.last);
      workspace.packed = group.packed_at(step);
      name_places(layer_, group, step, active, workspace.places);
      for (int32_t s = 0; s < layer_.code.states; s++) {
        workspace.before[s] = state_at(group, scratch, s, step, false);
        workspace.after[s] = state_at(group, scratch, s, step, true);
      }
      for (size_t level = 0; level < layer_.code.levels.size(); level++) {
        run_level(layer_, workspace, level, active, part);
        if (team) team->wait_alike();
      }
      put_out(group, step, workspace.after[0], part);
      for (int32_t s = 0; s < layer_.code.states; s++) put_last(group, s, next, active, workspace.after[s], part);
    }
    end_outputs(group, part);
  }

  // The same for a code that runs in blocks. Threads that share units do not meet: nothing reads others' units.
  void run_in_blocks(const Group& group, Scratch& scratch, Part part) {
    const int64_t w = layer_.width;
    const Units units(layer_.wide, part);
    const Share panels(layer_.panels, part.thread, part.threads);
    if (units.empty()) return;
    const int32_t states = layer_.code.states;
    bool kept = false;
    for (int32_t s = 0; s < states; s++) kept = kept || layer_.keeps(s);
    Workspace<T, Q>& workspace = scratch.workspace;
    workspace.rows = layer_.plan.most_rows;
    const auto own = [&](int32_t s) { return scratch.states + s * state_rows() * w; };
    for (int32_t s = 0; s < states; s++)
      begin_state(group, s, layer_.keeps(s) ? state_at(group, scratch, s, 0, false) : own(s), part);
    Chunk<T, Q> chunk{input_, group, scratch.gathered, scratch.projected, scratch.rows};
    for (int64_t step = 0, end; step < group.steps(); step = end) {
      const int64_t active = group.active[size_t(step)];
      workspace.columns = chunk.at(step, panels.first, panels.last);
      workspace.packed = group.packed_at(step);
      // states of more rows lie before a step that fewer rows reach: it goes alone
      const bool whole = !kept || (step == 0 ? group.rows() : int64_t(group.active[size_t(step) - 1])) == active;
      end = step + 1;
      while (whole && end < chunk.ended && group.active[size_t(end)] == active && (end - step + 1) * active <= BLOCK_OF_STEPS)
        end++;
      const int64_t steps = end - step, next = group.active[size_t(end)];
      for (int64_t i = 0; i < steps; i++) name_places(layer_, group, step + i, active, workspace.places + i * active);
      for (int32_t s = 0; s < states; s++) {
        workspace.before[s] = layer_.keeps(s) ? state_at(group, scratch, s, step, false) : own(s);
        workspace.after[s] = layer_.keeps(s) ? state_at(group, scratch, s, step, true) : own(s) + active * w;
      }
      if (steps > 1 || active <= TILE_ROWS)
        run_block(layer_, workspace, steps, active, part);
      else
        run_level(layer_, workspace, 0, active, part);
      for (int64_t i = 0; i < steps; i++) put_out(group, step + i, workspace.after[0] + i * active * w, part);
      for (int32_t s = 0; s < states; s++) {
        const T* const ends = workspace.after[s] + (steps - 1) * active * w;
        put_last(group, s, next, active, ends, part);
        for (int64_t r = 0; !layer_.keeps(s) && r < next; r++)
          std::memmove(own(s) + r * w + units.u0, ends + r * w + units.u0, size_t(units.u1 - units.u0) * sizeof(T));
      }
    }
    end_outputs(group, part);
  }

  // The rows' states before their first step.
  void begin_state(const Group& group, int32_t state, T* to, Part part) const {
    const Width<T>& width = layer_.of_state(state);
    const Units own(width, part);
    for (int64_t r = 0; r < group.rows() && !own.empty(); r++) {
      const T* const from = static_cast<const T*>(layer_.call.state[state]) + group.row[size_t(r)] * width.units;
      copy_row(to + r * width.padded + own.u0, from + own.u0, own.units, own.u1 - own.u0);
    }
  }

  void put_out(const Group& group, int64_t step, const T* after, Part part) const {
    const recurra_call& call = layer_.call;
    const Width<T>& width = layer_.of_state(0);
    const Units own(width, part);
    for (int64_t r = 0; call.y && own.units > 0 && r < group.active[size_t(step)]; r++) {
      const int64_t row = group.row[size_t(r)];
      T* const y = static_cast<T*>(call.y) + row * call.y_batch + time_of(call, row, step) * call.y_time;
      std::memcpy(y + own.u0, after + r * width.padded + own.u0, size_t(own.units) * sizeof(T));
    }
  }

  // States of the rows [first, last), whose last step this was.
  void put_last(const Group& group, int32_t state, int64_t first, int64_t last, const T* after, Part part) const {
    T* const to = static_cast<T*>(layer_.call.last[state]);
    const Width<T>& width = layer_.of_state(state);
    const Units own(width, part);
    for (int64_t r = first; to && own.units > 0 && r < last; r++)
      std::memcpy(to + group.row[size_t(r)] * width.units + own.u0, after + r * width.padded + own.u0,
                  size_t(own.units) * sizeof(T));
  }

  // Zeros past the rows' ends.
  void end_outputs(const Group& group, Part part) const {
    const recurra_call& call = layer_.call;
    const Units own(layer_.of_state(0), part);
    for (int64_t r = 0; call.y && own.units > 0 && r < group.rows(); r++) {
      const int64_t row = group.row[size_t(r)];
      for (int64_t t = length(call, row); t < call.time; t++)
        std::memset(static_cast<T*>(call.y) + row * call.y_batch + t * call.y_time + own.u0, 0,
                    size_t(own.units) * sizeof(T));
    }
  }

  const recurra_program& program_;
  Layer<T, Q> layer_;
  InputProducts<T, Q> input_;
  std::vector<Scratch> scratch_;
  Buffer buffer_;
  int32_t threads_ = 1;
};

}  // namespace recurra
