// How probable rows of tags are among all rows of their lengths, and the gradient of it: forward-backward with scaling
// (Rabiner 1989), in double precision whatever the scores are of.
#pragma once

#include <algorithm>
#include <cmath>

#include "arena.hpp"
#include "processors.hpp"
#include "recurra.h"
#include "share.hpp"
#include "simd.hpp"

namespace recurra::paths {

constexpr int64_t L = LANES<double>;
constexpr double TINY = 1e-300;
constexpr int64_t AN_EXPONENTIAL = 16;  // multiply-adds that it takes as long as

inline int64_t room_of(int64_t tags) { return (tags + L - 1) / L * L; }

inline double at_least_tiny(double x) { return x < TINY ? TINY : x; }

// to [room] = from [n] matrix [n, room]
inline void mapped(const double* from, const double* matrix, int64_t n, int64_t room, double* to) {
  for (int64_t j = 0; j < room; j += L) {
    Vec<double> even{}, odd{};
    const double* row = matrix + j;
    int64_t i = 0;
    for (; i + 1 < n; i += 2, row += 2 * room) {
      add_product<double>(even, splat(from[i]), load(row));
      add_product<double>(odd, splat(from[i + 1]), load(row + room));
    }
    if (i < n) add_product<double>(even, splat(from[i]), load(row));
    store(to + j, even + odd);
  }
}

// What backward reads. lengths, chosen: as they were; ahead: of each step the probability of each tag by what comes up to
// it; coming: of each step what it and all after it make of the tag; here: the tags' probabilities; ends: at the last step
struct Kept {
  Kept(Arena from, const recurra_paths& call) {
    const int64_t room = room_of(call.tags), steps = call.batch * call.time;
    lengths = from.take<int64_t>(call.batch);
    chosen = from.take<int64_t>(steps);
    into = from.take<double>(call.tags * room);
    ahead = from.take<double>(steps * room);
    coming = from.take<double>(steps * room);
    here = from.take<double>(steps * room);
    ends = from.take<double>(call.batch * room);
    bytes = from.used();
  }
  int64_t *lengths, *chosen;
  double *into, *ahead, *coming, *here, *ends;
  int64_t bytes;
};

inline int check_sizes(const recurra_paths& call) {
  constexpr int64_t most = int64_t(1) << 31, most_tags = 1 << 15;
  if (call.type != RECURRA_F32 && call.type != RECURRA_F64) return RECURRA_BAD_CALL;
  if (call.batch < 1 || call.time < 1 || call.tags < 1 || call.tags > most_tags) return RECURRA_BAD_CALL;
  if (call.batch >= most || call.time >= most || call.batch * call.time >= most) return RECURRA_BAD_CALL;
  return RECURRA_OK;
}

inline int check_rows(const recurra_paths& call, const int64_t* lengths, const int64_t* chosen) {
  for (int64_t b = 0; b < call.batch; b++) {
    if (lengths[b] < 1 || lengths[b] > call.time) return RECURRA_BAD_LENGTHS;
    for (int64_t t = 0; t < lengths[b]; t++)
      if (const int64_t tag = chosen[b * call.time + t]; tag < 0 || tag >= call.tags) return RECURRA_BAD_TOKENS;
  }
  return RECURRA_OK;
}

template <class T>
struct Forward {
  Forward(const recurra_paths& call, const Kept& kept)
      : call(call), kept(kept), room(room_of(call.tags)), follows(static_cast<const T*>(call.follows)),
        begins(static_cast<const T*>(call.begins)), ends(static_cast<const T*>(call.ends)) {}

  int run() {
    const Buffer own = allocated([this](Arena& from) {
      back_into = from.take<double>(call.tags * room);
      first = from.take<double>(room);
      last = from.take<double>(room);
    });
    if (!own.data()) return RECURRA_NO_MEMORY;
    for (int64_t j = 0; j < room; j++) {
      first[j] = j < call.tags ? std::exp(double(begins[j])) : 0;
      last[j] = j < call.tags ? std::exp(double(ends[j])) : 0;
    }
    const int64_t work = call.batch * call.time * call.tags * (2 * call.tags + AN_EXPONENTIAL);
    run_team(team_size(call.threads, work), [](void* self, int thread, Team& team) {
      static_cast<Forward*>(self)->part(thread, team);
    }, this);
    return RECURRA_OK;
  }

  void part(int thread, Team& team) {
    const Share mine(call.tags, thread, team.count()), rows(call.batch, thread, team.count());
    for (int64_t i = mine.first; i < mine.last; i++)
      for (int64_t j = 0; j < room; j++) {
        const double value = j < call.tags ? std::exp(double(follows[i * call.tags + j])) : 0;
        kept.into[i * room + j] = value;
        if (j < call.tags) back_into[j * room + i] = value;
      }
    if (thread == 0)
      for (int64_t j = 0; j < call.tags; j++) std::fill(back_into + j * room + call.tags, back_into + (j + 1) * room, 0.0);
    team.wait();
    for (int64_t b = rows.first; b < rows.last; b++) row(b);
  }

  void row(int64_t b) {
    const int64_t length = kept.lengths[b], tags = call.tags, start = b * call.time;
    const int64_t* const chosen = kept.chosen + start;
    const T* const logits = static_cast<const T*>(call.logits) + start * tags;
    double total = 0, score = double(begins[chosen[0]]) + double(ends[chosen[length - 1]]);
    const double* before = nullptr;
    for (int64_t t = 0; t < length; t++) {
      const T* const x = logits + t * tags;
      double *const state = kept.ahead + (start + t) * room, *const own = kept.coming + (start + t) * room;
      T highest = x[0];
      for (int64_t j = 1; j < tags; j++) highest = x[j] > highest || x[j] != x[j] ? x[j] : highest;
      for (int64_t j = 0; j < tags; j++) own[j] = at_least_tiny(std::exp(double(x[j]) - double(highest)));
      std::fill(own + tags, own + room, 0.0);
      if (t == 0)
        std::copy_n(first, room, state);
      else
        mapped(before, kept.into, tags, room, state);
      double size = 0;
      for (int64_t j = 0; j < tags; j++) size += state[j] *= own[j];
      size = at_least_tiny(size);
      for (int64_t j = 0; j < room; j++) state[j] /= size, own[j] /= size;
      total += std::log(size) + double(highest);
      score += double(x[chosen[t]]);
      if (t > 0) score += double(follows[chosen[t - 1] * tags + chosen[t]]);
      before = state;
    }
    double final = 0;
    for (int64_t j = 0; j < tags; j++) final += before[j] * last[j];
    final = at_least_tiny(final);
    static_cast<T*>(call.found)[b] = T(score - (total + std::log(final)));
    if (call.memory) back(b, length, final);
  }

  void back(int64_t b, int64_t length, double final) {
    double* const at_end = kept.ends + b * room;
    const int64_t start = b * call.time;
    for (int64_t j = 0; j < room; j++) {
      const double behind = last[j] / final;
      at_end[j] = kept.ahead[(start + length - 1) * room + j] * behind;
      kept.here[(start + length - 1) * room + j] = behind;
    }
    for (int64_t t = length - 1; t >= 0; t--) {
      double *const behind = kept.here + (start + t) * room, *const coming = kept.coming + (start + t) * room;
      const double* const ahead = kept.ahead + (start + t) * room;
      for (int64_t j = 0; j < room; j++) coming[j] *= behind[j], behind[j] *= ahead[j];
      if (t > 0) mapped(coming, back_into, call.tags, room, behind - room);
    }
  }

  const recurra_paths& call;
  const Kept& kept;
  const int64_t room;
  const T *follows, *begins, *ends;
  double *back_into = nullptr, *first = nullptr, *last = nullptr;
};

template <class T>
struct Backward {
  Backward(const recurra_paths& call, const Kept& kept)
      : call(call), kept(kept), room(room_of(call.tags)), weights(static_cast<const T*>(call.weights)) {}

  int run() {
    const Buffer own = allocated([this](Arena& from) { sums = from.take<double>(call.tags * room); });
    if (!own.data()) return RECURRA_NO_MEMORY;
    const int64_t work = call.batch * call.time * call.tags * (call.tags + 2);
    run_team(team_size(call.threads, work), [](void* self, int thread, Team& team) {
      static_cast<Backward*>(self)->part(thread, team);
    }, this);
    return RECURRA_OK;
  }

  // Each thread has rows of the batch, and of the transitions those from some tags: no sum hangs on how many threads there are.
  void part(int thread, Team& team) {
    const Share rows(call.batch, thread, team.count()), from(call.tags, thread, team.count());
    if (call.d_logits)
      for (int64_t b = rows.first; b < rows.last; b++) row(b);
    if (call.d_follows) transitions(from.first, from.last);
    if (call.d_begins)
      edge(static_cast<T*>(call.d_begins), from, [this](int64_t b) { return kept.here + b * call.time * room; },
           [](int64_t) { return int64_t(0); });
    if (call.d_ends)
      edge(static_cast<T*>(call.d_ends), from, [this](int64_t b) { return kept.ends + b * room; },
           [this](int64_t b) { return kept.lengths[b] - 1; });
  }

  void row(int64_t b) {
    const double weight = double(weights[b]);
    for (int64_t t = 0; t < call.time; t++) {
      const int64_t at = b * call.time + t;
      T* const to = static_cast<T*>(call.d_logits) + at * call.tags;
      if (t >= kept.lengths[b]) {
        std::fill_n(to, call.tags, T(0));
        continue;
      }
      const double* const here = kept.here + at * room;
      for (int64_t j = 0; j < call.tags; j++) to[j] = T(-weight * here[j]);
      to[kept.chosen[at]] = T(weight * (1 - here[kept.chosen[at]]));
    }
  }

  void transitions(int64_t first, int64_t last) {
    std::fill(sums + first * room, sums + last * room, 0.0);
    for (int64_t b = 0; b < call.batch; b++)
      for (int64_t t = 1; t < kept.lengths[b]; t++) {
        const int64_t at = b * call.time + t;
        const double *const ahead = kept.ahead + (at - 1) * room, *const coming = kept.coming + at * room;
        for (int64_t i = first; i < last; i++) {
          const Vec<double> factor = splat(double(weights[b]) * ahead[i]);
          for (int64_t j = 0; j < room; j += L)
            store(sums + i * room + j, load(sums + i * room + j) + factor * load(coming + j));
        }
      }
    for (int64_t i = first; i < last; i++)
      for (int64_t j = 0; j < room; j++) sums[i * room + j] *= -kept.into[i * room + j];
    for (int64_t b = 0; b < call.batch; b++)
      for (int64_t t = 1; t < kept.lengths[b]; t++) {
        const int64_t* const chosen = kept.chosen + b * call.time + t;
        if (chosen[-1] >= first && chosen[-1] < last) sums[chosen[-1] * room + chosen[0]] += double(weights[b]);
      }
    for (int64_t i = first; i < last; i++)
      for (int64_t j = 0; j < call.tags; j++) static_cast<T*>(call.d_follows)[i * call.tags + j] = T(sums[i * room + j]);
  }

  // The gradient of what a row begins or ends with: of some tags, whose probabilities and whose step in a row are given.
  template <class P, class S>
  void edge(T* to, Share tags, P probabilities, S step) {
    for (int64_t j = tags.first; j < tags.last; j++) {
      double sum = 0;
      for (int64_t b = 0; b < call.batch; b++)
        sum += double(weights[b]) * ((kept.chosen[b * call.time + step(b)] == j ? 1.0 : 0.0) - probabilities(b)[j]);
      to[j] = T(sum);
    }
  }

  const recurra_paths& call;
  const Kept& kept;
  const int64_t room;
  const T* weights;
  double* sums = nullptr;
};

}  // namespace recurra::paths
