// The loss of a class for each row of a layer's outputs: pooled over time, some left out, mapped and compared, and its
// gradients. What lies between is as large as one row's outputs, where separate steps would move all of them each time.
#include <algorithm>
#include <cmath>

#include "arena.hpp"
#include "draws.hpp"
#include "export.hpp"
#include "few_outputs.hpp"
#include "processors.hpp"
#include "recurra.h"
#include "share.hpp"
#include "simd.hpp"

using namespace recurra;

namespace {

constexpr int64_t AN_EXPONENTIAL = 16;  // multiply-adds that it takes as long as
constexpr int ALL = RECURRA_LAST | RECURRA_MEAN | RECURRA_HIGHEST;

int64_t parts_of(const recurra_readout& call) {
  return int64_t(!!(call.parts & RECURRA_LAST)) + !!(call.parts & RECURRA_MEAN) + !!(call.parts & RECURRA_HIGHEST);
}

int64_t seen_of(const recurra_readout& call) { return parts_of(call) * call.width; }

template <class T>
int64_t room_of(const recurra_readout& call) {
  return whole_chunks<T>(seen_of(call));
}

// What backward reads. highest: before some are left out; seen: after that; slopes: of the loss by logits; both and the
// weight with zeros up to whole chunks
template <class T>
struct Kept {
  Kept(Arena from, const recurra_readout& call) {
    const int64_t room = room_of<T>(call);
    lengths = from.take<int64_t>(call.batch);
    highest = from.take<T>(call.parts & RECURRA_HIGHEST ? call.batch * call.width : 0);
    seen = from.take<T>(call.batch * room);
    weight = from.take<T>(call.classes * room);
    slopes = from.take<T>(call.batch * call.classes);
    bytes = from.used();
  }
  int64_t* lengths;
  T *highest, *seen, *weight, *slopes;
  int64_t bytes;
};

int check_sizes(const recurra_readout& call) {
  constexpr int64_t most = int64_t(1) << 31;
  if (call.type != RECURRA_F32 && call.type != RECURRA_F64) return RECURRA_BAD_CALL;
  if (call.batch < 1 || call.time < 1 || call.width < 1 || call.classes < 1) return RECURRA_BAD_CALL;
  if (call.parts < 1 || call.parts > ALL || call.directions < 1 || call.directions > 2) return RECURRA_BAD_CALL;
  if (call.width % call.directions || !call.y || (call.words && !Draws<float>::known(call.bits))) return RECURRA_BAD_CALL;
  for (const int64_t size : {call.batch, call.time, call.width, call.classes})
    if (size >= most) return RECURRA_BAD_CALL;
  if (call.batch * call.time >= most || call.batch * seen_of(call) >= most || call.classes * seen_of(call) >= most)
    return RECURRA_BAD_CALL;
  return RECURRA_OK;
}

int check_lengths(const recurra_readout& call, const int64_t* lengths) {
  for (int64_t b = 0; b < call.batch; b++)
    if (lengths[b] < 1 || lengths[b] > call.time) return RECURRA_BAD_LENGTHS;
  return RECURRA_OK;
}

template <class T>
Draws<T> draws_of(const recurra_readout& call) {
  return {call.words, call.bits, call.edge, T(call.scale)};
}

template <class T>
struct Forward {
  const recurra_readout& call;
  const Kept<T>& kept;
  const int64_t room = room_of<T>(call), seen = seen_of(call);
  double* losses = nullptr;
  double* logits = nullptr;  // of one row for each thread

  int run() {
    const int64_t steps = call.batch * call.time * call.width;
    const int64_t products = call.batch * call.classes * (room + AN_EXPONENTIAL);
    const int threads = team_size(call.threads, steps + products);
    const Buffer own = allocated([&](Arena& from) {
      losses = from.take<double>(call.batch);
      logits = from.take<double>(threads * call.classes);
    });
    if (!own.data()) return RECURRA_NO_MEMORY;
    fill_room(static_cast<const T*>(call.weight), call.classes, seen, room, kept.weight);
    run_team(threads, [](void* self, int thread, Team& team) { static_cast<Forward*>(self)->part(thread, team); }, this);
    double sum = 0;
    for (int64_t b = 0; b < call.batch; b++) sum += losses[b];
    *static_cast<T*>(call.loss) = T(sum / double(call.batch));
    return RECURRA_OK;
  }

  void part(int thread, Team& team) {
    const Share mine((call.batch + ROWS - 1) / ROWS, thread, team.count());
    for (int64_t b = mine.first * ROWS; b < std::min(mine.last * ROWS, call.batch); b += ROWS) {
      const int64_t here = std::min(ROWS, call.batch - b);
      for (int64_t r = b; r < b + here; r++) pool(r);
      const T* const a = kept.seen + b * room;
      T* const out = kept.slopes + b * call.classes;
      all_outputs(a, here, kept.weight, call.classes, room, out);
      for (int64_t r = b; r < b + here; r++) compare(r, logits + thread * call.classes);
    }
  }

  void pool(int64_t b) const {
    const int64_t width = call.width, length = kept.lengths[b];
    const T* const y = static_cast<const T*>(call.y) + b * call.y_batch;
    T* to = kept.seen + b * room;
    if (call.parts & RECURRA_LAST) {
      const int64_t own = width / call.directions;
      std::copy_n(y + (length - 1) * call.y_time, own, to);
      if (call.directions > 1) std::copy_n(y + own, own, to + own);
      to += width;
    }
    if (call.parts & RECURRA_MEAN) {
      std::fill_n(to, width, T(0));
      for (int64_t t = 0; t < length; t++) {
        const T* const row = y + t * call.y_time;
        for (int64_t i = 0; i < width; i++) to[i] += row[i];
      }
      for (int64_t i = 0; i < width; i++) to[i] /= T(length);
      to += width;
    }
    if (call.parts & RECURRA_HIGHEST) {
      T* const most = kept.highest + b * width;
      std::copy_n(y, width, most);
      for (int64_t t = 1; t < length; t++) {
        const T* const row = y + t * call.y_time;
        for (int64_t i = 0; i < width; i++) most[i] = row[i] > most[i] || row[i] != row[i] ? row[i] : most[i];
      }
      std::copy_n(most, width, to);
      to += width;
    }
    T* const whole = kept.seen + b * room;
    draws_of<T>(call).apply(b * seen, seen, whole, whole);
    std::fill_n(to, room - seen, T(0));
  }

  void compare(int64_t b, double* own) const {
    const int64_t classes = call.classes;
    T* const slopes = kept.slopes + b * classes;
    const T *const bias = static_cast<const T*>(call.bias), *const shift = static_cast<const T*>(call.shift);
    double highest = -HUGE_VAL, sum = 0, all = 0;
    for (int64_t c = 0; c < classes; c++) {
      own[c] = double(slopes[c]) + (bias ? double(bias[c]) : 0) + (shift ? double(shift[c]) : 0);
      highest = own[c] > highest || own[c] != own[c] ? own[c] : highest;
    }
    for (int64_t c = 0; c < classes; c++) {
      all += own[c] - highest;
      sum += slopes[c] = T(std::exp(own[c] - highest));
    }
    const double spread = call.smoothing / double(classes), right = 1 - call.smoothing, log = std::log(sum);
    const int64_t target = call.targets[b];
    losses[b] = -right * (own[target] - highest - log) - spread * (all - double(classes) * log);
    const double share = 1 / double(call.batch);
    for (int64_t c = 0; c < classes; c++)
      slopes[c] = T((double(slopes[c]) / sum - spread - (c == target ? right : 0)) * share);
  }
};

template <class T>
struct Backward {
  const recurra_readout& call;
  const Kept<T>& kept;
  const int64_t room = room_of<T>(call), seen = seen_of(call);
  const T arriving = *static_cast<const T*>(call.d_loss);
  T* rows = nullptr;  // of each thread: gradients of what is seen of ROWS rows, then one row's shares

  int run() {
    const int64_t steps = 2 * call.batch * call.time * call.width, products = 2 * call.batch * call.classes * room;
    const int threads = team_size(call.threads, steps + products);
    const Buffer own = allocated([&](Arena& from) { rows = from.take<T>(threads * own_room()); });
    if (!own.data()) return RECURRA_NO_MEMORY;
    run_team(threads, [](void* self, int thread, Team& team) { static_cast<Backward*>(self)->part(thread, team); }, this);
    return RECURRA_OK;
  }

  int64_t own_room() const { return (ROWS + 1) * room; }

  void part(int thread, Team& team) {
    T *const d_seen = rows + thread * own_room(), *const shares = d_seen + ROWS * room;
    if (call.d_y) {
      const Share mine((call.batch + ROWS - 1) / ROWS, thread, team.count());
      for (int64_t b = mine.first * ROWS; b < std::min(mine.last * ROWS, call.batch); b += ROWS) {
        const int64_t here = std::min(ROWS, call.batch - b);
        all_inputs(kept.slopes + b * call.classes, here, kept.weight, call.classes, room, arriving, d_seen);
        for (int64_t r = 0; r < here; r++) spread(b + r, d_seen + r * room, shares);
      }
    }
    if (call.d_weight) {
      const Share chunks(room / CHUNK<T>, thread, team.count());
      for (int64_t k = chunks.first; k < chunks.last; k++)
        of_weights(kept.slopes, kept.seen, call.batch, call.classes, seen, room, k * CHUNK<T>, arriving, d_seen,
                   static_cast<T*>(call.d_weight));
    }
    if (call.d_bias && thread == 0)
      for (int64_t c = 0; c < call.classes; c++) {
        T sum = 0;
        for (int64_t b = 0; b < call.batch; b++) sum += kept.slopes[b * call.classes + c];
        static_cast<T*>(call.d_bias)[c] = arriving * sum;
      }
  }

  // The gradient of one row's outputs. What is highest at several steps gives each an even share.
  void spread(int64_t b, T* d, T* shares) const {
    const int64_t width = call.width, length = kept.lengths[b];
    const T* const y = static_cast<const T*>(call.y) + b * call.y_batch;
    T* const d_y = static_cast<T*>(call.d_y) + b * call.d_y_batch;
    draws_of<T>(call).apply(b * seen, seen, d, d);
    const T *const last = call.parts & RECURRA_LAST ? d : nullptr;
    T* const mean = call.parts & RECURRA_MEAN ? d + (last ? width : 0) : nullptr;
    if (mean)
      for (int64_t i = 0; i < width; i++) mean[i] /= T(length);
    if (call.parts & RECURRA_HIGHEST) {
      const T *const of_highest = d + seen - width, *const most = kept.highest + b * width;
      std::fill_n(shares, width, T(0));
      for (int64_t t = 0; t < length; t++) {
        const T* const row = y + t * call.y_time;
        for (int64_t i = 0; i < width; i++) shares[i] += row[i] == most[i] ? T(1) : T(0);
      }
      for (int64_t i = 0; i < width; i++) shares[i] = of_highest[i] / shares[i];
      for (int64_t t = 0; t < length; t++) {
        const T* const row = y + t * call.y_time;
        T* const to = d_y + t * call.d_y_time;
        if (mean)
          for (int64_t i = 0; i < width; i++) to[i] = mean[i] + (row[i] == most[i] ? shares[i] : T(0));
        else
          for (int64_t i = 0; i < width; i++) to[i] = row[i] == most[i] ? shares[i] : T(0);
      }
    } else {
      for (int64_t t = 0; t < length; t++)
        if (mean)
          std::copy_n(mean, width, d_y + t * call.d_y_time);
        else
          std::fill_n(d_y + t * call.d_y_time, width, T(0));
    }
    for (int64_t t = length; t < call.time; t++) std::fill_n(d_y + t * call.d_y_time, width, T(0));
    if (last) {
      const int64_t own = width / call.directions;
      T* const at_end = d_y + (length - 1) * call.d_y_time;
      for (int64_t i = 0; i < own; i++) at_end[i] += last[i];
      if (call.directions > 1)
        for (int64_t i = own; i < width; i++) d_y[i] += last[i];
    }
  }
};

template <class T>
int forward(const recurra_readout& call) {
  const int64_t bytes = Kept<T>(Arena(), call).bytes;
  if (call.memory && call.memory_bytes < bytes) return RECURRA_SHORT_MEMORY;
  const Buffer own(call.memory ? 0 : bytes);
  void* const memory = call.memory ? call.memory : own.data();
  if (!memory) return RECURRA_NO_MEMORY;
  const Kept<T> kept(Arena(memory), call);
  std::copy_n(call.lengths, call.batch, kept.lengths);
  return Forward<T>{call, kept}.run();
}

template <class T>
int backward(const recurra_readout& call) {
  const Kept<T> kept(Arena(call.memory), call);
  if (call.memory_bytes < Kept<T>(Arena(), call).bytes) return RECURRA_SHORT_MEMORY;
  if (check_lengths(call, kept.lengths)) return RECURRA_FOREIGN_MEMORY;
  return Backward<T>{call, kept}.run();
}

}  // namespace

RECURRA_EXPORT int64_t recurra_readout_memory(const recurra_readout* call) {
  if (!call || check_sizes(*call)) return -1;
  return call->type == RECURRA_F32 ? Kept<float>(Arena(), *call).bytes : Kept<double>(Arena(), *call).bytes;
}

RECURRA_EXPORT int recurra_readout_forward(const recurra_readout* call) {
  if (!call || check_sizes(*call)) return RECURRA_BAD_CALL;
  if (!call->lengths || !call->weight || !call->targets || !call->loss) return RECURRA_BAD_CALL;
  if (const int error = check_lengths(*call, call->lengths)) return error;
  for (int64_t b = 0; b < call->batch; b++)
    if (call->targets[b] < 0 || call->targets[b] >= call->classes) return RECURRA_BAD_TOKENS;
  return call->type == RECURRA_F32 ? forward<float>(*call) : forward<double>(*call);
}

RECURRA_EXPORT int recurra_readout_backward(const recurra_readout* call) {
  if (!call || check_sizes(*call) || !call->memory || !call->d_loss) return RECURRA_BAD_CALL;
  return call->type == RECURRA_F32 ? backward<float>(*call) : backward<double>(*call);
}
