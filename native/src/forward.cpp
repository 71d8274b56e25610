#include "forward.hpp"

#include "check.hpp"
#include "export.hpp"
#include "halves.hpp"
#include "processors.hpp"

namespace recurra {
namespace {

int run(const recurra_program& program, const recurra_call& call) {
  if (call.type == RECURRA_F64) return Forward<double, double>(program, call).run();
  if (call.products == RECURRA_INT8) return forward_in_bytes(program, call);
  if (call.products == RECURRA_BF16) return Forward<float, Bfloat>(program, call).run();
  return Forward<float, float>(program, call).run();
}

template <class T, class Q>
int run_halves(const recurra_program& program, const recurra_call& first, const recurra_call& second) {
  Forward<T, Q> one(program, first), other(program, second);
  return Halves(one, other).run();
}

}  // namespace
}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT int recurra_forward(const recurra_program* program, const recurra_call* call) {
  if (!program || !call) return RECURRA_BAD_CALL;
  if (const int error = check(*program, *call, false)) return error;
  try {
    recurra_call same = *call;
    same.threads = team_size(call->threads, work_of(program->forward, *call));
    return run(*program, same);
  } catch (const std::exception&) {
    return RECURRA_NO_MEMORY;
  }
}

RECURRA_EXPORT int recurra_forward_both(const recurra_program* program, const recurra_call* first,
                                        const recurra_call* second) {
  if (!program || !first || !second) return RECURRA_BAD_CALL;
  if (const int error = check(*program, *first, false)) return error;
  if (const int error = check(*program, *second, false)) return error;
  try {
    recurra_call one = *first, other = *second;
    const int64_t work[2] = {work_of(program->forward, one), work_of(program->forward, other)};
    const int threads = team_size(std::min(one.threads, other.threads), work[0] + work[1]);
    if (threads % 2 != 0 || !run_at_once(program->forward, one, other)) {
      one.threads = team_size(one.threads, work[0]);
      other.threads = team_size(other.threads, work[1]);
      const int error = run(*program, one);
      return error ? error : run(*program, other);
    }
    one.threads = other.threads = threads / 2;
    if (one.type == RECURRA_F64) return run_halves<double, double>(*program, one, other);
    if (one.products == RECURRA_BF16) return run_halves<float, Bfloat>(*program, one, other);
    return run_halves<float, float>(*program, one, other);
  } catch (const std::exception&) {
    return RECURRA_NO_MEMORY;
  }
}

RECURRA_EXPORT int64_t recurra_memory(const recurra_program* program, const recurra_call* call) {
  if (!program || !call || check_sizes(*call) != RECURRA_OK) return -1;
  try {
    Plan made;  // without groups: sizes depend on the steps alone
    made.total = steps_of(*call);
    return call->type == RECURRA_F64 ? memory_bytes<double>(program->forward, made, *call)
                                     : memory_bytes<float>(program->forward, made, *call);
  } catch (const std::exception&) {
    return -1;
  }
}
