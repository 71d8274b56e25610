// Code decoded and checked, once per cell.
#pragma once

#include <cstdint>
#include <vector>

#include "recurra.h"

namespace recurra {

// Of one level, slots and products each.
inline constexpr int MOST_OPERANDS = 128;

struct Slot {
  int32_t kind = RECURRA_NONE, index = 0;
  bool none() const { return kind == RECURRA_NONE; }
};

// Whether tiles of it are copied before they are read: it does not lie as packed rows do.
inline bool is_staged(Slot slot) {
  return slot.kind == SLOT_COLUMN || slot.kind == SLOT_OUTPUT || slot.kind == SLOT_GIVEN;
}

struct Matrix {
  int32_t kind, block;  // row block of weight_hh or of weight_hr
};

struct Product {
  Matrix matrix;
  Slot operand;
};

struct Sum {
  int32_t destination;            // number in the level's operands
  int32_t column = RECURRA_NONE;  // what it starts from: a column of the input's products,
  int32_t start = RECURRA_NONE;   // or a number in the level's operands; neither: zero
  std::vector<Product> products;
};

struct RowSum {
  int32_t kind, destination;      // destination: index of the ROW
  Slot a, b, c;
  int32_t constant = RECURRA_NONE, kept = RECURRA_NONE;  // kept: index of the SAVED_ROW
};

struct Instruction {
  int32_t op, destination, a, b, c, d;  // numbers in the level's operands; a REDUCE's destination is a reduction
};

struct Level {
  bool narrow = false;         // its values are as wide as a projection
  std::vector<Slot> operands;  // every slot that the level touches, once
  std::vector<Sum> sums;
  std::vector<RowSum> row_sums;
  std::vector<Instruction> instructions;
  int32_t first = 0, recurrent = 0;  // instructions before the recurrence, and of it
  int32_t products = 0;        // of all sums
};

struct Column {
  int32_t block;  // of weight_ih
  std::vector<int32_t> vectors;
};

struct RecurrentGradient {
  Matrix matrix;
  int32_t adjoint;
  Slot operand;
};

struct Code {
  bool backward = false;
  int32_t states = 0, vectors = 0, constants = 0, saved = 0, saved_rows = 0, steps = 0, temps = 0, rows = 0;
  int32_t adjoints = 0, reductions = 0;
  std::vector<Column> columns;
  std::vector<Level> levels;
  std::vector<int32_t> carries;       // backward: 1 if CARRY_OUT i is written
  std::vector<int32_t> w_blocks;      // backward: row block of weight_ih for adjoint column j
  std::vector<RecurrentGradient> recurrent;
  bool narrow[RECURRA_MAX_STATES] = {};  // states that are as wide as a projection
  bool kept[RECURRA_MAX_STATES] = {};    // states that backward reads: their history is kept for it
  bool maps_narrow = false;           // what weight_hh maps is that wide
  int32_t most_ih = 0, most_hh = 0, most_hr = 0;  // blocks that are named: one more than the largest
  int32_t given = 0;                  // SLOT_GIVENs that are named: one more than the largest
  int32_t products = 0, projections = 0;  // over all levels; how many of them are of weight_hr
  int32_t staged = 0;                 // temps that tiles of the input's columns, of dy and of what is given are copied to

  // Whether a product of this kind has an operand, or a result, that is as wide as a projection.
  bool narrow_operand(int32_t kind) const { return kind == RECURRA_PROJECTION ? backward : !backward && maps_narrow; }
  bool narrow_result(int32_t kind) const { return kind == RECURRA_PROJECTION ? !backward : backward && maps_narrow; }

  // Whether many steps may run at once: nothing reads whole rows.
  bool in_blocks() const { return levels.size() == 1 && products == 0 && levels[0].row_sums.empty(); }
};

}  // namespace recurra

struct recurra_program {
  recurra::Code forward, backward;
  bool has_backward = false;
  std::vector<double> constants;
  uint64_t fingerprint = 0;  // of all of it
};
