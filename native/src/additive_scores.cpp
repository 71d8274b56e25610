// See additive.hpp. A piece of the work is some queries of a row beside all of its keys.
#include "additive.hpp"
#include "export.hpp"
#include "panels.hpp"

namespace recurra {
namespace {

// Largest |v|: v (1 + e^40) is a number.
constexpr float LARGEST = 1e15f;

constexpr int64_t PIECE = 32;      // queries
constexpr int64_t NEAR_KEYS = 64;  // whose exponentials lie at hand

template <class T>
RECURRA_INLINE T sum_of(Vec<T> v) {
  T lanes[LANES<T>];
  store(lanes, v);
  for (int half = LANES<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}

// Scores of R queries, `room` apart, and one key, of their exponentials. minus_twice: -2 v, zeros beyond it; begin:
// partial sums of v.
template <int R, class T>
void score(const T* queries, const T* key, const T* minus_twice, const T* begin, int64_t room, T* to,
           int64_t row) {
  constexpr int L = LANES<T>;
  Vec<T> sums[R];
  for (int r = 0; r < R; r++) sums[r] = load(begin);
  for (int64_t q = 0; q < room; q += 2 * L) {
    const Vec<T> k = load(key + q), l = load(key + q + L), v = load(minus_twice + q), w = load(minus_twice + q + L);
    for (int r = 0; r < R; r++) {
      const T* const query = queries + r * room + q;
      const Vec<T> d = load(query) * k + T(1), f = load(query + L) * l + T(1);
      sums[r] += (v * f + w * d) / (d * f);
    }
  }
  for (int r = 0; r < R; r++) to[r * row] = sum_of<T>(sums[r]);
}

template <class T>
T score_by_tanh(const T* query, const T* key, const T* v, int64_t n) {
  Vec<T> sum{};
  each_vector(query, n, [&](Vec<T> a, int64_t q) __attribute__((always_inline)) {
    constexpr int L = LANES<T>;
    if (q + L <= n) {
      sum += load(v + q) * tanh<T>(a + load(key + q));
      return;
    }
    T k[L] = {}, last[L] = {};
    std::memcpy(k, key + q, size_t(n - q) * sizeof(T));
    std::memcpy(last, v + q, size_t(n - q) * sizeof(T));
    sum += load(last) * tanh<T>(a + load(k));
  });
  return sum_of<T>(sum);
}

template <class T>
class Scores : Given<T> {
  using Given<T>::call;

 public:
  explicit Scores(const recurra_scoring& c)
      : Given<T>(c),
        room_(padded<T>(c.width)),
        pieces_((c.count + PIECE - 1) / PIECE),
        threads_(this->team(4)) {}

  int run() {
    const Buffer room = allocated([this](Arena& from) { allocate(from); });
    if (!room.data()) return RECURRA_NO_MEMORY;
    std::fill(minus_twice_, minus_twice_ + room_, T(0));
    Vec<T> sums{}, most{};
    each_vector(this->v, call.width, [&](Vec<T> x, int64_t q) __attribute__((always_inline)) {
      store(minus_twice_ + q, x * T(-2));
      sums += x;
      most = maximum<T>(most, absolute<T>(x));
    });
    store(begin_, sums);
    limit_ = largest_of<T>(most) < T(LARGEST) ? LIMIT<T> : T(0);
    run_team(threads_, [](void* self, int thread, Team& team) { static_cast<Scores*>(self)->work(thread, team); }, this);
    return RECURRA_OK;
  }

 private:
  void allocate(Arena& from) {
    minus_twice_ = from.take<T>(room_);
    begin_ = from.take<T>(LANES<T>);
    queries_ = from.take<T>(threads_ * PIECE * room_);
    keys_ = from.take<T>(threads_ * NEAR_KEYS * room_);
    places_ = from.take<int64_t>(threads_ * call.positions);
  }

  void work(int thread, const Team& team) {
    for (int64_t piece = thread; piece < call.batch * pieces_; piece += team.count())
      score_piece(piece / pieces_, piece % pieces_ * PIECE, thread);
  }

  void score_piece(int64_t b, int64_t first, int thread) {
    T* const queries = queries_ + thread * PIECE * room_;
    T* const keys = keys_ + thread * NEAR_KEYS * room_;
    int64_t* const places = places_ + thread * call.positions;
    const int64_t rows = std::min(PIECE, call.count - first), looked = this->look(b, places);
    T* const to = static_cast<T*>(call.scores) + (b * call.count + first) * call.positions;
    if (looked < call.positions) std::fill(to, to + rows * call.positions, -std::numeric_limits<T>::infinity());
    T query_sizes[PIECE], key_sizes[NEAR_KEYS];
    for (int64_t t = 0; t < rows; t++)
      query_sizes[t] = exponentials(this->query(b, first + t), call.width, queries + t * room_, room_);
    for (int64_t s0 = 0; s0 < looked; s0 += NEAR_KEYS) {
      const int64_t here = std::min(NEAR_KEYS, looked - s0);
      for (int64_t i = 0; i < here; i++)
        key_sizes[i] = exponentials(this->key(b, places[s0 + i]), call.width, keys + i * room_, room_);
      for (int64_t t = 0; t < rows; t += TILE_QUERIES) {
        const int64_t tile = std::min<int64_t>(TILE_QUERIES, rows - t);
        const T size = *std::max_element(query_sizes + t, query_sizes + t + tile);
        for (int64_t i = 0; i < here; i++) {
          T* const place = to + t * call.positions + places[s0 + i];
          if (!(size + key_sizes[i] < limit_)) {
            for (int64_t r = 0; r < tile; r++)
              place[r * call.positions] = score_by_tanh(this->query(b, first + t + r), this->key(b, places[s0 + i]),
                                                        this->v, call.width);
            continue;
          }
          const T* const some = queries + t * room_;
          const T* const key = keys + i * room_;
          switch (tile) {
            case 1: score<1>(some, key, minus_twice_, begin_, room_, place, call.positions); break;
            case 2: score<2>(some, key, minus_twice_, begin_, room_, place, call.positions); break;
            case 3: score<3>(some, key, minus_twice_, begin_, room_, place, call.positions); break;
            default: score<4>(some, key, minus_twice_, begin_, room_, place, call.positions);
          }
        }
      }
    }
  }

  int64_t room_, pieces_;
  int threads_;
  T limit_ = 0;  // of |a| + |k| for exponentials
  T *minus_twice_ = nullptr, *begin_ = nullptr, *queries_ = nullptr, *keys_ = nullptr;
  int64_t* places_ = nullptr;
};

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT int recurra_additive_scores(const recurra_scoring* call) {
  if (const int error = check(call)) return error;
  if (!call->scores) return RECURRA_BAD_CALL;
  try {
    return call->type == RECURRA_F64 ? Scores<double>(*call).run() : Scores<float>(*call).run();
  } catch (const std::exception&) {
    return RECURRA_NO_MEMORY;
  }
}
