// See additive.hpp. A piece of the work is a block of units of some rows: each unit's gradients are its own.
#include "additive.hpp"
#include "export.hpp"

namespace recurra {
namespace {

constexpr int64_t MOST_GROUPS = 16;  // of rows whose gradients of v are summed alone

// Units at a time: a line of a cache.
template <class T>
inline constexpr int64_t BLOCK = 64 / int64_t(sizeof(T));

// r: of a vector's units, d: 1 + e^2x
template <int R, class T>
RECURRA_INLINE void shared_division(const Vec<T>* d, Vec<T>* r) {
  for (int i = 0; i + 1 < R; i += 2) {
    const Vec<T> whole = T(1) / (d[i] * d[i + 1]);
    r[i] = whole * d[i + 1];
    r[i + 1] = whole * d[i];
  }
  if constexpr (R % 2 == 1) r[R - 1] = T(1) / d[R - 1];
}

// The keys' sums of R queries, `apart` numbers between one vector of a key, or of its sums, and the next key's.
// of(queries' vectors, key's vector, r): r of each. g: rows of the scores' gradients.
template <int R, class T, class F>
RECURRA_INLINE void add_up(const T* queries, const T* keys, T* key_sums, const T* const* g, const int64_t* places, int64_t n,
                           T* query_sums, T* all, F of) {
  Vec<T> own[R], sums[R] = {}, every = load(all);
  for (int r = 0; r < R; r++) own[r] = load(queries + r * BLOCK<T>);
  for (int64_t i = 0; i < n; i++) {
    Vec<T> found[R], sum = load(key_sums + i * BLOCK<T>);
    of(own, load(keys + i * BLOCK<T>), found);
    for (int r = 0; r < R; r++) {
      const Vec<T> part = found[r] * g[r][places[i]], slope = part - part * found[r];
      every += part;
      sums[r] += slope;
      sum += slope;
    }
    store(key_sums + i * BLOCK<T>, sum);
  }
  for (int r = 0; r < R; r++) store(query_sums + r * BLOCK<T>, sums[r]);
  store(all, every);
}

template <class T>
class Gradients : Given<T> {
  using Given<T>::call;

 public:
  explicit Gradients(const recurra_scoring& c)
      : Given<T>(c),
        blocks_((c.width + BLOCK<T> - 1) / BLOCK<T>),
        groups_(std::min(c.batch, MOST_GROUPS)),
        threads_(this->team(6)) {}

  int run() {
    const Buffer room = allocated([this](Arena& from) { allocate(from); });
    if (!room.data()) return RECURRA_NO_MEMORY;
    run_team(threads_, [](void* self, int thread, Team& team) { static_cast<Gradients*>(self)->work(thread, team); }, this);
    return RECURRA_OK;
  }

 private:
  void allocate(Arena& from) {
    partial_ = from.take<T>(groups_ * blocks_ * BLOCK<T>);
    scratch_ = from.take<T>(threads_ * scratch());
    looked_ = from.take<int64_t>(call.batch);
    asked_ = from.take<int64_t>(call.batch);
    totals_ = from.take<T>(call.batch);
    places_ = from.take<int64_t>(call.batch * call.positions);
    living_ = from.take<int64_t>(call.batch * call.count);
  }

  // Of each query its block, its exponentials and its sums, of each key too.
  int64_t scratch() const { return 3 * (call.count + call.positions) * BLOCK<T>; }

  void work(int thread, Team& team) {
    for (int64_t b = thread; b < call.batch; b += team.count()) look_over(b);
    team.wait();
    for (int64_t piece = thread; piece < groups_ * blocks_; piece += team.count())
      differentiate(piece / blocks_, piece % blocks_, thread);
    team.wait();
    const Share mine(call.width, thread, team.count());
    T* const to = static_cast<T*>(call.dweight);
    for (int64_t q = mine.first; q < mine.last; q++) {
      T sum = 0;
      for (int64_t group = 0; group < groups_; group++) sum += partial_[group * blocks_ * BLOCK<T> + q];
      to[q] = sum;
    }
  }

  const T* gradients(int64_t b, int64_t t) const {
    return static_cast<const T*>(call.dscores) + (b * call.count + t) * call.positions;
  }

  // A row's positions, and its queries on which anything depends: not those past a target's end.
  void look_over(int64_t b) {
    int64_t *const places = places_ + b * call.positions, *const living = living_ + b * call.count;
    const int64_t looked = looked_[b] = this->look(b, places);
    int64_t count = 0;
    T total = 0;
    for (int64_t t = 0; t < call.count; t++) {
      const T* const g = gradients(b, t);
      bool lives = false;
      T sum = 0;
      for (int64_t i = 0; i < looked; i++) {
        lives = lives || g[places[i]] != 0;
        sum += g[places[i]];
      }
      total += sum;
      if (lives) living[count++] = t;
    }
    asked_[b] = count;
    totals_[b] = total;
  }

  void differentiate(int64_t group, int64_t block, int thread) {
    constexpr int64_t N = BLOCK<T>;
    T* const all = partial_ + (group * blocks_ + block) * N;
    std::fill(all, all + N, T(0));
    const int64_t last = call.batch * (group + 1) / groups_;
    for (int64_t b = call.batch * group / groups_; b < last; b++) differentiate_row(b, block, all, thread);
  }

  // Adds a row's part of dweight to `all`.
  void differentiate_row(int64_t b, int64_t block, T* all, int thread) {
    constexpr int64_t N = BLOCK<T>;
    const int64_t q0 = block * N, n = std::min(N, call.width - q0), asked = asked_[b], looked = looked_[b];
    const int64_t *const places = places_ + b * call.positions, *const living = living_ + b * call.count;
    T* const queries = scratch_ + thread * scratch();
    T* const keys = queries + 3 * call.count * N;
    T *const query_powers = queries + call.count * N, *const query_sums = query_powers + call.count * N;
    T *const key_powers = keys + call.positions * N, *const key_sums = key_powers + call.positions * N;
    T sums[N] = {};
    Vec<T> query_sizes[N / LANES<T>] = {}, key_sizes[N / LANES<T>] = {};
    for (int64_t i = 0; i < asked; i++)
      hold(this->query(b, living[i]) + q0, n, queries + i * N, query_powers + i * N, query_sizes);
    for (int64_t i = 0; i < looked; i++)
      hold(this->key(b, places[i]) + q0, n, keys + i * N, key_powers + i * N, key_sizes);
    std::fill(key_sums, key_sums + looked * N, T(0));
    bool by_powers = true;
    for (int64_t i = 0; i < N / LANES<T>; i++)
      by_powers = by_powers && largest_of<T>(query_sizes[i] + key_sizes[i]) < LIMIT<T>;
    for (int64_t t = 0; t < asked; t += TILE_QUERIES) {
      const T* g[TILE_QUERIES];
      const int64_t tile = std::min<int64_t>(TILE_QUERIES, asked - t);
      for (int64_t r = 0; r < tile; r++) g[r] = gradients(b, living[t + r]);
      for (int64_t u = 0; u < N; u += LANES<T>) {
        const T *const own = (by_powers ? query_powers : queries) + t * N + u;
        const T *const others = (by_powers ? key_powers : keys) + u;
        T *const to = query_sums + t * N + u, *const to_keys = key_sums + u, *const to_all = sums + u;
        switch (tile) {
          case 1: tile_of<1>(by_powers, own, others, to_keys, g, places, looked, to, to_all); break;
          case 2: tile_of<2>(by_powers, own, others, to_keys, g, places, looked, to, to_all); break;
          case 3: tile_of<3>(by_powers, own, others, to_keys, g, places, looked, to, to_all); break;
          default: tile_of<4>(by_powers, own, others, to_keys, g, places, looked, to, to_all);
        }
      }
    }
    for (int64_t q = 0; q < n; q++) all[q] += totals_[b] - 2 * sums[q];
    T* const dqueries = static_cast<T*>(call.dqueries) + b * call.count * call.width + q0;
    T* const dkeys = static_cast<T*>(call.dkeys) + b * call.positions * call.width + q0;
    give(dqueries, call.count, living, asked, query_sums, q0, n);
    give(dkeys, call.positions, places, looked, key_sums, q0, n);
  }

  template <int R>
  static void tile_of(bool by_powers, const T* queries, const T* keys, T* key_sums, const T* const* g, const int64_t* places,
                      int64_t n, T* query_sums, T* all) {
    using V = Vec<T>;
    if (by_powers)
      add_up<R>(queries, keys, key_sums, g, places, n, query_sums, all,
                [](const V* own, V key, V* r) __attribute__((always_inline)) {
                  V d[R];
                  for (int i = 0; i < R; i++) d[i] = own[i] * key + T(1);
                  shared_division<R, T>(d, r);
                });
    else
      add_up<R>(queries, keys, key_sums, g, places, n, query_sums, all,
                [](const V* own, V key, V* r) __attribute__((always_inline)) {
                  for (int i = 0; i < R; i++) r[i] = T(0.5) - T(0.5) * tanh<T>(own[i] + key);
                });
  }

  // The block of a query or key that begins there, zeros beyond its n numbers, its exponentials, and in `most` the largest
  // sizes so far.
  static RECURRA_INLINE void hold(const T* from, int64_t n, T* to, T* powers, Vec<T>* most) {
    T padded[BLOCK<T>] = {};
    if (n < BLOCK<T>) {
      std::memcpy(padded, from, size_t(n) * sizeof(T));
      from = padded;
    }
    for (int64_t u = 0; u < BLOCK<T>; u += LANES<T>) {
      const Vec<T> x = load(from + u);
      Vec<T>& size = most[u / LANES<T>];
      size = maximum<T>(size, absolute<T>(x));
      store(to + u, x);
      store(powers + u, exp<T>(x + x));
    }
  }

  // 4 v times the sums of some rows, zero in all others.
  void give(T* to, int64_t rows, const int64_t* which, int64_t count, const T* sums, int64_t q0, int64_t n) const {
    T slope[BLOCK<T>] = {}, found[BLOCK<T>] = {};
    for (int64_t q = 0; q < n; q++) slope[q] = 4 * this->v[q0 + q];
    for (int64_t row = 0, i = 0; row < rows; row++) {
      const bool has = i < count && which[i] == row;
      for (int64_t u = 0; u < BLOCK<T>; u += LANES<T>)
        store(found + u, has ? load(slope + u) * load(sums + i * BLOCK<T> + u) : Vec<T>{});
      std::memcpy(to + row * call.width, found, size_t(n) * sizeof(T));
      i += has;
    }
  }

  int64_t blocks_, groups_;
  int threads_;
  T *partial_ = nullptr, *scratch_ = nullptr, *totals_ = nullptr;
  int64_t *looked_ = nullptr, *asked_ = nullptr, *places_ = nullptr, *living_ = nullptr;
};

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT int recurra_additive_gradients(const recurra_scoring* call) {
  if (const int error = check(call)) return error;
  if (!call->dscores || !call->dqueries || !call->dkeys || !call->dweight) return RECURRA_BAD_CALL;
  try {
    return call->type == RECURRA_F64 ? Gradients<double>(*call).run() : Gradients<float>(*call).run();
  } catch (const std::exception&) {
    return RECURRA_NO_MEMORY;
  }
}
