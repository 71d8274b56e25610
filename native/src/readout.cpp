// The loss of a class for each row of a layer's outputs: pooled over time, some left out, mapped and compared, and its
// gradients. What lies between is as large as one row's outputs, where separate steps would move all of them each time.
#include <algorithm>
#include <cmath>

#include "arena.hpp"
#include "draws.hpp"
#include "export.hpp"
#include "processors.hpp"
#include "recurra.h"
#include "share.hpp"
#include "simd.hpp"

using namespace recurra;

namespace {

constexpr int64_t ROWS = 4, CLASSES = 4, VECTORS = 4;
constexpr int64_t AN_EXPONENTIAL = 16;  // multiply-adds that it takes as long as
constexpr int ALL = RECURRA_LAST | RECURRA_MEAN | RECURRA_HIGHEST;

template <class T>
constexpr int64_t CHUNK = VECTORS * LANES<T>;

int64_t parts_of(const recurra_readout& call) {
  return int64_t(!!(call.parts & RECURRA_LAST)) + !!(call.parts & RECURRA_MEAN) + !!(call.parts & RECURRA_HIGHEST);
}

int64_t seen_of(const recurra_readout& call) { return parts_of(call) * call.width; }

template <class T>
int64_t room_of(const recurra_readout& call) {
  return (seen_of(call) + CHUNK<T> - 1) / CHUNK<T> * CHUNK<T>;
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
RECURRA_INLINE T sum_of(Vec<T> v) {
  T sum = 0;
  for (int64_t l = 0; l < LANES<T>; l++) sum += v[l];
  return sum;
}

// out [R, C] = a [R, room] w [C, room]^T
template <class T, int64_t R, int64_t C>
RECURRA_INLINE void dots(const T* a, const T* w, int64_t room, T* out, int64_t out_row) {
  Vec<T> sums[R][C] = {};
  for (int64_t k = 0; k < room; k += LANES<T>) {
    Vec<T> own[R];
    for (int64_t r = 0; r < R; r++) own[r] = load(a + r * room + k);
    for (int64_t c = 0; c < C; c++) {
      const Vec<T> other = load(w + c * room + k);
      for (int64_t r = 0; r < R; r++) add_product<T>(sums[r][c], own[r], other);
    }
  }
  for (int64_t r = 0; r < R; r++)
    for (int64_t c = 0; c < C; c++) out[r * out_row + c] = sum_of<T>(sums[r][c]);
}

// out [R, one chunk] = the sum over n of factors [R] by rows of a chunk, times `times`. factors: of row r at
// factor + r * apart + i * next; rows: at row + i * row_step
template <class T, int64_t R>
RECURRA_INLINE void mixed(const T* factor, int64_t apart, int64_t next, const T* row, int64_t row_step, int64_t n, T times,
                          T* out, int64_t out_row) {
  Vec<T> sums[R][VECTORS] = {};
  for (int64_t i = 0; i < n; i++) {
    Vec<T> own[VECTORS];
    for (int64_t v = 0; v < VECTORS; v++) own[v] = load(row + i * row_step + v * LANES<T>);
    for (int64_t r = 0; r < R; r++) {
      const Vec<T> by = splat(factor[r * apart + i * next]);
      for (int64_t v = 0; v < VECTORS; v++) add_product<T>(sums[r][v], by, own[v]);
    }
  }
  for (int64_t r = 0; r < R; r++)
    for (int64_t v = 0; v < VECTORS; v++) store(out + r * out_row + v * LANES<T>, splat(times) * sums[r][v]);
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
    const T* const weight = static_cast<const T*>(call.weight);
    for (int64_t c = 0; c < call.classes; c++) {
      std::copy_n(weight + c * seen, seen, kept.weight + c * room);
      std::fill_n(kept.weight + c * room + seen, room - seen, T(0));
    }
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
      if (here == ROWS)
        by_classes<ROWS>(a, out);
      else
        for (int64_t r = 0; r < here; r++) by_classes<1>(a + r * room, out + r * call.classes);
      for (int64_t r = b; r < b + here; r++) compare(r, logits + thread * call.classes);
    }
  }

  template <int64_t R>
  void by_classes(const T* a, T* out) const {
    int64_t c = 0;
    for (; c + CLASSES <= call.classes; c += CLASSES)
      dots<T, R, CLASSES>(a, kept.weight + c * room, room, out + c, call.classes);
    for (; c < call.classes; c++) dots<T, R, 1>(a, kept.weight + c * room, room, out + c, call.classes);
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
        for (int64_t k = 0; k < room; k += CHUNK<T>) {
          const T *const factor = kept.slopes + b * call.classes, *const weight = kept.weight + k;
          if (here == ROWS)
            mixed<T, ROWS>(factor, call.classes, 1, weight, room, call.classes, arriving, d_seen + k, room);
          else
            for (int64_t r = 0; r < here; r++)
              mixed<T, 1>(factor + r * call.classes, 0, 1, weight, room, call.classes, arriving, d_seen + r * room + k, room);
        }
        for (int64_t r = 0; r < here; r++) spread(b + r, d_seen + r * room, shares);
      }
    }
    if (call.d_weight) {
      const Share chunks(room / CHUNK<T>, thread, team.count());
      for (int64_t k = chunks.first; k < chunks.last; k++) of_weight(k * CHUNK<T>, d_seen);
    }
    if (call.d_bias && thread == 0)
      for (int64_t c = 0; c < call.classes; c++) {
        T sum = 0;
        for (int64_t b = 0; b < call.batch; b++) sum += kept.slopes[b * call.classes + c];
        static_cast<T*>(call.d_bias)[c] = arriving * sum;
      }
  }

  void of_weight(int64_t k, T* own) const {
    const int64_t here = std::min(CHUNK<T>, seen - k);
    int64_t c = 0;
    const auto put = [&](int64_t count) {
      for (int64_t i = 0; i < count; i++)
        std::copy_n(own + i * CHUNK<T>, here, static_cast<T*>(call.d_weight) + (c + i) * seen + k);
    };
    for (; c + CLASSES <= call.classes; c += CLASSES) {
      mixed<T, CLASSES>(kept.slopes + c, 1, call.classes, kept.seen + k, room, call.batch, arriving, own, CHUNK<T>);
      put(CLASSES);
    }
    for (; c < call.classes; c++) {
      mixed<T, 1>(kept.slopes + c, 1, call.classes, kept.seen + k, room, call.batch, arriving, own, CHUNK<T>);
      put(1);
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
