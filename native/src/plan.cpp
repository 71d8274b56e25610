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

Steps steps_of(const Group& group, const recurra_call& call) {
  Steps made;
  int64_t longest = 0;
  for (int64_t i = 0; i < group.count; i++) longest = std::max(longest, length(call, group.row[i]));
  made.active.assign(size_t(longest) + 1, 0);
  for (int64_t i = 0; i < group.count; i++) made.active[size_t(length(call, group.row[i])) - 1]++;
  for (int64_t s = longest - 1; s > 0; s--) made.active[size_t(s) - 1] += made.active[size_t(s)];
  made.before.resize(size_t(longest) + 1);
  made.before[0] = 0;
  for (int64_t s = 0; s < longest; s++) made.before[size_t(s) + 1] = made.before[size_t(s)] + made.active[size_t(s)];
  return made;
}

// The group of each row in `order`; its rows stand together.
void deal_out(Plan& made, const recurra_call& call, const std::vector<int32_t>& order) {
  const auto groups = int64_t(made.groups.size()), batch = call.batch;
  const auto group_of = [&](int64_t i) {
    if (!call.lengths) return i * groups / batch;
    const int64_t at = i % (2 * groups);  // there and back again, so that each has long and short ones
    return at < groups ? at : 2 * groups - 1 - at;
  };
  std::vector<int64_t> at(size_t(groups) + 1, 0);
  for (int64_t i = 0; i < batch; i++) at[size_t(group_of(i)) + 1]++;
  std::partial_sum(at.begin(), at.end(), at.begin());
  made.rows.resize(size_t(batch));
  for (int64_t g = 0; g < groups; g++) {
    Group& group = made.groups[size_t(g)];
    group.row = made.rows.data() + at[size_t(g)];
    group.count = at[size_t(g) + 1] - at[size_t(g)];
  }
  for (int64_t i = 0; i < batch; i++) made.rows[size_t(at[size_t(group_of(i))]++)] = order[size_t(i)];
}

// The steps of each group; without lengths those of as many rows are the same.
void name_steps(Plan& made, const recurra_call& call) {
  made.steps.reserve(made.groups.size());
  for (size_t g = 0; g < made.groups.size(); g++) {
    Group& group = made.groups[g];
    const auto alike = [&](const Group& other) { return !call.lengths && other.count == group.count; };
    const auto found = std::find_if(made.groups.begin(), made.groups.begin() + int64_t(g), alike);
    if (found != made.groups.begin() + int64_t(g)) {
      group.active = found->active;
      group.before = found->before;
      group.length = found->length;
      continue;
    }
    const Steps& own = made.steps.emplace_back(steps_of(group, call));
    group.active = own.active.data();
    group.before = own.before.data();
    group.length = int64_t(own.active.size()) - 1;
  }
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
  deal_out(made, call, order);
  name_steps(made, call);
  int64_t rows = 0;
  for (Group& group : made.groups) {
    group.packed = made.total;
    group.history = made.total + rows;
    made.total += group.before[size_t(group.steps())];
    rows += group.rows();
    made.most_rows = std::max(made.most_rows, group.rows());
  }
  return made;
}

}  // namespace recurra
