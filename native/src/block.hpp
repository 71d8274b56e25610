// Many steps at once, where nothing in a step reads whole rows: what does not hang on the states runs over all of them,
// only what leads from a state to the next goes from step to step.
#pragma once

#include "level.hpp"

namespace recurra {

// Rows of all steps of a block, at most.
inline constexpr int64_t BLOCK_OF_STEPS = CHUNK_ROWS;

// The tiles of a block keep so many steps of few rows, or as many as make these rows, and the rest of their room for
// units: memory is read in longer runs.
inline constexpr int64_t STEPS_OF_A_TILE = 8, ROWS_OF_A_TILE = 32;

// `count` instructions of a level over rows of one tile from `row` on.
template <class T>
void run_instructions(const Level& level, int32_t first, int32_t count, const Place<T>* places, int64_t row, int64_t rows,
                      int64_t w, T* sums, int64_t sums_row) {
  for (int32_t i = first; i < first + count; i++)
    run(level.instructions[size_t(i)], places, row, rows, w, sums, sums_row);
}

// The recurrence of a tile: `steps` steps of `active` rows each, the last step first in backward.
template <class T>
void run_recurrence(const Level& level, const Place<T>* places, int64_t steps, int64_t active, int64_t w, bool backward) {
  if (level.recurrent == 0) return;
  if (level.recurrent == 1) {  // row after row is step after step
    const int64_t rows = steps * active;
    Place<T> here[MOST_OPERANDS];
    for (size_t i = 0; i < level.operands.size(); i++)
      here[i] = backward ? Place<T>{places[i].at + (rows - 1) * places[i].row, -places[i].row} : places[i];
    run_instructions<T>(level, level.first, 1, here, 0, rows, w, nullptr, 0);
    return;
  }
  for (int64_t s = 0; s < steps; s++)
    run_instructions<T>(level, level.first, level.recurrent, places, (backward ? steps - 1 - s : s) * active, active, w,
                        nullptr, 0);
}

// The one level of a code that runs in blocks: a part's units of `steps` steps, each of `active` rows, whose arrays lie
// one after the other; a state's rows before a step are those after the step before.
template <class T, class Q>
void run_block(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, int64_t steps, int64_t active, Part part) {
  constexpr int64_t U = UNITS<T>;
  const Level& level = layer.code.levels[0];
  const Units own(layer.of(level), part);
  const int64_t first = own.u0, last = own.u1;
  const bool backward = layer.code.backward;
  Place<T> base[MOST_OPERANDS], here[MOST_OPERANDS];
  name_operands(layer, workspace, level, base);
  const int64_t few = std::max(active, std::min(std::min(STEPS_OF_A_TILE, steps) * active, ROWS_OF_A_TILE));
  const int64_t wide = std::max<int64_t>(U, TILE<T> / few / U * U);
  const int64_t most = std::max<int64_t>(1, TILE<T> / (wide * active));  // the same for each share of the units
  const int32_t after = level.first + level.recurrent, all = int32_t(level.instructions.size());
  for (int64_t u0 = first; u0 < last; u0 += wide) {
    const int64_t w = std::min(wide, last - u0);
    T* const sums = workspace.sums ? workspace.sums + u0 : nullptr;
    for (int64_t done = 0; done < steps; done += most) {
      const int64_t n = std::min(most, steps - done), rows = n * active;
      stage(layer, workspace, level, base, (backward ? steps - done - n : done) * active, rows, u0, w, here);
      run_instructions(level, 0, level.first, here, 0, rows, w, sums, layer.width);
      run_recurrence(level, here, n, active, w, backward);
      run_instructions(level, after, all - after, here, 0, rows, w, sums, layer.width);
    }
  }
}

}  // namespace recurra
