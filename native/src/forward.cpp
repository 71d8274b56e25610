#include "forward.hpp"

#include "check.hpp"
#include "export.hpp"
#include "processors.hpp"

using namespace recurra;

RECURRA_EXPORT int recurra_forward(const recurra_program* program, const recurra_call* call) {
  if (!program || !call) return RECURRA_BAD_CALL;
  if (const int error = check(*program, *call, false)) return error;
  try {
    recurra_call same = *call;
    same.threads = team_size(call->threads, work_of(program->forward, *call));
    if (same.type == RECURRA_F64) return Forward<double, double>(*program, same).run();
    if (same.products == RECURRA_INT8) return forward_in_bytes(*program, same);
    if (same.products == RECURRA_BF16) return Forward<float, Bfloat>(*program, same).run();
    return Forward<float, float>(*program, same).run();
  } catch (const std::exception&) {
    return RECURRA_NO_MEMORY;
  }
}

RECURRA_EXPORT int64_t recurra_memory(const recurra_program* program, const recurra_call* call) {
  if (!program || !call || check_sizes(*call) != RECURRA_OK) return -1;
  try {
    const Plan made = plan(*call, program->forward);
    return call->type == RECURRA_F64 ? memory_bytes<double>(program->forward, made, *call)
                                     : memory_bytes<float>(program->forward, made, *call);
  } catch (const std::exception&) {
    return -1;
  }
}
