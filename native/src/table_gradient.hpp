// Sums of the adjoints, or of the gradients, of all places where a token stands: rows of the table's gradient.
#pragma once

#include "layer.hpp"

namespace recurra {

// f(packed row, its token) for all of them, in an order that does not depend on threads.
template <class F>
void each_token(const recurra_call& call, const Plan& plan, F f) {
  for (const Group& group : plan.groups)
    for (int64_t step = 0; step < group.steps(); step++)
      for (int64_t r = 0; r < group.active[size_t(step)]; r++) {
        const int64_t row = group.row[size_t(r)];
        f(group.packed_at(step) + r, call.tokens[row * call.tokens_batch + time_of(call, row, step) * call.tokens_time]);
      }
}

// to [vocabulary][to_row], numbers [first, last) of its rows: the sums of the rows [packed rows][from_row] of each token.
// Every thread has some of the numbers of all rows, so that the order of additions is fixed.
template <class T>
void scatter(const recurra_call& call, const Plan& plan, const T* from, int64_t from_row, T* to, int64_t to_row,
             int64_t first, int64_t last) {
  for (int64_t v = 0; v < call.vocabulary; v++) std::fill_n(to + v * to_row + first, last - first, T(0));
  each_token(call, plan, [&](int64_t at, int64_t token) {
    const T* __restrict x = from + at * from_row;
    T* __restrict sum = to + token * to_row;
    for (int64_t u = first; u < last; u++) sum[u] += x[u];
  });
}

}  // namespace recurra
