// Numbers into 8 bits. Compiled without fused multiply-adds, so that every variant rounds alike.
#include <algorithm>
#include <cmath>
#include <limits>

#include "bytes.hpp"
#include "extrema.hpp"

namespace recurra {
namespace {

using V = Vec<float>;
using I = Bits<float>;

constexpr int L = LANES<float>;
constexpr float LARGEST = 127.0f;

// Adding it leaves no room for a fraction: what is added is rounded, and its whole part stands in the low bits.
constexpr float ROUNDER = 0x1.8p23f;
constexpr int32_t ROUNDER_BITS = 0x4b400000;

// Vectors of smaller numbers are zero: the inverse of a scale would be infinite.
constexpr float SMALLEST = 0x1p-100f;

// The vector at u of n numbers, zeros past the last one.
RECURRA_INLINE V load_some(const float* from, int64_t u, int64_t n) {
  if (u + L <= n) return load(from + u);
  float some[L] = {};
  if (u < n) std::memcpy(some, from + u, size_t(n - u) * sizeof(float));
  return load(some);
}

template <class N>
RECURRA_INLINE void put(N* to, I values) {
  typedef N narrow __attribute__((vector_size(sizeof(N) * L)));
  const narrow found = __builtin_convertvector(values, narrow);
  std::memcpy(to, &found, sizeof found);
}

template <class N, int32_t OFFSET>
void quantise(char* at, const float* from, int64_t n) {
  V most{}, off{};
  for (int64_t u = 0; u < n; u += L) {
    const V x = load_some(from, u, n);
    most = larger<float>(most, larger<float>(x, -x));
    off += x * 0.0f;  // NaN where a number is not finite
  }
  float size = 0, wrong = 0;
  for (int i = 0; i < L; i++) {
    size = std::max(size, most[i]);
    wrong += off[i];
  }
  float scale = size / LARGEST, inverse = size < SMALLEST ? 0.0f : LARGEST / size;
  if (wrong != 0.0f) {
    scale = std::numeric_limits<float>::quiet_NaN();
    inverse = 0.0f;
  }
  std::memcpy(at, &scale, sizeof scale);
  N* const to = reinterpret_cast<N*>(at + BYTE_ROW_HEAD);
  const int64_t whole = (n + BYTE_ROW_STEP - 1) / BYTE_ROW_STEP * BYTE_ROW_STEP;
  for (int64_t u = 0; u < whole; u += L) {
    V x = load_some(from, u, n);
    if (wrong != 0.0f) x = V{};
    put(to + u, reinterpret_cast<I>(x * inverse + ROUNDER) - (ROUNDER_BITS - OFFSET));
  }
}

}  // namespace

void quantise_row(Byte* to, const float* from, int64_t n) {
  if (unsigned_quads())
    quantise<uint8_t, 128>(reinterpret_cast<char*>(to), from, n);
  else
    quantise<int16_t, 0>(reinterpret_cast<char*>(to), from, n);
}

void pack_bytes(const int8_t* m, const float* scales, int64_t rows, int64_t first, int64_t depth, Byte* panel) {
  constexpr int U = UNITS<float>;
  const int64_t here = std::min<int64_t>(U, rows - first), quads = (depth + QUAD - 1) / QUAD;
  const bool offset = unsigned_quads();
  auto* const scale = reinterpret_cast<float*>(panel);
  auto* const start = reinterpret_cast<int32_t*>(panel) + U;
  auto* const to = reinterpret_cast<int8_t*>(panel) + BYTE_PANEL_HEAD;
  for (int64_t u = 0; u < U; u++) {
    const bool inside = u < here;
    const int8_t* const row = m + (first + (inside ? u : 0)) * depth;
    scale[u] = inside ? scales[first + u] : 0.0f;
    int32_t sum = 0;
    for (int64_t q = 0; q < quads; q++) {
      int8_t quad[QUAD] = {};
      if (inside) std::memcpy(quad, row + q * QUAD, size_t(std::min(QUAD, depth - q * QUAD)));
      sum += quad[0] + quad[1] + quad[2] + quad[3];
      if (!offset) std::swap(quad[1], quad[2]);
      std::memcpy(to + (q * U + u) * QUAD, quad, QUAD);
    }
    start[u] = offset ? -128 * sum : 0;
  }
}

}  // namespace recurra
