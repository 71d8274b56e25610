// How many threads may run at once: the processors that this process may use, less what a container's quota holds back.
#include "processors.hpp"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "export.hpp"
#include "recurra.h"

namespace recurra {
namespace {

int allowed_by_affinity() {
#ifdef __linux__
  cpu_set_t* const set = CPU_ALLOC(1 << 16);  // a kernel that knows more processors than the set has bits answers EINVAL
  if (set) {
    const size_t bytes = CPU_ALLOC_SIZE(1 << 16);
    CPU_ZERO_S(bytes, set);
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1, int(std::thread::hardware_concurrency()));
}

// Whole processors' worth of time in each period, rounded down, for who uses up a quota stands still to the period's end.
int whole(double quota, double period) {
  return quota > 0 && period > 0 ? std::max(1, int(std::min(quota / period, 1e6))) : MOST_THREADS;
}

// cpu.max of version 2: "QUOTA PERIOD" in microseconds, QUOTA may be "max".
int quota_two(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period)) return MOST_THREADS;
  return whole(std::atof(quota.c_str()), period);
}

int quota_one(const std::string& folder) {
  double quota = 0, period = 0;
  if (!(std::ifstream(folder + "/cpu.cfs_quota_us") >> quota)) return MOST_THREADS;
  if (!(std::ifstream(folder + "/cpu.cfs_period_us") >> period)) return MOST_THREADS;
  return whole(quota, period);
}

// The smallest quota of a group and of all around it. A container may see its own group as the root.
template <class Quota>
int along(const std::string& mount, std::string group, Quota quota) {
  int least = quota(mount);
  while (!group.empty() && group != "/") {
    least = std::min(least, quota(mount + group));
    group.erase(std::max<size_t>(group.rfind('/'), 0));
  }
  return least;
}

bool names_cpu(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

// Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and cgroup-v1/cgroups.rst; scheduler/sched-bwc.rst
int allowed_by_quota(const std::string& root) {
  int least = MOST_THREADS;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // number:controllers:/group
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    const std::string mounts = root + "/sys/fs/cgroup";
    if (controllers.empty()) {
      least = std::min(least, along(mounts, group, quota_two));
      least = std::min(least, along(mounts + "/unified", group, quota_two));
    } else if (names_cpu(controllers)) {
      least = std::min(least, along(mounts + "/" + controllers, group, quota_one));
      least = std::min(least, along(mounts + "/cpu", group, quota_one));
    }
  }
  return least;
}

int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
}

std::atomic<int> as_asked{0};

}  // namespace

int processors() {
  constexpr int64_t kept = 1000;  // ms: an affinity or a quota may change while the process runs
  static std::atomic<int> count{0};
  static std::atomic<int64_t> asked{0};
  const int64_t time = now();
  if (count.load() == 0 || time - asked.load() > kept) {
    count.store(std::min(allowed_by_affinity(), allowed_by_quota("")));
    asked.store(time);
  }
  return count.load();
}

int team_size(int asked, int64_t work) {
  asked = std::min(std::max(asked, 1), MOST_THREADS);
  if (asked == 1 || as_asked.load()) return asked;
  const int64_t worth = std::max<int64_t>(1, work / WORTH_A_THREAD);
  return int(std::min<int64_t>({asked, processors(), worth}));
}

}  // namespace recurra

using namespace recurra;

RECURRA_EXPORT int32_t recurra_processors(const char* root) {
  try {
    return root ? std::min(allowed_by_affinity(), allowed_by_quota(root)) : processors();
  } catch (const std::exception&) {
    return 1;
  }
}

RECURRA_EXPORT void recurra_threads_as_asked(int how) { as_asked.store(how); }
