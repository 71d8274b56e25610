// Both directions of a layer at once, each on half of a team: they never wait for each other.
#pragma once

#include <algorithm>
#include <optional>

#include "plan.hpp"
#include "threads.hpp"

namespace recurra {

// Weights of a step that each thread's L2 keeps until the next one. With more, a thread that has a direction to itself
// reads them all from further away.
inline constexpr int64_t NEAR_WEIGHTS = 128 * 1024;

// Whether two calls are better run at once, each on half of the threads, than one after the other on all.
inline bool run_at_once(const Code& forward, const recurra_call& first, const recurra_call& second) {
  return first.type == second.type && first.products == second.products && first.products != RECURRA_INT8 &&
         std::max(recurrent_weights(forward, first), recurrent_weights(forward, second)) <= NEAR_WEIGHTS;
}

// Work: prepare() gives an error or RECURRA_OK, team() the threads it wants, work(thread, team) is what each of them does.
template <class Work>
class Halves {
 public:
  Halves(Work& first, Work& second) : first_(first), second_(second) {}

  int run() {
    if (const int error = first_.prepare()) return error;
    if (const int error = second_.prepare()) return error;
    const int threads = 2 * std::min(first_.team(), second_.team());
    run_team(threads, [](void* self, int thread, Team& team) { static_cast<Halves*>(self)->work(thread, team); }, this);
    return RECURRA_OK;
  }

 private:
  void work(int thread, Team& team) {
    const int half = (team.count() + 1) / 2;
    if (thread == 0) {
      teams_[0].emplace(half);
      teams_[1].emplace(std::max(1, team.count() - half));
    }
    team.wait();
    if (thread < half) first_.work(thread, *teams_[0]);
    if (thread >= half || team.count() == 1) second_.work(thread % half, *teams_[1]);
  }

  Work &first_, &second_;
  std::optional<Team> teams_[2];
};

}  // namespace recurra
