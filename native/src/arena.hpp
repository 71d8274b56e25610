// Arrays of a call, in one buffer.
#pragma once

#include <cstdint>

#include "pool.hpp"

namespace recurra {

// Places arrays in one buffer; first run without memory to learn how much it takes. Between arrays that are `apart`
// and behind the last one the checker of memory, where there is one, allows no access.
class Arena {
 public:
  explicit Arena(void* memory = nullptr, int64_t apart = 0) : at_(static_cast<char*>(memory)), apart_(apart) {}
  template <class T>
  T* take(int64_t count) {
    T* const here = reinterpret_cast<T*>(at_ + used_);
    const int64_t size = count * int64_t(sizeof(T)), next = used_ + (size + 63) / 64 * 64 + apart_;
    if (at_ && apart_ > 0) forbid(at_ + used_ + size, next - used_ - size);
    used_ = next;
    return here;
  }
  int64_t used() const { return used_; }

 private:
  char* at_;
  int64_t apart_;
  int64_t used_ = 0;
};

// Memory for all that `allocate` takes; without data() where there was no memory.
template <class Allocate>
Buffer allocated(Allocate allocate) {
  constexpr int64_t APART = CHECKED ? 64 : 0;
  Arena measure(nullptr, APART);
  allocate(measure);
  Buffer room(measure.used());
  if (room.data()) {
    Arena from(room.data(), APART);
    allocate(from);
  }
  return room;
}

}  // namespace recurra
