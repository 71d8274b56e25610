#include "pool.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include "export.hpp"
#include "recurra.h"

namespace recurra {
namespace {

constexpr int64_t HUGE_PAGE = 2 << 20;

struct Pool {
  std::mutex mutex;
  std::multimap<int64_t, void*> free;  // by size
  int64_t kept = 0, limit = int64_t(1) << 30;
  bool fill = false;

  void shrink(int64_t to) {
    while (kept > to && !free.empty()) {
      const auto largest = std::prev(free.end());
      kept -= largest->first;
      std::free(largest->second);
      free.erase(largest);
    }
  }
};

Pool* made();

Pool& pool() {
  static Pool* const one = made();  // never destroyed: tensors may outlive every static
  return *one;
}

// A process may be forked while another of its threads is in here; the child has no such thread to let it go.
Pool* made() {
  Pool* const one = new Pool;
  pthread_atfork([] { pool().mutex.lock(); }, [] { pool().mutex.unlock(); }, [] { pool().mutex.unlock(); });
  return one;
}

// Sizes in steps of an eighth, so that calls of almost one size share their memory.
int64_t stepped(int64_t bytes) {
  if (CHECKED) return bytes;
  int64_t step = 4096;
  while (step * 16 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

void* fresh(int64_t bytes) {
  const bool huge = bytes >= 2 * HUGE_PAGE && !CHECKED;
  void* data = nullptr;
  if (posix_memalign(&data, size_t(huge ? HUGE_PAGE : CHECKED ? 64 : 4096), size_t(bytes)) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
#ifdef MADV_HUGEPAGE  // not on macOS
  if (data && huge) madvise(data, size_t(bytes), MADV_HUGEPAGE);
#endif
#endif
  return data;
}

}  // namespace

Buffer::Buffer(int64_t bytes) {
  if (bytes < 0 || bytes > (int64_t(1) << 46)) return;
  Pool& p = pool();
  size_ = stepped(bytes > 0 ? bytes : 1);
  if (size_ >= 2 * HUGE_PAGE && !CHECKED) size_ = (size_ + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  bool fill;
  {
    const std::lock_guard lock(p.mutex);
    fill = p.fill;
    const auto found = p.free.find(size_);
    if (found != p.free.end()) {
      data_ = found->second;
      p.kept -= size_;
      p.free.erase(found);
    }
  }
  if (!data_) data_ = fresh(size_);
  if (data_ && fill) std::memset(data_, 0xff, size_t(size_));  // all bits set is a NaN of either type
}

Buffer::~Buffer() {
  if (!data_) return;
  Pool& p = pool();
  const std::lock_guard lock(p.mutex);
  p.free.emplace(size_, data_);
  p.kept += size_;
  p.shrink(CHECKED ? 0 : p.limit);
}

}  // namespace recurra

using namespace recurra;

// The layout that DLPack fixes for every program that exchanges tensors (version 0.8 and earlier).
namespace {

struct Tensor {
  void* data;
  int32_t device_type, device_id, dimensions;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};

struct ManagedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(ManagedTensor*);
};

struct Lent {
  ManagedTensor managed;
  Buffer buffer;
  int64_t shape;
};

}  // namespace

RECURRA_EXPORT void* recurra_buffer(int64_t bytes) {
  if (bytes < 0) return nullptr;
  try {
    auto* lent = new Lent{{}, Buffer(bytes), bytes};
    if (!lent->buffer.data()) {
      delete lent;
      return nullptr;
    }
    lent->managed.tensor = {lent->buffer.data(), 1 /* CPU */, 0, 1, 1 /* unsigned */, 8, 1, &lent->shape, nullptr, 0};
    lent->managed.context = lent;
    lent->managed.deleter = [](ManagedTensor* self) { delete static_cast<Lent*>(self->context); };
    return &lent->managed;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

RECURRA_EXPORT void recurra_fill_nan(int on) {
  const std::lock_guard lock(pool().mutex);
  pool().fill = on != 0;
}

RECURRA_EXPORT void recurra_pool_limit(int64_t bytes) {
  const std::lock_guard lock(pool().mutex);
  pool().limit = bytes;
  pool().shrink(bytes);
}
