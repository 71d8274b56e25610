// Where the slots of a code lie at one step of a group.
#pragma once

#include "layer.hpp"
#include "tile.hpp"

namespace recurra {

// Where the arrays of a group lie at one step, and the tiles' own room.
template <class T, class Q>
struct Workspace {
  T* temps;                    // [temps + staged][TILE]
  T* steps;                    // [steps][rows][width]
  T* of_rows;                  // [rows of the code][3][rows]
  Q* rounded;                  // [products][rows][whole depth], operands as they are held; where that is not T
  T* sums = nullptr;           // backward: [reductions][width]
  const T* const* columns = nullptr;  // forward: the projected input of each active row
  const T* before[RECURRA_MAX_STATES];
  T* after[RECURRA_MAX_STATES];
  T* carry_in[RECURRA_MAX_STATES];
  T* carry_out[RECURRA_MAX_STATES];
  T* adjoint = nullptr;        // backward: of the first active row
  const T* const* outputs = nullptr;  // backward: dy of each active row, nullptr for zero
  int64_t* places;             // of each active row in what is given: its row of the batch times time, plus its time
  int64_t rows = 0;            // rows that the group's arrays have
  int64_t packed = 0;          // packed row of the first active row

  static void allocate(Workspace& workspace, Arena& from, const Layer<T, Q>& layer) {
    workspace.temps = from.take<T>((layer.code.temps + layer.code.staged) * TILE<T>);
    workspace.places = from.take<int64_t>(layer.code.given > 0 ? std::max(layer.plan.most_rows, CHUNK_ROWS) : 0);
    workspace.of_rows = from.take<T>(layer.code.rows * 3 * layer.plan.most_rows);
    workspace.rounded = from.take<Q>(
        layer.ROUNDED ? layer.code.products * layer.plan.most_rows * row_room<Q>(layer.hidden) : 0);
  }
};

// Where the `active` rows of a step find what it is given.
template <class T, class Q>
void name_places(const Layer<T, Q>& layer, const Group& group, int64_t step, int64_t active, int64_t* places) {
  for (int64_t r = 0; layer.code.given > 0 && r < active; r++) {
    const int64_t row = group.row[size_t(r)];
    places[r] = row * layer.call.time + time_of(layer.call, row, step);
  }
}

// Numbers [u0, u1) of a value's padded rows, `units` of them not padding: a part's.
struct Units {
  int64_t u0, u1, units;
  template <class T>
  Units(const Width<T>& width, Part part) {
    const Share mine(width.panels, part.thread, part.threads);
    u0 = mine.first * UNITS<T>;
    u1 = mine.last * UNITS<T>;
    units = std::max<int64_t>(0, std::min(u1, width.units) - u0);
  }
  bool empty() const { return u0 == u1; }
};

template <class T, class Q>
Place<T> place(const Layer<T, Q>& layer, const Workspace<T, Q>& workspace, Slot slot) {
  const int64_t w = layer.width;
  switch (slot.kind) {
    case SLOT_TEMP: return {workspace.temps + slot.index * TILE<T>, 0};
    case SLOT_VECTOR: return {layer.vectors + slot.index * w, 0};
    case SLOT_CONSTANT: return {layer.constant_rows + slot.index * w, 0};
    case SLOT_STEP: return {workspace.steps + slot.index * workspace.rows * w, w};
    case SLOT_SAVED: return {layer.memory_saved + (slot.index * layer.plan.total + workspace.packed) * w, w};
    case SLOT_BEFORE: return {const_cast<T*>(workspace.before[slot.index]), layer.of_state(slot.index).padded};
    case SLOT_AFTER: return {workspace.after[slot.index], layer.of_state(slot.index).padded};
    case SLOT_ADJOINT: return {workspace.adjoint + slot.index * w, layer.adjoint_row};
    case SLOT_CARRY_IN: return {workspace.carry_in[slot.index], layer.of_state(slot.index).padded};
    case SLOT_CARRY_OUT: return {workspace.carry_out[slot.index], layer.of_state(slot.index).padded};
    case SLOT_ROW: return {workspace.of_rows + slot.index * 3 * workspace.rows, workspace.rows};
    case SLOT_SAVED_ROW: return {layer.memory_rows + slot.index * layer.plan.total + workspace.packed, 1};
    default: return {nullptr, 0};  // COLUMN, OUTPUT and GIVEN are staged
  }
}

}  // namespace recurra
