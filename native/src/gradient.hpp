// Sums over packed rows of adjoint^T operand: the gradients of all matrices, one product each for the whole sequence.
#pragma once

#include <atomic>

#include "layer.hpp"

namespace recurra {

// Rows that a matrix's adjoint was multiplied with; rows[k] is the operand of packed row k.
template <class T>
struct Operand {
  const T* const* rows;
  int64_t width;
};

// to [hidden][operand.width] = sum over k of left[k][column..column + hidden)^T operand.rows[k]
template <class T>
struct Gradient {
  int64_t column;
  int32_t operand;
  T* to;
};

template <class T>
class Gradients {
 public:
  // Depth of a pass and how many rows of the result are packed at once: the packed adjoints stay in L2.
  static constexpr int64_t DEPTH = PASS_DEPTH, PART = 96;

  std::vector<Operand<T>> operands;
  std::vector<Gradient<T>> wanted;

  Gradients(int64_t rows, int64_t hidden, bool bf16) : total_(rows), hidden_(hidden), bf16_(bf16) {}

  void carve(Carver& from, int32_t threads) {
    packed_.clear();
    for (const Operand<T>& operand : operands) packed_.push_back(from.take<T>(padded<T>(operand.width) * DEPTH));
    parts_ = from.take<T>(threads * PART * DEPTH);
  }

  // By the whole team. left: [rows][left_row].
  void run(const T* left, int64_t left_row, int thread, Team& team) {
    constexpr int64_t U = UNITS<T>;
    const int64_t parts = (hidden_ + PART - 1) / PART;
    T* const own = parts_ + thread * PART * DEPTH;
    for (int64_t k = 0; k < total_; k += DEPTH) {
      const int64_t depth = std::min(DEPTH, total_ - k);
      int64_t item = 0;
      for (size_t o = 0; o < operands.size(); o++)
        for (int64_t p = 0; p < padded<T>(operands[o].width) / U; p++, item++)
          if (item % team.count() == thread)
            pack_rows(operands[o], k, depth, p * U, packed_[o] + p * U * depth);
      if (thread == 0) next_.store(0);
      team.wait();
      const int64_t items = int64_t(wanted.size()) * parts;
      int64_t packed_column = -1, packed_part = -1;
      for (int64_t i; (i = next_.fetch_add(1)) < items;) {
        const Gradient<T>& g = wanted[size_t(i / parts)];
        const int64_t part = i % parts, m0 = hidden_ * part / parts, m1 = hidden_ * (part + 1) / parts;
        if (g.column != packed_column || part != packed_part) pack_left(left + k * left_row + g.column, left_row, m0, m1, depth, own);
        packed_column = g.column;
        packed_part = part;
        accumulate(g, m0, m1, depth, own, k > 0);
      }
      team.wait();
    }
  }

 private:
  void pack_rows(const Operand<T>& operand, int64_t k, int64_t depth, int64_t first, T* panel) const {
    constexpr int64_t U = UNITS<T>, L = LANES<T>;
    const int64_t here = std::min(U, operand.width - first);
    for (int64_t i = 0; i < depth; i++) {
      const T* const from = operand.rows[k + i] + first;
      T* const to = panel + i * U;
      if (here == U) {
        store(to, load(from));
        store(to + L, load(from + L));
      } else {
        copy_row(to, from, here, U);
      }
    }
    if (bf16_) round_to_bfloat16(panel, depth * U);
  }

  // Columns [m0, m1) of the adjoints as the kernel's blocks: [depth][rows of the block] each.
  void pack_left(const T* left, int64_t left_row, int64_t m0, int64_t m1, int64_t depth, T* to) const {
    for (int64_t m = m0; m < m1;) {
      const int n = block_rows(m - m0, m1 - m0);
      for (int64_t k = 0; k < depth; k++)
        for (int i = 0; i < n; i++) to[k * n + i] = left[k * left_row + m + i];
      to += depth * n;
      m += n;
    }
    if (bf16_) round_to_bfloat16(to - depth * (m1 - m0), depth * (m1 - m0));
  }

  void accumulate(const Gradient<T>& g, int64_t m0, int64_t m1, int64_t depth, const T* left, bool further) const {
    constexpr int64_t U = UNITS<T>;
    const int64_t width = operands[size_t(g.operand)].width;
    T edge[BLOCK_ROWS * U];
    for (int64_t p = 0; p * U < width; p++) {
      const T* const panel = packed_[size_t(g.operand)] + p * U * depth;
      const int64_t here = std::min(U, width - p * U);
      const T* a = left;
      for (int64_t m = m0; m < m1;) {
        const int n = block_rows(m - m0, m1 - m0);
        T* const to = g.to + m * width + p * U;
        if (here == U) {
          block_of<T, true>(n, a, 0, panel, depth, further ? Start::sums : Start::zero, nullptr, 0, to, width);
        } else {
          block_of<T, true>(n, a, 0, panel, depth, Start::zero, nullptr, 0, edge, U);
          for (int i = 0; i < n; i++)
            for (int64_t u = 0; u < here; u++) to[i * width + u] = edge[i * U + u] + (further ? to[i * width + u] : T(0));
        }
        a += depth * n;
        m += n;
      }
    }
  }

  int64_t total_, hidden_;
  bool bf16_;
  std::vector<T*> packed_;
  T* parts_ = nullptr;
  std::atomic<int64_t> next_{0};
};

}  // namespace recurra
