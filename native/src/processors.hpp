// How large a team of threads may be.
#pragma once

#include <cstdint>

namespace recurra {

// Of one team, whatever is asked for.
inline constexpr int MOST_THREADS = 1024;

// Multiply-adds that are worth waking a thread for: what one does in some ten microseconds.
inline constexpr int64_t WORTH_A_THREAD = 100'000;

// Threads that can run at once; asked anew once a second.
int processors();

// Threads for so many multiply-adds: as asked, but no more than there are processors or than are worth it.
int team_size(int asked, int64_t work);

}  // namespace recurra
