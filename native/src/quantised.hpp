// Weights in 8 bits, packed once for all calls of a layer.
#pragma once

#include "bytes.hpp"
#include "pool.hpp"
#include "program.hpp"
#include "recurra.h"

struct recurra_packed {
  recurra::Buffer room;
  recurra::Byte* recurrent = nullptr;  // as Layer::packed
  recurra::Byte* input = nullptr;      // as InputProducts::packed_ih
  int64_t inputs = 0, hidden = 0, projected = 0;
  uint64_t fingerprint = 0;  // of the program
};

namespace recurra {

class Stream;

// Whether weights were packed for such a call.
inline bool fits(const recurra_packed* packed, const recurra_program& program, const recurra_call& call) {
  return packed && packed->fingerprint == program.fingerprint && packed->inputs == call.inputs &&
         packed->hidden == call.hidden && packed->projected == call.projected;
}

// Of a call that was checked.
int forward_in_bytes(const recurra_program& program, const recurra_call& call);
Stream* stream_in_bytes(const recurra_program& program, const recurra_call& call);

}  // namespace recurra
