#include "check.hpp"
#include "export.hpp"
#include "halves.hpp"
#include "input_gradient.hpp"
#include "memory.hpp"
#include "packed_rows.hpp"
#include "processors.hpp"
#include "table_gradient.hpp"
#include "through_time.hpp"

namespace recurra {
namespace {

template <class T, class Q>
class Backward {
 public:
  Backward(const recurra_program& program, const recurra_call& call, ReadMemory& memory)
      : program_(program), memory_(memory), layer_(call, program.backward, program.forward, program.constants),
        gradients_(layer_.tokens_projected ? call.vocabulary : layer_.plan.total), recurrent_(layer_.plan.total),
        rows_(layer_, layer_.tokens_projected ? recurrent_.operands : gradients_.operands), time_(layer_, rows_),
        input_(layer_) {}

  int run() {
    if (const int error = prepare()) return error;
    run_team(team(), [](void* self, int thread, Team& team) { static_cast<Backward*>(self)->work(thread, team); }, this);
    return RECURRA_OK;
  }

  int prepare() {
    const recurra_call& call = layer_.call;
    char* begin = nullptr;
    if (const int error = memory_.find<T>(program_, layer_.plan, call, begin)) return error;
    Arena kept(begin);
    const Values<T> values(kept, program_.forward, layer_.plan, call);
    layer_.memory_saved = values.saved;
    layer_.memory_rows = values.rows;
    layer_.memory_history = values.history;
    layer_.adjoint_row = layer_.code.adjoints * layer_.width + UNITS<T>;
    threads_ = std::max(1, call.threads);
    name_wanted();
    near_ = !layer_.plan.share_units && !layer_.tokens_projected && layer_.plan.total >= OWN_ROWS * threads_ &&
            gradients_.size() * int64_t(sizeof(T)) <= OWN_BYTES;
    buffer_ = allocated([this](Arena& from) { allocate(from); });
    if (!buffer_.data()) return RECURRA_NO_MEMORY;
    zero_what_nothing_reaches();
    return RECURRA_OK;
  }

  int team() const { return layer_.plan.share_units && crowded() ? 1 : threads_; }

  void work(int thread, Team& team) {
    const int threads = team.count();
    const TileScope<Q> tiles;
    const recurra_call& call = layer_.call;
    if (thread == 0) layer_.fill_rows();
    layer_.pack_recurrent(thread, threads);
    if (input_.wanted()) input_.pack(thread, threads);
    deal(summed(), thread, team, [&](int part) {
      std::fill_n(scratch_[size_t(part)].time.workspace.sums, layer_.code.reductions * layer_.width, T(0));
    });
    team.wait();
    go_through_time(thread, team);
    team.wait();
    if (call.dvectors) add_reductions(thread, threads);
    if (layer_.tokens_projected)
      make_table_gradients(thread, team);
    else
      make_gradients(thread, team);
  }

 private:
  struct Scratch {
    typename ThroughTime<T, Q>::Scratch time;
    typename InputGradient<T, Q>::Scratch input;
    typename Gradients<T, Q>::Own own;
    T* adjoint = nullptr;                 // [room_rows()][adjoint_row]
    int64_t first = 0, last = 0, at = 0;  // packed rows whose adjoints wait here, and where the first one's are
  };

  // Rows that a thread has at least, and bytes at most, where each has sums of its own: they stay in L2.
  static constexpr int64_t OWN_ROWS = 192, OWN_BYTES = 256 << 10;

  // So many rows' adjoints are taken on at once.
  static constexpr int64_t NEAR_ROWS = 128;

  // Threads whose scratch has sums of its own.
  int summed() const { return layer_.plan.share_units ? 1 : threads_; }

  int64_t w_adjoints() const { return int64_t(layer_.code.w_blocks.size()); }

  // The gradients of matrices that are asked for; what no adjoint reaches is zero.
  void name_wanted() {
    const recurra_call& call = layer_.call;
    const int64_t h = layer_.hidden;
    for (int64_t j = 0; call.dweight_ih && j < w_adjoints(); j++)
      gradients_.wanted.push_back({j * layer_.width, h, gradients_.operand(Slot{}, call.inputs), 0, call.inputs,
                                   static_cast<T*>(call.dweight_ih) + layer_.code.w_blocks[size_t(j)] * h * call.inputs});
    Gradients<T, Q>& to = layer_.tokens_projected ? recurrent_ : gradients_;
    for (const RecurrentGradient& g : layer_.code.recurrent) {
      const bool projection = g.matrix.kind == RECURRA_PROJECTION;
      auto* const first = static_cast<T*>(projection ? call.dweight_hr : call.dweight_hh);
      if (!first) continue;
      const int64_t height = layer_.of(projection).units;
      const int64_t width = layer_.of(!projection && layer_.code.maps_narrow).units;
      const int64_t deep = layer_.call.heads > 1 ? layer_.head : width, heads = width / deep;
      for (int64_t e = 0; e < heads; e++) {
        const int64_t rows = height / heads;
        to.wanted.push_back({g.adjoint * layer_.width + e * rows, rows, to.operand(g.operand, width), e * deep, deep,
                             first + (g.matrix.block * height + e * rows) * deep});
      }
    }
    gradients_.order();
    recurrent_.order();
  }

  void allocate(Arena& from) {
    const recurra_call& call = layer_.call;
    const int64_t total = layer_.plan.total;
    layer_.allocate_shared(from);
    adjoint_ = from.take<T>(near_ ? 0 : total * layer_.adjoint_row);
    input_.allocate_shared(from);
    table_adjoint_row_ = w_adjoints() * layer_.width + UNITS<T>;
    table_adjoint_ = from.take<T>(layer_.tokens_projected ? call.vocabulary * table_adjoint_row_ : 0);
    packed_dx_ = from.take<T>(call.dtable && !layer_.tokens_projected ? total * call.inputs : 0);
    gradients_.allocate(from, near_ ? 0 : threads_);
    recurrent_.allocate(from, threads_);
    scratch_.resize(size_t(threads_));
    for (Scratch& scratch : scratch_) {
      const bool own = !layer_.plan.share_units || &scratch == &scratch_[0];
      time_.allocate(scratch.time, from, own ? nullptr : &scratch_[0].time);
      input_.allocate(scratch.input, from);
      if (!near_) continue;
      gradients_.allocate(scratch.own, from);
      scratch.adjoint = from.take<T>(room_rows() * layer_.adjoint_row);
    }
  }

  void go_through_time(int thread, Team& team) {
    const std::vector<Group>& groups = layer_.plan.groups;
    if (layer_.plan.share_units) {
      time_.run(groups[0], scratch_[size_t(thread)].time, {thread, team.count()}, &team,
                [this](int64_t first, int64_t) { return adjoint_ + first * layer_.adjoint_row; }, [](int64_t, int64_t) {});
    } else {
      deal(threads_, thread, team, [&](int part) {
        Scratch& scratch = scratch_[size_t(part)];
        layer_.each_group(part, threads_, [&](const Group& group) {
          time_.run(group, scratch.time, {}, nullptr,
                    [&](int64_t first, int64_t last) { return room(scratch, first, last); },
                    [&](int64_t first, int64_t last) { take_on(scratch, first, last); });
        });
        finish(scratch);
      });
    }
  }

  // Rows that are taken on at once, or come at once, at most.
  int64_t most_at_once() const { return NEAR_ROWS + std::max(BLOCK_OF_STEPS, layer_.plan.most_rows); }

  // Those that wait grow both ways from the middle.
  int64_t room_rows() const { return 2 * most_at_once(); }

  // Where the adjoints of rows [first, last) go: next to those that wait, which are taken on first if they are no neighbours.
  T* room(Scratch& scratch, int64_t first, int64_t last) {
    if (!near_) return adjoint_ + first * layer_.adjoint_row;
    if (last != scratch.first && first != scratch.last) finish(scratch);
    if (scratch.first == scratch.last) {
      scratch.first = scratch.last = first;
      scratch.at = most_at_once();
    }
    return scratch.adjoint + (scratch.at + first - scratch.first) * layer_.adjoint_row;
  }

  // The adjoints of rows [first, last) are where they were given room.
  void take_on(Scratch& scratch, int64_t first, int64_t last) {
    if (!near_) return;
    if (first < scratch.first) {
      scratch.at -= scratch.first - first;
      scratch.first = first;
    }
    scratch.last = std::max(last, scratch.last);
    if (scratch.last - scratch.first >= NEAR_ROWS) finish(scratch);
  }

  // dx of the rows that wait, and what they add to the matrices' gradients.
  void finish(Scratch& scratch) {
    const int64_t first = scratch.first, last = scratch.last;
    scratch.first = scratch.last = 0;
    if (first == last) return;
    const T* const adjoint = scratch.adjoint + scratch.at * layer_.adjoint_row;
    if (input_.wanted()) make_dx(first, last, adjoint, scratch);
    gradients_.add(first, last, adjoint, layer_.adjoint_row, scratch.own);
  }

  void make_dx(int64_t first, int64_t last, const T* adjoint, const Scratch& scratch) const {
    const recurra_call& call = layer_.call;
    input_.run(first, last, adjoint, layer_.adjoint_row, scratch.input,
               [&](int64_t row) { return call.dx ? rows_.dx(row) : packed_dx_ + row * call.inputs; });
  }

  void make_gradients(int thread, Team& team) {
    const recurra_call& call = layer_.call;
    if (input_.wanted() && !near_)
      deal(threads_, thread, team, [&](int part) {
        const Share mine(layer_.plan.total, part, threads_);
        make_dx(mine.first, mine.last, adjoint_ + mine.first * layer_.adjoint_row, scratch_[size_t(thread)]);
      });
    if (near_)
      gradients_.gather(threads_, [this](int part) { return scratch_[size_t(part)].own; }, thread, team.count());
    else if (!gradients_.wanted.empty())
      gradients_.run(adjoint_, layer_.adjoint_row, threads_, thread, team);
    if (call.dtable) {
      team.wait();
      const Share mine(call.inputs, thread, team.count());
      scatter(call, layer_.plan, packed_dx_, call.inputs, static_cast<T*>(call.dtable), call.inputs, mine.first, mine.last);
    }
  }

  // The table's rows were projected once: they have their adjoints once, too.
  void make_table_gradients(int thread, Team& team) {
    const recurra_call& call = layer_.call;
    const Share vectors(w_adjoints() * layer_.width / LANES<T>, thread, team.count());
    scatter(call, layer_.plan, adjoint_, layer_.adjoint_row, table_adjoint_, table_adjoint_row_,
            vectors.first * LANES<T>, vectors.last * LANES<T>);
    team.wait();
    if (call.dtable)
      deal(threads_, thread, team, [&](int part) {
        const Share mine(call.vocabulary, part, threads_);
        input_.run(mine.first, mine.last, table_adjoint_ + mine.first * table_adjoint_row_, table_adjoint_row_,
                   scratch_[size_t(thread)].input, [&](int64_t row) { return static_cast<T*>(call.dtable) + row * call.inputs; });
      });
    if (call.dweight_ih) gradients_.run(table_adjoint_, table_adjoint_row_, threads_, thread, team);
    if (!recurrent_.wanted.empty()) recurrent_.run(adjoint_, layer_.adjoint_row, threads_, thread, team);
  }

  void zero_what_nothing_reaches() {
    const recurra_call& call = layer_.call;
    const int64_t h = layer_.hidden;
    std::vector<bool> w(size_t(call.ih_blocks), false), r(size_t(call.hh_blocks), false), p(size_t(call.hr_blocks), false);
    for (const int32_t b : layer_.code.w_blocks) w[size_t(b)] = true;
    for (const RecurrentGradient& g : layer_.code.recurrent)
      (g.matrix.kind == RECURRA_PROJECTION ? p : r)[size_t(g.matrix.block)] = true;
    const auto zero = [](void* matrix, const std::vector<bool>& reached, int64_t size) {
      for (size_t b = 0; matrix && b < reached.size(); b++)
        if (!reached[b]) std::fill_n(static_cast<T*>(matrix) + int64_t(b) * size, size, T(0));
    };
    zero(call.dweight_ih, w, h * call.inputs);
    zero(call.dweight_hh, r, h * (call.heads > 1 ? layer_.head : layer_.of(layer_.code.maps_narrow).units));
    zero(call.dweight_hr, p, h * layer_.narrow.units);
    if (layer_.tokens_projected)
      for (const Operand<T>& o : gradients_.operands)
        for (int64_t v = 0; v < call.vocabulary; v++) o.rows[v] = static_cast<const T*>(call.table) + v * call.inputs;
  }

  void add_reductions(int thread, int threads) {
    const int64_t w = layer_.width, h = layer_.hidden;
    const Share mine(layer_.code.reductions, thread, threads);
    for (int64_t d = mine.first; d < mine.last; d++) {
      T* const to = static_cast<T*>(layer_.call.dvectors) + d * h;
      std::fill_n(to, h, T(0));
      for (int other = 0; other < summed(); other++) {
        const T* const from = scratch_[size_t(other)].time.workspace.sums + d * w;
        for (int64_t u = 0; u < h; u++) to[u] += from[u];
      }
    }
  }

  const recurra_program& program_;
  ReadMemory& memory_;
  Layer<T, Q> layer_;
  Gradients<T, Q> gradients_, recurrent_;
  PackedRows<T, Q> rows_;
  ThroughTime<T, Q> time_;
  InputGradient<T, Q> input_;
  std::vector<Scratch> scratch_;
  Buffer buffer_;
  T* adjoint_ = nullptr;  // [total][adjoint_row], where they are not near
  T* packed_dx_ = nullptr;
  T* table_adjoint_ = nullptr;
  int64_t table_adjoint_row_ = 0;
  int32_t threads_ = 1;
  bool near_ = false;  // each thread takes its rows' adjoints on, into sums of its own, soon after they are there
};

// What a call takes from the memory of its forward, which `memory` then holds.
int read(const recurra_program& program, recurra_call& call, ReadMemory& memory) {
  call.lengths = nullptr;
  if (const int error = check_sizes(call)) return error;
  if (const int error = memory.read(program, call)) return error;
  return check(program, call, true);
}

int run(const recurra_program& program, const recurra_call& call, ReadMemory& memory) {
  if (call.type == RECURRA_F64) return Backward<double, double>(program, call, memory).run();
  if (call.products == RECURRA_BF16) return Backward<float, Bfloat>(program, call, memory).run();
  return Backward<float, float>(program, call, memory).run();
}

template <class T, class Q>
int run_halves(const recurra_program& program, const recurra_call (&calls)[2], ReadMemory (&memory)[2]) {
  Backward<T, Q> one(program, calls[0], memory[0]), other(program, calls[1], memory[1]);
  return Halves(one, other).run();
}

bool is_bad(const recurra_program* program, const recurra_call* call) {
  return !program || !program->has_backward || !call || (call->dx && call->tokens);
}

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT int recurra_backward(const recurra_program* program, const recurra_call* call) {
  if (is_bad(program, call)) return RECURRA_BAD_CALL;
  try {
    recurra_call same = *call;
    ReadMemory memory;
    const int error = read(*program, same, memory);
    return error ? error : run(*program, same, memory);
  } catch (const std::exception&) {
    return RECURRA_NO_MEMORY;
  }
}

RECURRA_EXPORT int recurra_backward_both(const recurra_program* program, const recurra_call* first,
                                         const recurra_call* second) {
  if (is_bad(program, first) || is_bad(program, second)) return RECURRA_BAD_CALL;
  try {
    recurra_call calls[2] = {*first, *second};
    ReadMemory memory[2];
    for (int i = 0; i < 2; i++)
      if (const int error = read(*program, calls[i], memory[i])) return error;
    const auto& [one, other] = calls;
    const int64_t work = work_of(program->forward, one) + work_of(program->forward, other);
    const int threads = team_size(std::min(first->threads, second->threads), work);
    if (one.threads != other.threads || 2 * one.threads > threads || !run_at_once(program->forward, one, other)) {
      const int error = run(*program, one, memory[0]);
      return error ? error : run(*program, other, memory[1]);
    }
    if (one.type == RECURRA_F64) return run_halves<double, double>(*program, calls, memory);
    if (one.products == RECURRA_BF16) return run_halves<float, Bfloat>(*program, calls, memory);
    return run_halves<float, float>(*program, calls, memory);
  } catch (const std::exception&) {
    return RECURRA_NO_MEMORY;
  }
}
