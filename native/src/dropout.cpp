// Numbers, some of which are left out and the others scaled up.
#include <algorithm>

#include "draws.hpp"
#include "export.hpp"
#include "processors.hpp"
#include "recurra.h"
#include "share.hpp"

using namespace recurra;

namespace {

constexpr int64_t BLOCK = 1024;

template <class T>
struct Dropout {
  const recurra_dropping& call;

  int run() {
    run_team(team_size(call.threads, call.count), [](void* self, int thread, Team& team) {
      static_cast<Dropout*>(self)->part(thread, team);
    }, this);
    return RECURRA_OK;
  }

  void part(int thread, Team& team) {
    const Draws<T> draws{call.words, call.bits, call.edge, T(call.scale)};
    const Share mine((call.count + BLOCK - 1) / BLOCK, thread, team.count());
    const int64_t first = mine.first * BLOCK, last = std::min(mine.last * BLOCK, call.count);
    draws.apply(first, last - first, static_cast<const T*>(call.x) + first, static_cast<T*>(call.out) + first);
  }
};

}  // namespace

RECURRA_EXPORT int recurra_dropout(const recurra_dropping* call) {
  if (!call || call->count < 1 || !call->words || !call->x || !call->out || !Draws<float>::known(call->bits))
    return RECURRA_BAD_CALL;
  if (call->type == RECURRA_F32) return Dropout<float>{*call}.run();
  return call->type == RECURRA_F64 ? Dropout<double>{*call}.run() : RECURRA_BAD_CALL;
}
