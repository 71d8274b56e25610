// Where each packed row's operands of the gradients, and its part of dx, lie.
#pragma once

#include <vector>

#include "gradient.hpp"

namespace recurra {

template <class T, class Q>
class PackedRows {
 public:
  // operands: of the gradients that have a row for each packed row
  PackedRows(const Layer<T, Q>& layer, std::vector<Operand<T>>& operands) : layer_(layer), operands_(operands) {
    if (layer.call.dx) dx_.resize(size_t(layer.plan.total));
  }

  T* dx(int64_t packed) const { return dx_[size_t(packed)]; }

  // Active row `r` of a step: row `row` of the batch at time `t`.
  void name(const Group& group, int64_t step, int64_t r, int64_t row, int64_t t) {
    const recurra_call& call = layer_.call;
    const int64_t at = group.packed_at(step) + r, total = layer_.plan.total;
    if (call.dx) dx_[size_t(at)] = static_cast<T*>(call.dx) + (row * call.time + t) * call.inputs;
    for (const Operand<T>& o : operands_) {
      const int32_t number = o.slot.index;
      const auto state = [&](int64_t first) {
        return layer_.history(number) + (first + r) * layer_.of_state(number).padded;
      };
      switch (o.slot.kind) {
        case SLOT_SAVED: o.rows[at] = layer_.memory_saved + (number * total + at) * layer_.width; break;
        case SLOT_BEFORE: o.rows[at] = state(group.history_before(step)); break;
        case SLOT_AFTER: o.rows[at] = state(group.history_after(step)); break;
        default: o.rows[at] = layer_.input(row, t);
      }
    }
  }

  // dx is zero past the rows' ends.
  void end(const Group& group) const {
    const recurra_call& call = layer_.call;
    for (int64_t r = 0; call.dx && r < group.rows(); r++) {
      const int64_t row = group.row[size_t(r)], t = length(call, row);
      std::fill_n(static_cast<T*>(call.dx) + (row * call.time + t) * call.inputs, (call.time - t) * call.inputs, T(0));
    }
  }

 private:
  const Layer<T, Q>& layer_;
  std::vector<Operand<T>>& operands_;
  std::vector<T*> dx_;
};

}  // namespace recurra
