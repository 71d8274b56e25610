// A team of threads from the host's own OpenMP runtime, so that the process keeps one pool.
#pragma once

#include <atomic>

namespace recurra {

class Team {
 public:
  explicit Team(int count) : count_(count) {}

  int count() const { return count_; }

  // Every thread of the team waits for the others here. Spins first, then sleeps: on a busy machine the one
  // that is waited for may need the core.
  void wait();

 private:
  int count_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> phase_{0};
};

// Calls work(context, thread, team) on each of at most `threads` threads and returns when all are done.
void run_team(int threads, void (*work)(void* context, int thread, Team& team), void* context);

}  // namespace recurra
