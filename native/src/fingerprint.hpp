// A number that tells data from other data: against mistakes, not against intent.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace recurra {

// FNV-1a (Fowler, Noll & Vo) over 64-bit words, each value one word; the upper bits are folded down, for a product alone
// carries differences upwards only.
class Fingerprint {
 public:
  template <class V>
  void add(const V* values, int64_t count) {
    static_assert(std::is_trivially_copyable_v<V> && sizeof(V) <= 8);
    for (int64_t i = 0; i < count; i++) {
      uint64_t word = 0;
      std::memcpy(&word, values + i, sizeof(V));
      state_ = (state_ ^ word) * 0x100000001b3u;
      state_ ^= state_ >> 32;
    }
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0xcbf29ce484222325u;
};

}  // namespace recurra
