#include "plan.hpp"

#include <algorithm>
#include <numeric>

namespace recurra {
namespace {

// Rows of a group: enough to use each weight many times, few enough for their values to stay near.
constexpr int64_t GROUP_ROWS = 64;

// Fewer rows a thread than this leave its multiply-adds waiting for weights.
constexpr int64_t FEW_ROWS = 3;

// Units of a row, below which two threads have too little of it each where nobody waits for anybody.
constexpr int64_t WIDE = 64;

// Weights of a step, below which a thread is done before it has met the others.
constexpr int64_t WORTH_SHARING = 24 * 1024;

// Steps of one row that are enough to read weights for, and its units that are enough to run one step after the other.
constexpr int64_t MANY_STEPS = 48, WIDE_ROW = 128;

void fill(Group& group, const recurra_call& call) {
  int64_t longest = 0;
  for (const int32_t r : group.row) longest = std::max(longest, length(call, r));
  group.active.assign(size_t(longest) + 1, 0);
  for (const int32_t r : group.row) group.active[size_t(length(call, r)) - 1]++;
  for (int64_t s = longest - 1; s > 0; s--) group.active[size_t(s) - 1] += group.active[size_t(s)];
  group.before.resize(size_t(longest) + 1);
  group.before[0] = 0;
  for (int64_t s = 0; s < longest; s++) group.before[size_t(s) + 1] = group.before[size_t(s)] + group.active[size_t(s)];
}

}  // namespace

Plan plan(const recurra_call& call, const Code& forward) {
  Plan made;
  const int64_t batch = call.batch, threads = std::max<int64_t>(1, call.threads);
  std::vector<int32_t> order(size_t(batch), 0);
  std::iota(order.begin(), order.end(), 0);
  if (call.lengths)
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return call.lengths[a] > call.lengths[b]; });

  const int64_t weights = recurrent_weights(forward, call);
  int64_t groups = std::max(std::min(threads, batch), (batch + GROUP_ROWS - 1) / GROUP_ROWS);
  if (threads > 1 && batch < FEW_ROWS * threads) {
    made.share_units = weights == 0 ? call.hidden >= WIDE : weights >= WORTH_SHARING;
    groups = 1;
  } else if (forward.in_blocks() && batch > groups && call.time >= MANY_STEPS && call.hidden >= WIDE_ROW) {
    groups = batch;  // steps of one row lie side by side in the caller's memory, too
  } else if (groups > threads) {
    groups = (groups + threads - 1) / threads * threads;
  }
  groups = std::min(groups, batch);
  made.groups.resize(size_t(groups));
  for (int64_t i = 0; i < batch; i++) {
    int64_t g;
    if (call.lengths) {  // there and back again, so that each has long and short ones
      const int64_t at = i % (2 * groups);
      g = at < groups ? at : 2 * groups - 1 - at;
    } else {
      g = i * groups / batch;
    }
    made.groups[size_t(g)].row.push_back(order[size_t(i)]);
  }
  int64_t rows = 0;
  for (Group& group : made.groups) {
    fill(group, call);
    group.packed = made.total;
    group.history = made.total + rows;
    made.total += group.before.back();
    rows += group.rows();
    made.most_rows = std::max(made.most_rows, group.rows());
  }
  return made;
}

}  // namespace recurra
