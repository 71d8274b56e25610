// Memory that is kept between calls: fresh pages cost more than many a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RECURRA_CHECKED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RECURRA_CHECKED
#endif
#ifdef RECURRA_CHECKED
#include <sanitizer/asan_interface.h>
#endif

namespace recurra {

using std::size_t;

// Whether the compiler checks each access to memory. Buffers are then of their exact size, nothing is kept between
// calls, and nobody may touch what was forbidden until its buffer goes.
#ifdef RECURRA_CHECKED
inline constexpr bool CHECKED = true;
inline void forbid(void* at, int64_t bytes) { __asan_poison_memory_region(at, size_t(bytes)); }
#else
inline constexpr bool CHECKED = false;
inline void forbid(void*, int64_t) {}
#endif

// 64-byte aligned memory from the pool, given back when this goes. data() is nullptr where there was none.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t bytes);
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  void* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  void* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace recurra
