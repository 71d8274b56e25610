// Rows of tags as a whole, whose tags' scores are given.
#include "paths.hpp"

#include <algorithm>

#include "export.hpp"

using namespace recurra;
using namespace recurra::paths;

RECURRA_EXPORT int64_t recurra_paths_memory(const recurra_paths* call) {
  return !call || check_sizes(*call) ? -1 : Kept(Arena(), *call).bytes;
}

RECURRA_EXPORT int recurra_paths_forward(const recurra_paths* call) {
  if (!call || check_sizes(*call)) return RECURRA_BAD_CALL;
  if (!call->logits || !call->lengths || !call->chosen || !call->follows || !call->begins || !call->ends || !call->found)
    return RECURRA_BAD_CALL;
  if (const int error = check_rows(*call, call->lengths, call->chosen)) return error;
  const int64_t bytes = Kept(Arena(), *call).bytes;
  if (call->memory && call->memory_bytes < bytes) return RECURRA_SHORT_MEMORY;
  const Buffer own(call->memory ? 0 : bytes);
  void* const memory = call->memory ? call->memory : own.data();
  if (!memory) return RECURRA_NO_MEMORY;
  const Kept kept(Arena(memory), *call);
  std::copy_n(call->lengths, call->batch, kept.lengths);
  std::copy_n(call->chosen, call->batch * call->time, kept.chosen);
  return call->type == RECURRA_F32 ? Forward<float>(*call, kept).run() : Forward<double>(*call, kept).run();
}

RECURRA_EXPORT int recurra_paths_backward(const recurra_paths* call) {
  if (!call || check_sizes(*call) || !call->memory || !call->weights) return RECURRA_BAD_CALL;
  const Kept kept(Arena(call->memory), *call);
  if (call->memory_bytes < Kept(Arena(), *call).bytes) return RECURRA_SHORT_MEMORY;
  if (check_rows(*call, kept.lengths, kept.chosen)) return RECURRA_FOREIGN_MEMORY;
  return call->type == RECURRA_F32 ? Backward<float>(*call, kept).run() : Backward<double>(*call, kept).run();
}
