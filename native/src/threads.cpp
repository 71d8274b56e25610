#include "threads.hpp"

#include <chrono>
#include <thread>
#include <vector>

#include "export.hpp"
#include "processors.hpp"
#include "recurra.h"

namespace recurra {
namespace {

using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
using Number = int (*)();

std::atomic<Parallel> parallel{nullptr};
std::atomic<Number> thread_number{nullptr};
std::atomic<Number> thread_count{nullptr};

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Threads of an idle machine are some microseconds apart. Longer than that, and the one that is waited for may want this
// core: it is offered, which costs next to nothing where nobody takes it, and given up after a fraction of a millisecond.
constexpr int FEW_SPINS = 500, MOST_SPINS = FEW_SPINS + 300;

// Nanoseconds that the threads of a team spent on waiting although their work is alike: so many, and half of their time,
// and the machine is crowded; it is tried again somewhat later.
constexpr int64_t LATE = 5'000'000, REMEMBERED = 300'000'000;

std::atomic<int64_t> crowded_until{0};

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Region {
  Region(void (*w)(void*, int, Team&), void* c) : work(w), context(c) {}

  void (*work)(void*, int, Team&);
  void* context;
  std::atomic<Team*> team{nullptr};
  std::atomic<int> claimed{0};
  alignas(Team) unsigned char room[sizeof(Team)];
};

// The runtime may give fewer threads than were asked for: the first to come makes a team of as many as there are.
void enter(void* argument) {
  auto& region = *static_cast<Region*>(argument);
  if (region.claimed.fetch_add(1) == 0) {
    region.team.store(new (region.room) Team(thread_count.load()()), std::memory_order_release);
    region.team.notify_all();
  }
  Team* team;
  for (int spins = 0; (team = region.team.load(std::memory_order_acquire)) == nullptr; spins++) {
    if (spins < MOST_SPINS)
      relax();
    else
      region.team.wait(nullptr, std::memory_order_acquire);
  }
  region.work(region.context, thread_number.load()(), *team);
}

}  // namespace

Team::Team(int count) : count_(count), begun_(count > 1 ? now() : 0) {}

void Team::meet(bool alike) {
  if (count_ == 1) return;
  const int phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == count_ - 1) {
    const int64_t late = alike ? late_.load(std::memory_order_relaxed) : 0;
    if (late > LATE) {
      const int64_t time = now();
      if (2 * late > (time - begun_) * (count_ - 1)) crowded_until.store(time + REMEMBERED);
    }
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
    return;
  }
  const auto over = [&] { return phase_.load(std::memory_order_acquire) != phase; };
  int spins = 0;
  for (; spins < FEW_SPINS && !over(); spins++) relax();
  if (spins == FEW_SPINS) {
    const int64_t begun = now();
    for (; spins < MOST_SPINS && !over(); spins++) std::this_thread::yield();
    if (spins == MOST_SPINS) phase_.wait(phase, std::memory_order_acquire);
    if (alike) late_.fetch_add(now() - begun, std::memory_order_relaxed);
  }
}

bool crowded() { return now() < crowded_until.load(); }

void run_team(int threads, void (*work)(void*, int, Team&), void* context) {
  if (threads <= 1) {
    Team alone(1);
    work(context, 0, alone);
    return;
  }
  if (const Parallel go = parallel.load()) {
    Region region(work, context);
    go(enter, &region, unsigned(threads), 0);
    return;
  }
  std::vector<std::thread> others;
  Team team(threads);
  others.reserve(size_t(threads - 1));
  for (int i = 1; i < threads; i++) others.emplace_back([&, i] { work(context, i, team); });
  work(context, 0, team);
  for (std::thread& other : others) other.join();
}

}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT void recurra_threads(void* gomp_parallel, void* get_thread_num, void* get_num_threads) {
  const bool all = gomp_parallel && get_thread_num && get_num_threads;
  thread_number = all ? reinterpret_cast<Number>(get_thread_num) : nullptr;
  thread_count = all ? reinterpret_cast<Number>(get_num_threads) : nullptr;
  parallel = all ? reinterpret_cast<Parallel>(gomp_parallel) : nullptr;
}
