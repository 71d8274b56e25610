// Memory that is kept between calls: fresh pages cost more than many a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace recurra {

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
