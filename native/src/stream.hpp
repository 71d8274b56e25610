// A layer one step after the other.
#pragma once

#include "input.hpp"
#include "level.hpp"
#include "processors.hpp"

namespace recurra {

class Stream {
 public:
  virtual ~Stream() = default;
  virtual void step(const void* x, void* y) = 0;
  virtual void state(void* const* values, bool write) = 0;
};

// Weights of a step, from which on a second thread is worth its start.
inline constexpr int64_t WORTH_A_TEAM = 128 * 1024;

// Weights packed once, states and all room kept: a step touches no allocator.
template <class T, class Q>
class Prepared final : public Stream {
 public:
  Prepared(const recurra_program& program, const recurra_call& call)
      : program_(program), call_(whole(call)), layer_(call_, program_.forward, program_.forward, program_.constants), input_(layer_) {
    const int64_t weights = recurrent_weights(program.forward, call) +
                            int64_t(program.forward.columns.size()) * call.hidden * call.inputs;
    threads_ = weights >= WORTH_A_TEAM ? team_size(call.threads, weights * call.batch) : 1;
    room_ = allocated([this](Arena& from) { allocate(from); });
    if (!room_.data()) throw std::bad_alloc();
    layer_.fill_rows();
    input_.fill_bias();
    layer_.pack_recurrent(0, 1);
    input_.pack(0, 1);
    for (int64_t r = 0; r < call_.batch; r++) rows_[r] = projected_ + r * input_.row;
    std::fill_n(states_, layer_.code.states * 2 * call_.batch * layer_.width, T(0));
    if (call.state[0]) state(const_cast<void* const*>(call.state), true);
  }

  void step(const void* x, void* y) override {
    x_ = static_cast<const T*>(x);
    y_ = static_cast<T*>(y);
    const int team = crowded() ? 1 : threads_;
    run_team(team, [](void* self, int thread, Team& team) { static_cast<Prepared*>(self)->work(thread, team); }, this);
    now_ ^= 1;
  }

  void state(void* const* values, bool write) override {
    for (int32_t s = 0; s < layer_.code.states; s++) {
      const Width<T>& width = layer_.of_state(s);
      for (int64_t r = 0; r < call_.batch; r++) {
        T* const own = state_at(s, now_) + r * width.padded;
        T* const theirs = static_cast<T*>(values[s]) + r * width.units;
        std::memcpy(write ? own : theirs, write ? theirs : own, size_t(width.units) * sizeof(T));
      }
    }
  }

 private:
  static recurra_call whole(recurra_call call) {
    call.time = 1;
    call.lengths = nullptr;
    call.tokens = nullptr;
    call.memory = nullptr;
    return call;
  }

  T* state_at(int32_t state, int half) const { return states_ + (2 * state + half) * call_.batch * layer_.width; }

  void allocate(Arena& from) {
    const int64_t w = layer_.width, batch = call_.batch;
    layer_.plan.most_rows = batch;
    layer_.allocate_shared(from);
    input_.allocate_shared(from);
    states_ = from.take<T>(layer_.code.states * 2 * batch * w);
    steps_ = from.take<T>(layer_.code.steps * batch * w);
    projected_ = from.take<T>(batch * input_.row);
    held_ = from.take<Q>(layer_.ROUNDED ? batch * input_.depth() : 0);
    rows_ = from.take<const T*>(batch);
    workspaces_.resize(size_t(threads_));
    for (Workspace<T, Q>& workspace : workspaces_) Workspace<T, Q>::allocate(workspace, from, layer_);
  }

  void work(int thread, Team& team) {
    const Share mine(layer_.panels, thread, team.count());
    const Part part{thread, team.count()};
    const TileScope<Q> tiles;
    const Q* x;
    if constexpr (Layer<T, Q>::ROUNDED) {
      if (thread == 0)
        for (int64_t r = 0; r < call_.batch; r++) hold_row(held_ + r * input_.depth(), x_ + r * call_.inputs, call_.inputs);
      team.wait();
      x = held_;
    } else {
      x = x_;
    }
    input_.product(call_.batch, x, input_.depth(), mine.first, mine.last, projected_);
    Workspace<T, Q>& workspace = workspaces_[size_t(thread)];
    workspace.rows = call_.batch;
    workspace.steps = steps_;
    workspace.columns = rows_;
    for (int32_t s = 0; s < layer_.code.states; s++) {
      workspace.before[s] = state_at(s, now_);
      workspace.after[s] = state_at(s, now_ ^ 1);
    }
    for (size_t level = 0; level < layer_.code.levels.size(); level++) {
      run_level(layer_, workspace, level, call_.batch, part);
      team.wait_alike();
    }
    const Width<T>& width = layer_.of_state(0);
    const Units own(width, part);
    for (int64_t r = 0; own.units > 0 && r < call_.batch; r++)
      std::memcpy(y_ + r * width.units + own.u0, workspace.after[0] + r * width.padded + own.u0,
                  size_t(own.units) * sizeof(T));
  }

  recurra_program program_;  // a copy: the stream may live longer
  recurra_call call_;
  Layer<T, Q> layer_;
  InputProducts<T, Q> input_;
  Buffer room_;
  std::vector<Workspace<T, Q>> workspaces_;
  T *states_ = nullptr, *steps_ = nullptr, *projected_ = nullptr, *y_ = nullptr;
  Q* held_ = nullptr;
  const T** rows_ = nullptr;
  const T* x_ = nullptr;
  int threads_ = 1, now_ = 0;
};

}  // namespace recurra
