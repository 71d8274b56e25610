// Random numbers of dropout as few bits each, drawn elsewhere: what lies below an edge is kept.
#pragma once

#include <cstdint>

#include "simd.hpp"

namespace recurra {

// bits: 1, 8, 16 or 32 of each number, signed, one after the other in memory; of one bit 1 is kept. No words: all is kept.
template <class T>
struct Draws {
  const void* words;
  int32_t bits;
  int64_t edge;
  T scale;

  static bool known(int32_t bits) { return bits == 1 || bits == 8 || bits == 16 || bits == 32; }

  // to = from times what the numbers from `first` on make of it: scale or 0
  void apply(int64_t first, int64_t count, const T* from, T* to) const {
    if (!words) {
      if (from != to) std::copy_n(from, count, to);
    } else if (bits == 1) {
      bitwise(first, count, from, to);
    } else if (bits == 8) {
      below(static_cast<const int8_t*>(words) + first, count, from, to);
    } else if (bits == 16) {
      below(static_cast<const int16_t*>(words) + first, count, from, to);
    } else {
      below(static_cast<const int32_t*>(words) + first, count, from, to);
    }
  }

 private:
  template <class N>
  void below(const N* numbers, int64_t count, const T* from, T* to) const {
    const N least = N(edge);
    const T kept = scale;
    for (int64_t i = 0; i < count; i++) to[i] = from[i] * (numbers[i] < least ? kept : T(0));
  }

  void bitwise(int64_t first, int64_t count, const T* from, T* to) const {
    const auto* bytes = static_cast<const uint8_t*>(words);
    const auto one = [&](int64_t i) { to[i] = from[i] * ((bytes[(first + i) >> 3] >> ((first + i) & 7)) & 1 ? scale : T(0)); };
    constexpr int64_t L = LANES<T>;
    int64_t i = 0;
    for (; i < count && (first + i) % 16; i++) one(i);
    Bits<T> lane{};
    for (int64_t l = 0; l < L; l++) lane[l] = 1 << l;
    const Vec<T> kept = splat(scale);
    for (; i + 16 <= count; i += 16) {
      const uint8_t* const at = bytes + ((first + i) >> 3);
      const int32_t sixteen = at[0] | at[1] << 8;
      for (int64_t k = 0; k < 16; k += L) {
        const Bits<T> here = (Bits<T>{} + (sixteen >> k)) & lane;
        store(to + i + k, load(from + i + k) * select<T>(here != 0, kept, Vec<T>{}));
      }
    }
    for (; i < count; i++) one(i);
  }
};

}  // namespace recurra
