// The kernel of products in 8 bits: a block of rows times a packed panel, exact sums in registers.
#include "bytes.hpp"
#include "kernel.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace recurra {
namespace {

using V = Vec<float>;
using I = Bits<float>;

constexpr int L = LANES<float>, U = UNITS<float>;

#if defined(__x86_64__) && RECURRA_VECTOR_BYTES == 64 && defined(__AVX512F__) && defined(RECURRA_ASSEMBLES_VNNI)
#define RECURRA_VNNI
#define RECURRA_DOT "vpdpbusd %2, %1, %0"
bool found_vnni() {  // AVX512_VNNI; Intel, Software Developer's Manual, vol. 2A, CPUID
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ecx >> 11 & 1);
}
#elif defined(__x86_64__) && RECURRA_VECTOR_BYTES == 32 && defined(__AVX2__) && defined(RECURRA_ASSEMBLES_VNNI)
#define RECURRA_VNNI
#define RECURRA_DOT "%{vex%} vpdpbusd %2, %1, %0"
bool found_vnni() {  // AVX-VNNI
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1);
}
#else
bool found_vnni() { return false; }
#endif

RECURRA_INLINE I splat_bits(int32_t value) { return value - I{}; }

#if defined(RECURRA_VNNI)
// Four products of 8 bits a sum. The instruction itself, so that a library needs no more of a machine than its variant.
struct Quads {
  static constexpr int64_t QUAD_BYTES = 4;
  struct Panel {
    I all;
  };
  static RECURRA_INLINE Panel prepared(I b) { return {b}; }
  struct Vector {
    I all;
  };
  static RECURRA_INLINE Vector spread(const char* a) {
    int32_t quad;
    std::memcpy(&quad, a, 4);
    return {splat_bits(quad)};
  }
  static RECURRA_INLINE void add(I& sum, Vector a, Panel b) { asm(RECURRA_DOT : "+v"(sum) : "v"(a.all), "v"(b.all)); }
};
#endif

typedef int16_t Shorts __attribute__((vector_size(RECURRA_VECTOR_BYTES)));

// The sums of two products of 16 bits in each 32.
RECURRA_INLINE I pairs(I a, I b) {
#if RECURRA_VECTOR_BYTES == 64 && defined(__AVX512BW__)
  return (I)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif RECURRA_VECTOR_BYTES == 32 && defined(__AVX2__)
  return (I)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif RECURRA_VECTOR_BYTES == 16 && defined(__SSE2__)
  return (I)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  return ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

// The same by 16 bits, in which nothing saturates.
struct Pairs {
  static constexpr int64_t QUAD_BYTES = 8;
  struct Panel {
    I first, second;
  };
  static RECURRA_INLINE Panel prepared(I b) {
    const Shorts shorts = reinterpret_cast<Shorts>(b);
    return {reinterpret_cast<I>((shorts << 8) >> 8), reinterpret_cast<I>(shorts >> 8)};
  }
  struct Vector {
    I first, second;
  };
  static RECURRA_INLINE Vector spread(const char* a) {
    int32_t two[2];
    std::memcpy(two, a, 8);
    return {splat_bits(two[0]), splat_bits(two[1])};
  }
  static RECURRA_INLINE void add(I& sum, Vector a, Panel b) { sum += pairs(a.first, b.first) + pairs(a.second, b.second); }
};

typedef int32_t unaligned_bits __attribute__((vector_size(RECURRA_VECTOR_BYTES), aligned(4), may_alias));

template <class Dot, int ROWS>
__attribute__((noinline)) void block(const PanelProduct<float, Byte>& p, Fetch fetch) {
  constexpr int STRANDS = ROWS == 1 ? 4 : ROWS <= 3 ? 2 : 1;
  const char* const rows = reinterpret_cast<const char*>(p.a);
  const int64_t row = p.a_row, quads = (p.depth + QUAD - 1) / QUAD;
  const float* const scales = reinterpret_cast<const float*>(p.panel);
  const int32_t* const starts = reinterpret_cast<const int32_t*>(p.panel) + U;
  const char* panel = reinterpret_cast<const char*>(p.panel) + BYTE_PANEL_HEAD;
  const char* a = rows + BYTE_ROW_HEAD;
  I sum[STRANDS][ROWS][2];
  const auto bits = [](const void* at) __attribute__((always_inline)) {
    return I(*static_cast<const unaligned_bits*>(at));
  };
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++) {
    sum[0][i][0] = bits(starts);
    sum[0][i][1] = bits(starts + L);
#pragma GCC unroll 4
    for (int s = 1; s < STRANDS; s++) sum[s][i][0] = sum[s][i][1] = I{};
  }
  const char* third = a + 3 * row;
  const char* sixth = a + 6 * row;
  const char* ninth = a + 9 * row;
  auto one = [&](int s, int64_t at, int64_t b_at) __attribute__((always_inline)) {
    const auto b0 = Dot::prepared(bits(panel + b_at)), b1 = Dot::prepared(bits(panel + b_at + RECURRA_VECTOR_BYTES));
    each<ROWS>([&](auto number) __attribute__((always_inline)) {
      constexpr int i = number;
      const char* const from = i < 3 ? a : i < 6 ? third : i < 9 ? sixth : ninth;
      const auto all = Dot::spread(from + (i % 3) * row + at);
      Dot::add(sum[s][i][0], all, b0);
      Dot::add(sum[s][i][1], all, b1);
    });
  };
  constexpr int STEPS = 4;
  int64_t k = 0;
  for (; k + STEPS <= quads; k += STEPS) {
    for (int l = 0; l < fetch.lines; l++) __builtin_prefetch(fetch.at + l * 64, 0, 2);
    fetch.at += fetch.lines * 64;
#pragma GCC unroll 4
    for (int u = 0; u < STEPS; u++) one(u % STRANDS, u * Dot::QUAD_BYTES, u * U * QUAD);
    panel += STEPS * U * QUAD;
    a += STEPS * Dot::QUAD_BYTES;
    third += STEPS * Dot::QUAD_BYTES;
    sixth += STEPS * Dot::QUAD_BYTES;
    ninth += STEPS * Dot::QUAD_BYTES;
  }
  for (; k < quads; k++) {
    one(0, 0, 0);
    panel += U * QUAD;
    a += Dot::QUAD_BYTES;
    third += Dot::QUAD_BYTES;
    sixth += Dot::QUAD_BYTES;
    ninth += Dot::QUAD_BYTES;
  }
  const V scale0 = load(scales), scale1 = load(scales + L);
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++) {
#pragma GCC unroll 4
    for (int s = 1; s < STRANDS; s++) {
      sum[0][i][0] += sum[s][i][0];
      sum[0][i][1] += sum[s][i][1];
    }
    float own;
    std::memcpy(&own, rows + i * row, sizeof own);
    V c0 = __builtin_convertvector(sum[0][i][0], V) * (scale0 * own);
    V c1 = __builtin_convertvector(sum[0][i][1], V) * (scale1 * own);
    float* const c = p.c + i * p.c_row;
    if (p.start != Start::zero) {
      const float* const from = p.start == Start::sums ? c : p.rows[i] + p.column;
      c0 += load(from);
      c1 += load(from + L);
    }
    store(c, c0);
    store(c + L, c1);
  }
}

template <class Dot, int ROWS = BLOCK_ROWS>
RECURRA_INLINE void block_of(int n, const PanelProduct<float, Byte>& p, Fetch fetch) {
  if (ROWS > 1 && n != ROWS) {
    constexpr int FEWER = ROWS == 1 ? 1 : ROWS - 1;
    block_of<Dot, FEWER>(n, p, fetch);
  } else {
    block<Dot, ROWS>(p, fetch);
  }
}

template <class Dot>
void product(int64_t m, const PanelProduct<float, Byte>& p) {
  PanelProduct<float, Byte> here = p;
  Ahead ahead(p.panel, BYTE_PANEL_HEAD + (p.depth + QUAD - 1) / QUAD * QUAD * U, m);
  for (int64_t i = 0; i < m;) {
    const int n = recurra::block_rows(i, m);
    block_of<Dot>(n, here, ahead.step());
    i += n;
    here.a += n * p.a_row;
    here.c += n * p.c_row;
    if (here.rows) here.rows += n;
  }
}

}  // namespace

bool unsigned_quads() {
  static const bool found = found_vnni();
  return found;
}

void rows_by_byte_panel(int64_t m, const PanelProduct<float, Byte>& p) {
#if defined(RECURRA_VNNI)
  if (unsigned_quads()) return product<Quads>(m, p);
#endif
  product<Pairs>(m, p);
}

}  // namespace recurra
