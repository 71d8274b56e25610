// How work is divided among the threads of a team.
#pragma once

#include <cstdint>

#include "threads.hpp"

namespace recurra {

// A number of items shared by a team as evenly as can be: [first, last) of one thread.
struct Share {
  int64_t first, last;
  Share(int64_t items, int thread, int threads)
      : first(items * thread / threads), last(items * (thread + 1) / threads) {}
};

// What one thread of a team has of every step; alone, all of it.
struct Part {
  int thread = 0, threads = 1;
  bool first() const { return thread == 0; }
};

// f(part) for each of `parts` parts of the work, dealt out to a team. Parts and what is summed in them are planned, so that
// results do not depend on how many threads there turn out to be.
template <class F>
void deal(int parts, int thread, const Team& team, F f) {
  for (int part = thread; part < parts; part += team.count()) f(part);
}

}  // namespace recurra
