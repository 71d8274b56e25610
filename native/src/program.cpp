#include "program.hpp"

#include <algorithm>
#include <iterator>
#include <new>
#include <stdexcept>

#include "export.hpp"
#include "fingerprint.hpp"

namespace recurra {
namespace {

struct Bad : std::exception {};

class Reader {
 public:
  Reader(const int32_t* words, int64_t count) : words_(words), end_(words + count) {}

  int32_t next() {
    if (words_ == end_) throw Bad();
    return *words_++;
  }
  int32_t count(int32_t most = 1 << 16) { return below(most); }
  int32_t below(int32_t limit) {
    const int32_t value = next();
    if (value < 0 || value >= limit) throw Bad();
    return value;
  }
  bool done() const { return words_ == end_; }

 private:
  const int32_t* words_;
  const int32_t* end_;
};

class Decoder {
 public:
  Decoder(const int32_t* words, int64_t count, bool backward) : in_(words, count) { code_.backward = backward; }

  Code run() {
    if (in_.next() != RECURRA_CODE || in_.next() != int32_t(code_.backward)) throw Bad();
    code_.states = in_.below(RECURRA_MAX_STATES + 1);
    const int32_t columns = in_.count();
    code_.vectors = in_.below(RECURRA_MAX_VECTORS + 1);
    code_.constants = in_.count();
    code_.saved = in_.count();
    code_.saved_rows = in_.count();
    code_.steps = in_.count();
    code_.temps = in_.count();
    code_.rows = in_.count();
    code_.adjoints = in_.count();
    const int32_t w = in_.count(), r = in_.count();
    code_.reductions = in_.count();
    const int32_t levels = in_.count();
    if (code_.states == 0) throw Bad();
    for (int32_t s = 0; s < code_.states; s++) code_.narrow[s] = in_.below(2) != 0;
    code_.maps_narrow = in_.below(2) != 0;
    code_.columns.resize(size_t(columns));
    for (Column& column : code_.columns) {
      column.block = block(code_.most_ih);
      column.vectors.resize(size_t(in_.count()));
      for (int32_t& v : column.vectors) v = in_.below(code_.vectors);
    }
    code_.levels.resize(size_t(levels));
    for (Level& level : code_.levels) read(level);
    if (code_.backward) {
      code_.carries.resize(size_t(code_.states));
      for (int32_t& c : code_.carries) c = in_.below(2);
      code_.w_blocks.resize(size_t(w));
      for (int32_t& b : code_.w_blocks) b = block(code_.most_ih);
      if (w > code_.adjoints) throw Bad();
      code_.recurrent.resize(size_t(r));
      for (RecurrentGradient& g : code_.recurrent) {
        g.matrix = matrix();
        g.adjoint = in_.below(code_.adjoints);
        g.operand = slot(in_.next());
        const int32_t kind = g.operand.kind;
        if (kind != SLOT_BEFORE && kind != SLOT_AFTER && kind != SLOT_SAVED) throw Bad();
        // what forward's product read
        if (!reaches(g.operand, g.matrix.kind == RECURRA_RECURRENT && code_.maps_narrow)) throw Bad();
      }
    }
    if (!in_.done()) throw Bad();
    return std::move(code_);
  }

 private:
  int32_t block(int32_t& most) {
    const int32_t value = in_.count(1 << 12);
    most = std::max(most, value + 1);
    return value;
  }

  Matrix matrix() {
    const int32_t word = in_.next(), kind = word >> 16, number = word & 0xffff;
    if (word < 0 || kind > RECURRA_PROJECTION || number >= (1 << 12)) throw Bad();
    int32_t& most = kind == RECURRA_PROJECTION ? code_.most_hr : code_.most_hh;
    most = std::max(most, number + 1);
    return {kind, number};
  }

  // Whether a slot has as many numbers as are read of it: states have rows of their own width.
  bool reaches(Slot s, bool narrow) const {
    switch (s.kind) {
      case SLOT_BEFORE:
      case SLOT_AFTER:
      case SLOT_CARRY_IN:
      case SLOT_CARRY_OUT: return narrow || !code_.narrow[s.index];
      case SLOT_OUTPUT: return narrow == code_.narrow[0];
      default: return true;
    }
  }

  int32_t limit(int32_t kind) const {
    switch (kind) {
      case SLOT_TEMP: return code_.temps;
      case SLOT_VECTOR: return code_.vectors;
      case SLOT_CONSTANT: return code_.constants;
      case SLOT_STEP: return code_.steps;
      case SLOT_SAVED: return code_.saved;
      case SLOT_BEFORE:
      case SLOT_AFTER: return code_.states;
      case SLOT_COLUMN: return code_.backward ? 0 : int32_t(code_.columns.size());
      case SLOT_ADJOINT: return code_.backward ? code_.adjoints : 0;
      case SLOT_CARRY_IN:
      case SLOT_CARRY_OUT: return code_.backward ? code_.states : 0;
      case SLOT_OUTPUT: return code_.backward ? 1 : 0;
      case SLOT_ROW: return code_.rows;
      case SLOT_SAVED_ROW: return code_.saved_rows;
      case SLOT_GIVEN: return RECURRA_MAX_GIVEN;
      default: return 0;
    }
  }

  Slot slot(int32_t word) const {
    if (word < 0) throw Bad();
    const Slot s{word >> 16, word & 0xffff};
    if (s.index >= limit(s.kind)) throw Bad();
    return s;
  }

  bool writable(Slot s) const {
    switch (s.kind) {
      case SLOT_TEMP:
      case SLOT_STEP:
      case SLOT_ADJOINT:
      case SLOT_CARRY_OUT: return true;
      case SLOT_SAVED:
      case SLOT_AFTER: return !code_.backward;
      default: return false;
    }
  }

  int32_t operand(Level& level, int32_t word, bool write = false) const {
    const Slot s = slot(word);
    if ((write && !writable(s)) || !reaches(s, level.narrow)) throw Bad();
    const auto at = std::find_if(level.operands.begin(), level.operands.end(),
                                 [&](const Slot& o) { return o.kind == s.kind && o.index == s.index; });
    if (at != level.operands.end()) return int32_t(at - level.operands.begin());
    level.operands.push_back(s);
    return int32_t(level.operands.size()) - 1;
  }

  void read(Level& level) {
    level.narrow = in_.below(2) != 0;
    level.sums.resize(size_t(in_.count()));
    level.row_sums.resize(size_t(in_.count()));
    level.instructions.resize(size_t(in_.count()));
    level.first = in_.below(int32_t(level.instructions.size()) + 1);
    level.recurrent = in_.below(int32_t(level.instructions.size()) - level.first + 1);
    for (Sum& sum : level.sums) {
      sum.destination = operand(level, in_.next(), true);
      const int32_t start = in_.next();
      if (start != RECURRA_NONE) {
        const Slot from = slot(start);
        if (from.kind == SLOT_COLUMN && level.narrow) throw Bad();
        if (from.kind == SLOT_COLUMN)
          sum.column = from.index;
        else
          sum.start = operand(level, start);
      }
      sum.products.resize(size_t(in_.count()));
      if (sum.products.empty()) throw Bad();
      level.products += int32_t(sum.products.size());
      for (Product& product : sum.products) {
        product.matrix = matrix();
        const int32_t kind = product.matrix.kind;
        product.operand = whole(in_.next(), code_.narrow_operand(kind));
        if (code_.narrow_result(kind) != level.narrow) throw Bad();
        code_.projections += kind == RECURRA_PROJECTION;
      }
    }
    for (RowSum& sum : level.row_sums) read(sum, level.narrow);
    for (Instruction& instruction : level.instructions) {
      instruction.op = in_.below(OP_COUNT);
      const int32_t words[5] = {in_.next(), in_.next(), in_.next(), in_.next(), in_.next()};
      const bool reduce = instruction.op == OP_REDUCE || instruction.op == OP_REDUCE_MUL;
      if (reduce && (!code_.backward || words[0] < 0 || words[0] >= code_.reductions)) throw Bad();
      instruction.destination = reduce ? words[0] : operand(level, words[0], true);
      int32_t* const places[4] = {&instruction.a, &instruction.b, &instruction.c, &instruction.d};
      for (int i = 0; i < 4; i++) {
        *places[i] = i < arity(instruction.op) ? operand(level, words[i + 1]) : RECURRA_NONE;
        const bool row = (instruction.op == OP_NORMALIZE && i == 1) || (instruction.op == OP_NORMALIZE_BACK && i == 2);
        if (*places[i] >= 0 && row != (level.operands[size_t(*places[i])].kind == SLOT_ROW)) throw Bad();
      }
    }
    for (const Slot& s : level.operands)
      if (s.kind == SLOT_SAVED_ROW || (s.kind == SLOT_ROW && !summed(level, s.index))) throw Bad();
    code_.products += level.products;
    if (level.operands.size() > MOST_OPERANDS || level.products > MOST_OPERANDS) throw Bad();
    int32_t staged = 0;
    for (const Slot& s : level.operands) {
      staged += is_staged(s);
      if (s.kind == SLOT_GIVEN) code_.given = std::max(code_.given, s.index + 1);
    }
    code_.staged = std::max(code_.staged, staged);
  }

  void read(RowSum& sum, bool narrow) {
    sum.kind = in_.below(2);
    const bool moments = sum.kind == RECURRA_MOMENTS;
    const Slot to = slot(in_.next());
    const int32_t words[3] = {in_.next(), in_.next(), in_.next()};
    if (to.kind != SLOT_ROW || moments == code_.backward) throw Bad();
    sum.destination = to.index;
    sum.a = whole(words[0], narrow);
    if (!moments) {
      sum.b = whole(words[1], narrow);
      sum.c = slot(words[2]);
      if (sum.c.kind != SLOT_SAVED_ROW) throw Bad();
    }
    const int32_t constant = in_.next(), kept = in_.next();
    if (moments && (constant < 0 || constant >= code_.constants)) throw Bad();
    if (kept != RECURRA_NONE && (!moments || kept < 0 || kept >= code_.saved_rows)) throw Bad();
    sum.constant = constant;
    sum.kept = kept;
  }

  // A slot that holds whole rows.
  Slot whole(int32_t word, bool narrow) const {
    const Slot s = slot(word);
    if (!reaches(s, narrow)) throw Bad();
    switch (s.kind) {
      case SLOT_STEP:
      case SLOT_SAVED:
      case SLOT_BEFORE:
      case SLOT_AFTER:
      case SLOT_ADJOINT: return s;
      default: throw Bad();
    }
  }

  static bool summed(const Level& level, int32_t row) {
    return std::any_of(level.row_sums.begin(), level.row_sums.end(), [&](const RowSum& r) { return r.destination == row; });
  }

  static int arity(int32_t op) {
    switch (op) {
      case OP_PRODUCTS:
      case OP_SUB_MUL_SIGMOID_BACK: return 4;
      case OP_MULADD:
      case OP_MULADD_SIGMOID:
      case OP_MULADD_TANH:
      case OP_MULADD_RELU:
      case OP_MIX:
      case OP_ADD_MUL:
      case OP_MUL_SIGMOID_BACK:
      case OP_MUL_TANH_BACK:
      case OP_NORMALIZE_BACK: return 3;
      case OP_NORMALIZE:
      case OP_ADD:
      case OP_SUB:
      case OP_MUL:
      case OP_DIV:
      case OP_MINIMUM:
      case OP_MAXIMUM:
      case OP_SHARE:
      case OP_REDUCE_MUL:
      case OP_SIGMOID_BACK:
      case OP_TANH_BACK: return 2;
      default: return 1;
    }
  }

  Reader in_;
  Code code_;
};

// Which states backward reads, before or after a step.
void keep_what_is_read(recurra_program& program) {
  Code& code = program.backward;
  const auto read = [&](Slot s) {
    if (s.kind == SLOT_BEFORE || s.kind == SLOT_AFTER) code.kept[s.index] = true;
  };
  for (const Level& level : code.levels) {
    for (const Slot& s : level.operands) read(s);
    for (const Sum& sum : level.sums)
      for (const Product& product : sum.products) read(product.operand);
    for (const RowSum& sum : level.row_sums) {
      read(sum.a);
      read(sum.b);
    }
  }
  for (const RecurrentGradient& g : code.recurrent) read(g.operand);
  std::copy(code.kept, std::end(code.kept), program.forward.kept);
}

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT recurra_program* recurra_program_new(const int32_t* forward, int64_t forward_words,
                                                    const int32_t* backward, int64_t backward_words,
                                                    const double* constants, int64_t n_constants) {
  try {
    auto* program = new recurra_program;
    try {
      program->forward = Decoder(forward, forward_words, false).run();
      program->has_backward = backward != nullptr && backward_words > 0;
      if (program->has_backward) {
        program->backward = Decoder(backward, backward_words, true).run();
        if (program->backward.states != program->forward.states) throw Bad();
        if (!std::equal(program->backward.narrow, std::end(program->backward.narrow), program->forward.narrow) ||
            program->backward.maps_narrow != program->forward.maps_narrow)
          throw Bad();
        if (program->backward.saved != program->forward.saved) throw Bad();
        if (program->backward.saved_rows != program->forward.saved_rows) throw Bad();
        keep_what_is_read(*program);
      }
      if (program->forward.constants > n_constants || program->backward.constants > n_constants) throw Bad();
      program->constants.assign(constants, constants + n_constants);
      Fingerprint of;
      of.add(forward, forward_words);
      if (program->has_backward) of.add(backward, backward_words);
      of.add(constants, n_constants);
      program->fingerprint = of.value();
    } catch (...) {
      delete program;
      throw;
    }
    return program;
  } catch (const std::exception&) {
    return nullptr;
  }
}

RECURRA_EXPORT void recurra_program_free(recurra_program* program) { delete program; }
