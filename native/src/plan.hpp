// Which rows of the batch run together, in which order, and where each step of theirs is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "program.hpp"
#include "recurra.h"

namespace recurra {

using std::size_t;

// Rows that run together, longest first, so that at each step the active ones come first. Their steps are kept packed:
// nothing has room past a row's end.
struct Group {
  const int32_t* row = nullptr;     // [rows], of the batch
  const int32_t* active = nullptr;  // [steps + 1]: how many rows reach each step; 0 at the end
  const int64_t* before = nullptr;  // [steps + 1]: packed rows of the group before each step
  int64_t count = 0, length = 0;
  int64_t packed = 0;               // packed rows of the groups before
  int64_t history = 0;              // rows of state histories of the groups before: one more per row of the batch

  int64_t steps() const { return length; }
  int64_t rows() const { return count; }

  int64_t packed_at(int64_t step) const { return packed + before[size_t(step)]; }
  int64_t history_after(int64_t step) const { return history + rows() + before[size_t(step)]; }
  int64_t history_before(int64_t step) const { return step == 0 ? history : history_after(step - 1); }
};

// What groups of the same lengths have in common.
struct Steps {
  std::vector<int32_t> active;
  std::vector<int64_t> before;
};

struct Plan {
  std::vector<Group> groups;  // of the arrays that stand last here
  int64_t total = 0;         // packed rows of all groups
  int64_t most_rows = 0;     // of a group
  bool share_units = false;  // threads share the units of the one group, not its rows

  std::vector<int32_t> rows;
  std::vector<Steps> steps;

  Plan() = default;
  Plan(Plan&&) = default;
};

inline int64_t length(const recurra_call& call, int64_t row) { return call.lengths ? call.lengths[row] : call.time; }

inline int64_t time_of(const recurra_call& call, int64_t row, int64_t step) {
  return call.reverse ? length(call, row) - 1 - step : step;
}

// Weights that a step of forward multiplies with.
inline int64_t recurrent_weights(const Code& forward, const recurra_call& call) {
  const int64_t mapped = forward.maps_narrow ? call.projected : call.hidden / call.heads;
  return call.hidden * ((forward.products - forward.projections) * mapped + forward.projections * call.projected);
}

Plan plan(const recurra_call& call, const Code& forward);

// Steps of all rows.
inline int64_t steps_of(const recurra_call& call) {
  return call.lengths ? std::accumulate(call.lengths, call.lengths + call.batch, int64_t(0)) : call.batch * call.time;
}

// Multiply-adds of forward.
inline int64_t work_of(const Code& forward, const recurra_call& call) {
  return steps_of(call) * (recurrent_weights(forward, call) + call.hidden * int64_t(forward.columns.size()) * call.inputs);
}

}  // namespace recurra
