// A team of threads from the host's own OpenMP runtime, so that the process keeps one pool.
#pragma once

#include <atomic>
#include <cstdint>

namespace recurra {

class Team {
 public:
  explicit Team(int count);

  int count() const { return count_; }

  // Every thread of the team waits for the others here. Spins first, then sleeps: on a busy machine the one
  // that is waited for may need the core.
  void wait() { meet(false); }

  // The same after work that is alike for all: threads that are late for each other all the same wait for other programs,
  // and the calls of the next moments take one thread, which is faster then.
  void wait_alike() { meet(true); }

 private:
  void meet(bool alike);

  int count_;
  int64_t begun_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> phase_{0};
  std::atomic<int64_t> late_{0};
};

// Whether a team found the machine crowded a moment ago.
bool crowded();

// Calls work(context, thread, team) on each of at most `threads` threads and returns when all are done.
void run_team(int threads, void (*work)(void* context, int thread, Team& team), void* context);

}  // namespace recurra
