// The loss of rows of tags straight from a layer's outputs: some of these left out, mapped to what each tag scores, and rows
// compared as wholes, with its gradients. What lies between stays where it is, where separate steps would move it each time.
#include <algorithm>

#include "draws.hpp"
#include "export.hpp"
#include "few_outputs.hpp"
#include "paths.hpp"

using namespace recurra;

namespace {

int64_t steps_of(const recurra_tagging& call) { return call.batch * call.time; }

// The same rows for what compares them.
recurra_paths rows_of(const recurra_tagging& call) {
  recurra_paths rows{};
  rows.type = call.type, rows.threads = call.threads;
  rows.batch = call.batch, rows.time = call.time, rows.tags = call.tags;
  rows.lengths = call.lengths, rows.chosen = call.chosen;
  rows.follows = call.follows, rows.begins = call.begins, rows.ends = call.ends;
  rows.memory = call.memory;
  rows.d_follows = call.d_follows, rows.d_begins = call.d_begins, rows.d_ends = call.d_ends;
  return rows;
}

// What backward reads. rows: of the tags; seen: outputs after some were left out, zero past each row's end; both it and
// the weight with zeros up to whole chunks
template <class T>
struct Kept {
  Kept(char* memory, const recurra_tagging& call) : rows(Arena(memory), rows_of(call)) {
    Arena from(memory ? memory + rows.bytes : nullptr);
    const int64_t room = whole_chunks<T>(call.width);
    seen = from.take<T>(steps_of(call) * room);
    weight = from.take<T>(call.tags * room);
    bytes = rows.bytes + from.used();
  }
  paths::Kept rows;
  T *seen, *weight;
  int64_t bytes;
};

int check_sizes(const recurra_tagging& call) {
  constexpr int64_t most = int64_t(1) << 31;
  if (paths::check_sizes(rows_of(call)) || call.width < 1 || call.width >= most) return RECURRA_BAD_CALL;
  if (steps_of(call) * call.width >= most || call.tags * call.width >= most) return RECURRA_BAD_CALL;
  if (call.words && !Draws<float>::known(call.bits)) return RECURRA_BAD_CALL;
  return RECURRA_OK;
}

template <class T>
Draws<T> draws_of(const recurra_tagging& call) {
  return {call.words, call.bits, call.edge, T(call.scale)};
}

int64_t tokens_of(const recurra_tagging& call, const int64_t* lengths) {
  int64_t sum = 0;
  for (int64_t b = 0; b < call.batch; b++) sum += lengths[b];
  return sum;
}

template <class T>
struct Forward {
  const recurra_tagging& call;
  const Kept<T>& kept;
  const int64_t room = whole_chunks<T>(call.width);
  T *logits = nullptr, *found = nullptr;

  int run() {
    const Buffer own = allocated([&](Arena& from) {
      logits = from.take<T>(steps_of(call) * call.tags);
      found = from.take<T>(call.batch);
    });
    if (!own.data()) return RECURRA_NO_MEMORY;
    fill_room(static_cast<const T*>(call.weight), call.tags, call.width, room, kept.weight);
    const int threads = team_size(call.threads, steps_of(call) * (call.width + call.tags * room));
    run_team(threads, [](void* self, int thread, Team& team) { static_cast<Forward*>(self)->part(thread, team); }, this);
    recurra_paths rows = rows_of(call);
    rows.logits = logits, rows.found = found;
    if (const int error = paths::Forward<T>(rows, kept.rows).run()) return error;
    double sum = 0;
    for (int64_t b = 0; b < call.batch; b++) sum += double(found[b]);
    *static_cast<T*>(call.loss) = T(-sum / double(tokens_of(call, kept.rows.lengths)));
    return RECURRA_OK;
  }

  void part(int thread, Team& team) {
    const Share mine(call.batch, thread, team.count());
    for (int64_t b = mine.first; b < mine.last; b++) {
      const int64_t length = kept.rows.lengths[b];
      for (int64_t t = 0; t < length; t += ROWS) map(b, t, std::min(ROWS, length - t));
      std::fill_n(kept.seen + (b * call.time + length) * room, (call.time - length) * room, T(0));
    }
  }

  // Some steps of a row.
  void map(int64_t b, int64_t t, int64_t here) const {
    const T* const y = static_cast<const T*>(call.y) + b * call.y_batch + t * call.y_time;
    const int64_t first = b * call.time + t;
    T *const seen = kept.seen + first * room, *const out = logits + first * call.tags;
    for (int64_t r = 0; r < here; r++) {
      T* const to = seen + r * room;
      draws_of<T>(call).apply((first + r) * call.width, call.width, y + r * call.y_time, to);
      std::fill_n(to + call.width, room - call.width, T(0));
    }
    all_outputs(seen, here, kept.weight, call.tags, room, out);
    if (const T* const bias = static_cast<const T*>(call.bias))
      for (int64_t r = 0; r < here; r++)
        for (int64_t c = 0; c < call.tags; c++) out[r * call.tags + c] += bias[c];
  }
};

template <class T>
struct Backward {
  const recurra_tagging& call;
  const Kept<T>& kept;
  const int64_t room = whole_chunks<T>(call.width);
  T *slopes = nullptr, *weights = nullptr, *own = nullptr;  // own: of each thread, ROWS rows

  int run() {
    const int64_t work = 2 * steps_of(call) * (call.width + call.tags * room);
    const int threads = team_size(call.threads, work);
    const Buffer buffer = allocated([&](Arena& from) {
      slopes = from.take<T>(steps_of(call) * call.tags);
      weights = from.take<T>(call.batch);
      own = from.take<T>(threads * own_room());
    });
    if (!buffer.data()) return RECURRA_NO_MEMORY;
    const T each = -*static_cast<const T*>(call.d_loss) / T(tokens_of(call, kept.rows.lengths));
    std::fill_n(weights, call.batch, each);
    recurra_paths rows = rows_of(call);
    rows.weights = weights, rows.d_logits = slopes;
    if (const int error = paths::Backward<T>(rows, kept.rows).run()) return error;
    run_team(threads, [](void* self, int thread, Team& team) { static_cast<Backward*>(self)->part(thread, team); }, this);
    return RECURRA_OK;
  }

  int64_t own_room() const { return std::max(ROWS, OUTPUTS) * room; }

  void part(int thread, Team& team) {
    T* const mine = own + thread * own_room();
    if (call.d_y) {
      const Share rows(call.batch, thread, team.count());
      for (int64_t b = rows.first; b < rows.last; b++) row(b, mine);
    }
    if (call.d_weight) {
      const Share chunks(room / CHUNK<T>, thread, team.count());
      for (int64_t k = chunks.first; k < chunks.last; k++)
        of_weights(slopes, kept.seen, steps_of(call), call.tags, call.width, room, k * CHUNK<T>, T(1), mine,
                   static_cast<T*>(call.d_weight));
    }
    if (call.d_bias && thread == 0)
      for (int64_t c = 0; c < call.tags; c++) {
        T sum = 0;
        for (int64_t at = 0; at < steps_of(call); at++) sum += slopes[at * call.tags + c];
        static_cast<T*>(call.d_bias)[c] = sum;
      }
  }

  void row(int64_t b, T* d_seen) const {
    T* const to = static_cast<T*>(call.d_y) + b * call.d_y_batch;
    const int64_t length = kept.rows.lengths[b];
    for (int64_t t = 0; t < length; t += ROWS) {
      const int64_t here = std::min(ROWS, length - t), first = b * call.time + t;
      all_inputs(slopes + first * call.tags, here, kept.weight, call.tags, room, T(1), d_seen);
      for (int64_t r = 0; r < here; r++)
        draws_of<T>(call).apply((first + r) * call.width, call.width, d_seen + r * room, to + (t + r) * call.d_y_time);
    }
    for (int64_t t = length; t < call.time; t++) std::fill_n(to + t * call.d_y_time, call.width, T(0));
  }
};

template <class T>
int forward(const recurra_tagging& call) {
  const int64_t bytes = Kept<T>(nullptr, call).bytes;
  if (call.memory && call.memory_bytes < bytes) return RECURRA_SHORT_MEMORY;
  const Buffer own(call.memory ? 0 : bytes);
  char* const memory = static_cast<char*>(call.memory ? call.memory : own.data());
  if (!memory) return RECURRA_NO_MEMORY;
  const Kept<T> kept(memory, call);
  std::copy_n(call.lengths, call.batch, kept.rows.lengths);
  std::copy_n(call.chosen, steps_of(call), kept.rows.chosen);
  return Forward<T>{call, kept}.run();
}

template <class T>
int backward(const recurra_tagging& call) {
  const Kept<T> kept(static_cast<char*>(call.memory), call);
  if (call.memory_bytes < kept.bytes) return RECURRA_SHORT_MEMORY;
  if (paths::check_rows(rows_of(call), kept.rows.lengths, kept.rows.chosen)) return RECURRA_FOREIGN_MEMORY;
  return Backward<T>{call, kept}.run();
}

}  // namespace

RECURRA_EXPORT int64_t recurra_tagging_memory(const recurra_tagging* call) {
  if (!call || check_sizes(*call)) return -1;
  return call->type == RECURRA_F32 ? Kept<float>(nullptr, *call).bytes : Kept<double>(nullptr, *call).bytes;
}

RECURRA_EXPORT int recurra_tagging_forward(const recurra_tagging* call) {
  if (!call || check_sizes(*call)) return RECURRA_BAD_CALL;
  if (!call->y || !call->lengths || !call->chosen || !call->weight || !call->follows || !call->begins || !call->ends)
    return RECURRA_BAD_CALL;
  if (!call->loss) return RECURRA_BAD_CALL;
  if (const int error = paths::check_rows(rows_of(*call), call->lengths, call->chosen)) return error;
  return call->type == RECURRA_F32 ? forward<float>(*call) : forward<double>(*call);
}

RECURRA_EXPORT int recurra_tagging_backward(const recurra_tagging* call) {
  if (!call || check_sizes(*call) || !call->memory || !call->d_loss) return RECURRA_BAD_CALL;
  return call->type == RECURRA_F32 ? backward<float>(*call) : backward<double>(*call);
}
