// Sums over packed rows of adjoint^T operand: the gradients of all matrices, one product each for the whole sequence.
#pragma once

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "kernel.hpp"
#include "layer.hpp"

namespace recurra {

// Rows that a matrix's adjoint was multiplied with: of the input, or of a slot. rows[k] is that of packed row k.
template <class T>
struct Operand {
  Slot slot;  // none: the input
  int64_t width;
  const T** rows;
};

// to [height][width] = sum over k of left[k][column..column + height)^T operand.rows[k][first..first + width)
template <class T>
struct Gradient {
  int64_t column, height;
  int32_t operand;
  int64_t first, width;
  T* to;
};

template <class T, class Q>
class Gradients {
 public:
  // Depth of a pass and how many rows of the result are packed at once: the packed adjoints stay in L2.
  static constexpr int64_t DEPTH = PASS_DEPTH, PART = 96;
  // Rows whose adjoints are packed for all blocks of a part before the next ones: their cache lines are still in L1.
  static constexpr int64_t NEAR = 64;
  // The same two numbers where each part of the rows has sums of its own.
  static constexpr int64_t OWN_DEPTH = 256, OWN_PART = 192;
  static constexpr bool ROUNDED = !std::is_same_v<T, Q>;

  std::vector<Operand<T>> operands;
  std::vector<Gradient<T>> wanted;

  explicit Gradients(int64_t rows) : total_(rows) {}

  // The number of the operand, which is there once for all that name it.
  int32_t operand(Slot slot, int64_t width) {
    size_t at = 0;
    const auto same = [&](const Operand<T>& o) {
      return o.slot.kind == slot.kind && o.slot.index == slot.index && o.width == width;
    };
    while (at < operands.size() && !same(operands[at])) at++;
    if (at == operands.size()) operands.push_back({slot, width, nullptr});
    return int32_t(at);
  }

  // Those of the same columns of adjoints one after the other: they are packed once for all.
  void order() {
    std::stable_sort(wanted.begin(), wanted.end(), [](const Gradient<T>& a, const Gradient<T>& b) {
      return std::pair(a.column, a.height) < std::pair(b.column, b.height);
    });
  }

  // threads: that `run` is for, if it is for any.
  void allocate(Arena& from, int32_t threads) {
    packed_.clear();
    for (Operand<T>& operand : operands) {
      operand.rows = from.take<const T*>(total_);
      packed_.push_back(from.take<Q>(threads > 0 ? padded<T>(operand.width) * DEPTH : 0));
    }
    parts_ = from.take<Q>(threads * PART * DEPTH);
  }

  // What a part of the packed rows needs to have sums of its own.
  struct Own {
    Q* packed;  // of each operand
    Q* left;
    T* sums;    // of each of `wanted`
    bool begun = false;
  };

  // Numbers of all that is wanted.
  int64_t size() const {
    int64_t n = 0;
    for (const Gradient<T>& g : wanted) n += g.height * g.width;
    return n;
  }

  void allocate(Own& own, Arena& from) const {
    int64_t width = 0;
    for (const Operand<T>& operand : operands) width += padded<T>(operand.width);
    own.packed = from.take<Q>(width * OWN_DEPTH);
    own.left = from.take<Q>(OWN_PART * OWN_DEPTH);
    own.sums = from.take<T>(size());
  }

  // Adds rows [first, last), whose adjoints begin at `left`, to a part's own sums.
  void add(int64_t first, int64_t last, const T* left, int64_t left_row, Own& own) const {
    for (int64_t k = first; k < last; k += OWN_DEPTH) {
      const int64_t depth = std::min(OWN_DEPTH, last - k);
      Q* packed = own.packed;
      for (const Operand<T>& operand : operands) {
        pack_panels<T>([&](int64_t i) { return operand.rows[k + i]; }, operand.width, depth, 0, depth, packed);
        packed += padded<T>(operand.width) * OWN_DEPTH;
      }
      T* to = own.sums;
      for (size_t g = 0, end; g < wanted.size(); g = end) {
        end = end_of(g);
        T* here = to;
        for (int64_t m0 = 0; m0 < wanted[g].height; m0 += OWN_PART) {
          const int64_t m1 = std::min(m0 + OWN_PART, wanted[g].height);
          pack_left(left + (k - first) * left_row + wanted[g].column, left_row, m0, m1, depth, own.left);
          here = to;
          for (size_t i = g; i < end; i++) {
            accumulate(wanted[i], m0, m1, depth, own.left, own.packed + own_offset(wanted[i].operand), own.begun, here);
            here += wanted[i].height * wanted[i].width;
          }
        }
        to = here;
      }
      own.begun = true;
    }
  }

  // The sums of all parts, `own(part)`, go where they are wanted: a thread's share.
  template <class Get>
  void gather(int parts, Get own, int thread, int threads) const {
    int64_t from = 0;
    for (const Gradient<T>& g : wanted) {
      const Share mine(g.height * g.width, thread, threads);
      bool further = false;
      for (int part = 0; part < parts; part++) {
        if (!own(part).begun) continue;
        const T* const sums = own(part).sums + from;
        for (int64_t i = mine.first; i < mine.last; i++) g.to[i] = further ? g.to[i] + sums[i] : sums[i];
        further = true;
      }
      if (!further) std::fill(g.to + mine.first, g.to + mine.last, T(0));
      from += g.height * g.width;
    }
  }

  // By the whole team, in parts for `threads` threads. left: [rows][left_row]; `wanted` is in order.
  void run(const T* left, int64_t left_row, int threads, int thread, Team& team) {
    const int64_t all = columns();
    Q* const own = parts_ + thread * PART * DEPTH;
    for (int64_t k = 0; k < total_; k += DEPTH) {
      const int64_t depth = std::min(DEPTH, total_ - k);
      const Share mine((depth + 1) / 2, thread, team.count());  // bfloat16 is packed in pairs
      for (size_t o = 0; o < operands.size(); o++)
        pack_panels<T>([&](int64_t i) { return operands[o].rows[k + i]; }, operands[o].width, depth, 2 * mine.first,
                       std::min(depth, 2 * mine.last), packed_[o]);
      if (thread == 0) next_.store(0);
      team.wait();
      int64_t next = next_.fetch_add(1), at = 0;
      for (size_t g = 0; g < wanted.size();) {
        const size_t last = end_of(g);
        const int64_t parts = parts_of(wanted[g].height, all, threads);
        for (int64_t part = 0; part < parts; part++, at++) {
          if (at != next) continue;
          const int64_t m0 = wanted[g].height * part / parts, m1 = wanted[g].height * (part + 1) / parts;
          if (m0 < m1) {
            pack_left(left + k * left_row + wanted[g].column, left_row, m0, m1, depth, own);
            for (size_t i = g; i < last; i++)
              accumulate(wanted[i], m0, m1, depth, own, packed_[size_t(wanted[i].operand)], k > 0, wanted[i].to);
          }
          next = next_.fetch_add(1);  // after the work: who asks before it holds a part that another could do
        }
        g = last;
      }
      team.wait();
    }
  }

 private:
  int64_t own_offset(int32_t operand) const {
    int64_t width = 0;
    for (int32_t o = 0; o < operand; o++) width += padded<T>(operands[size_t(o)].width);
    return width * OWN_DEPTH;
  }

  int64_t columns() const {
    int64_t n = 0;
    for (size_t g = 0; g < wanted.size(); g = end_of(g)) n++;
    return n;
  }

  // Where those of the same columns as gradient g end.
  size_t end_of(size_t g) const {
    size_t last = g + 1;
    while (last < wanted.size() && wanted[last].column == wanted[g].column && wanted[last].height == wanted[g].height) last++;
    return last;
  }

  // Parts of a column: as many as their size asks for, or some more where the team would share them unevenly.
  static int64_t parts_of(int64_t height, int64_t columns, int64_t threads) {
    int64_t parts = (height + PART - 1) / PART;
    const auto uneven = [&] { return columns * parts % threads != 0 && columns * parts < 4 * threads; };
    while (uneven() && height / (parts + 1) >= 2 * BLOCK_ROWS) parts++;
    return parts;
  }

  // Whether A of the products are rows [whole depth], as the processor's tiles take them; else the kernel's blocks.
  static constexpr bool BY_ROWS = ROUNDED && TILES;

  // Columns [m0, m1) of the adjoints: as the kernel's blocks [depth][rows of the block], one after the other, of bfloat16
  // in pairs of depth.
  void pack_left(const T* left, int64_t left_row, int64_t m0, int64_t m1, int64_t depth, Q* to) const {
    if constexpr (BY_ROWS) {
      const int64_t row = whole_depth<Q>(depth);
      for (int64_t k = 0; k < row; k++)
        for (int64_t m = m0; m < m1; m++) to[(m - m0) * row + k] = k < depth ? held<Q>(left[k * left_row + m]) : Q{0};
      return;
    } else {
      for (int64_t k = 0; k < depth; k += NEAR) {
        const int64_t rows = std::min(NEAR, depth - k);
        Q* block = to;
        for (int64_t m = m0; m < m1;) {
          const int n = block_rows(m - m0, m1 - m0);
          pack_block(left + k * left_row + m, left_row, n, rows, depth - k, block + k * n);
          block += whole_depth<Q>(depth) * n;
          m += n;
        }
      }
    }
  }

  // to[k][n] = left[k][0..n) by whole vectors, which write over what comes next: more rows of this block, that are
  // written afterwards. The last of the `left_over` rows that the block still gets, whose vectors would reach into the
  // next block, go number by number.
  static void pack_block(const T* left, int64_t left_row, int n, int64_t rows, int64_t left_over, Q* to) {
    const int beyond = (n + LANES<T> - 1) / LANES<T> * LANES<T> - n, reached = std::max(1, (beyond + n - 1) / n);
    const auto by_vectors = [&](int64_t here, int64_t all) { return std::max<int64_t>(0, std::min(here, all - reached)); };
    if constexpr (ROUNDED) {
      const int64_t pairs = by_vectors(rows / 2, left_over / 2);
      for (int64_t k = 0; k < 2 * pairs; k += 2)
        for (int i = 0; i < n; i += LANES<T>)
          store_pairs(to + k * n + 2 * i, to_pairs(load(left + k * left_row + i), load(left + (k + 1) * left_row + i)));
      for (int64_t k = 2 * pairs; k < whole_depth<Q>(rows); k++)
        for (int i = 0; i < n; i++)
          to[k / 2 * 2 * n + 2 * i + k % 2] = k < rows ? held<Q>(left[k * left_row + i]) : Q{0};
    } else {
      const int64_t whole = by_vectors(rows, left_over);
      for (int64_t k = 0; k < whole; k++)
        for (int i = 0; i < n; i += LANES<T>) store(to + k * n + i, load(left + k * left_row + i));
      for (int64_t k = whole; k < rows; k++)
        for (int i = 0; i < n; i++) to[k * n + i] = left[k * left_row + i];
    }
  }

  // Rows [m0, m1) of g into or onto `sums`, which is as large as all of it.
  void accumulate(const Gradient<T>& g, int64_t m0, int64_t m1, int64_t depth, const Q* left, const Q* right, bool further,
                  T* sums) const {
    constexpr int64_t U = UNITS<T>;
    const int64_t width = g.width, end = g.first + width;
    const Start start = further ? Start::sums : Start::zero;
    T edge[std::max(PART, OWN_PART) * U];
    for (int64_t p = g.first / U; p * U < end; p++) {
      const Q* const panel = right + p * panel_size<T, Q>(depth);
      const int64_t u0 = std::max<int64_t>(0, g.first - p * U), u1 = std::min(U, end - p * U);
      T* const to = sums + m0 * width + (p * U + u0 - g.first);
      if (u1 - u0 == U) {
        product(m1 - m0, left, panel, depth, start, to, width);
        continue;
      }
      product(m1 - m0, left, panel, depth, Start::zero, edge, U);
      for (int64_t i = 0; i < m1 - m0; i++)
        for (int64_t u = 0; u < u1 - u0; u++)
          to[i * width + u] = edge[i * U + u0 + u] + (further ? to[i * width + u] : T(0));
    }
  }

  void product(int64_t m, const Q* left, const Q* panel, int64_t depth, Start start, T* to, int64_t to_row) const {
    PanelProduct<T, Q> p{.a = left, .a_row = whole_depth<Q>(depth), .panel = panel, .depth = depth, .c = to,
                         .c_row = to_row, .start = start};
    if constexpr (BY_ROWS) {
      rows_by_panel(m, p);
    } else {
      p.depth = whole_depth<Q>(depth);
      Ahead ahead(panel, p.depth * UNITS<T>, m);
      for (int64_t i = 0; i < m;) {
        const int n = block_rows(i, m);
        block_of<T, Q, true>(n, p, ahead.step());
        p.a += p.depth * n;
        p.c += n * to_row;
        i += n;
      }
    }
  }

  int64_t total_;
  std::vector<Q*> packed_;
  Q* parts_ = nullptr;
  std::atomic<int64_t> next_{0};
};

}  // namespace recurra
