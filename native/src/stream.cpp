#include "stream.hpp"

#include "check.hpp"
#include "export.hpp"

struct recurra_stream {
  recurra::Stream* one;
};

using namespace recurra;

RECURRA_EXPORT recurra_stream* recurra_stream_new(const recurra_program* program, const recurra_call* call) {
  if (!program || !call || program->forward.saved > 0) return nullptr;
  recurra_call checked = *call;
  checked.time = 1;
  checked.lengths = nullptr;
  checked.tokens = nullptr;
  checked.x = call->weight_ih;  // none yet
  for (int32_t s = 0; s < program->forward.states && !call->state[0]; s++) checked.state[s] = call->weight_ih;
  if (check(*program, checked, false) != RECURRA_OK) return nullptr;
  try {
    if (call->type == RECURRA_F64) return new recurra_stream{new Prepared<double, double>(*program, *call)};
    if (call->products == RECURRA_INT8) return new recurra_stream{stream_in_bytes(*program, *call)};
    if (call->products == RECURRA_BF16) return new recurra_stream{new Prepared<float, Bfloat>(*program, *call)};
    return new recurra_stream{new Prepared<float, float>(*program, *call)};
  } catch (const std::exception&) {
    return nullptr;
  }
}

RECURRA_EXPORT void recurra_stream_free(recurra_stream* stream) {
  if (!stream) return;
  delete stream->one;
  delete stream;
}

RECURRA_EXPORT int recurra_stream_step(recurra_stream* stream, const void* x, void* y) {
  if (!stream || !x || !y) return RECURRA_BAD_CALL;
  stream->one->step(x, y);
  return RECURRA_OK;
}

RECURRA_EXPORT int recurra_stream_state(recurra_stream* stream, void* const* state, int write) {
  if (!stream || !state) return RECURRA_BAD_CALL;
  stream->one->state(state, write != 0);
  return RECURRA_OK;
}
