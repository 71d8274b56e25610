// What would otherwise crash: sizes, lengths, tokens and pointers of a call. Callers have said it better before.
#pragma once

#include <algorithm>

#include "program.hpp"
#include "quantised.hpp"

namespace recurra {

inline int check_sizes(const recurra_call& call) {
  constexpr int64_t most = int64_t(1) << 31;
  if (call.batch < 1 || call.time < 1 || call.inputs < 1 || call.hidden < 1) return RECURRA_BAD_CALL;
  if (call.batch >= most || call.time >= most || call.inputs >= most || call.hidden >= (1 << 20)) return RECURRA_BAD_CALL;
  if (call.projected < 1 || call.projected > call.hidden) return RECURRA_BAD_CALL;
  if (call.heads < 1 || call.hidden % call.heads != 0) return RECURRA_BAD_CALL;
  if (call.type != RECURRA_F32 && call.type != RECURRA_F64) return RECURRA_BAD_CALL;
  if (call.products == RECURRA_INT8 && (call.type != RECURRA_F32 || call.heads != 1 || call.memory)) return RECURRA_BAD_CALL;
  if (call.lengths)
    for (int64_t b = 0; b < call.batch; b++)
      if (call.lengths[b] < 1 || call.lengths[b] > call.time) return RECURRA_BAD_LENGTHS;
  return RECURRA_OK;
}

inline int check(const recurra_program& program, const recurra_call& call, bool backward) {
  const Code& f = program.forward;
  if (const int error = check_sizes(call)) return error;
  if (call.products == RECURRA_INT8 && !fits(call.packed, program, call)) return RECURRA_BAD_CALL;
  if (call.heads > 1 && (call.projected != call.hidden || f.maps_narrow || f.most_hr > 0)) return RECURRA_BAD_CALL;
  const auto has_blocks = [&](const Code& code) {
    return call.ih_blocks >= code.most_ih && call.hh_blocks >= code.most_hh && call.hr_blocks >= code.most_hr;
  };
  if (!call.weight_ih || !has_blocks(f) || (backward && !has_blocks(program.backward))) return RECURRA_BAD_CALL;
  if ((f.most_hh > 0 || program.backward.most_hh > 0) && !call.weight_hh) return RECURRA_BAD_CALL;
  if ((f.most_hr > 0 || program.backward.most_hr > 0) && !call.weight_hr) return RECURRA_BAD_CALL;
  for (int32_t g = 0; g < std::max(f.given, program.backward.given); g++)
    if (!call.given[g]) return RECURRA_BAD_CALL;
  for (int32_t v = 0; v < f.vectors; v++)
    if (!call.vectors[v]) return RECURRA_BAD_CALL;
  for (int32_t s = 0; s < f.states; s++)
    if (!call.state[s]) return RECURRA_BAD_CALL;
  if (!call.tokens) return call.x ? RECURRA_OK : RECURRA_BAD_CALL;
  if (!call.table || call.vocabulary < 1) return RECURRA_BAD_CALL;
  for (int64_t b = 0; b < call.batch; b++)
    for (int64_t t = 0; t < call.time; t++) {
      const int64_t token = call.tokens[b * call.tokens_batch + t * call.tokens_time];
      if (token < 0 || token >= call.vocabulary) return RECURRA_BAD_TOKENS;
    }
  return RECURRA_OK;
}

}  // namespace recurra
