// What this library was compiled for, and what the CPU can run.
#include "export.hpp"
#include "recurra.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/types.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace {

#ifdef __x86_64__

// Intel, Software Developer's Manual, vol. 2A, CPUID
namespace leaf1_ecx {
constexpr unsigned fma = 1u << 12, osxsave = 1u << 27;
}
namespace leaf7_ebx {
constexpr unsigned avx2 = 1u << 5, avx512f = 1u << 16, avx512dq = 1u << 17, avx512bw = 1u << 30, avx512vl = 1u << 31;
}
namespace leaf7_edx {
constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
}
namespace leaf7_1_eax {
constexpr unsigned avx512_bf16 = 1u << 5;
}
// vol. 1, XCR0: registers that the operating system keeps when it switches between processes
constexpr uint64_t kept_avx = 0x6, kept_avx512 = 0xe6, kept_amx = 0x60000;

struct Cpuid {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  Cpuid(unsigned leaf, unsigned part) { __get_cpuid_count(leaf, part, &eax, &ebx, &ecx, &edx); }
};

constexpr bool all(uint64_t found, uint64_t wanted) { return (found & wanted) == wanted; }

uint64_t kept_registers() {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

// Linux gives tile registers only to processes that asked for them (Documentation/arch/x86/xstate.rst).
bool tiles_allowed() {
#ifdef __linux__
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

const char* best_first() {
  const Cpuid one(1, 0), seven(7, 0), seven_one(7, 1);
  if (!all(one.ecx, leaf1_ecx::fma | leaf1_ecx::osxsave)) return "portable";
  const uint64_t kept = kept_registers();
  if (!all(seven.ebx, leaf7_ebx::avx2) || !all(kept, kept_avx)) return "portable";
  using namespace leaf7_ebx;
  if (!all(seven.ebx, avx512f | avx512dq | avx512bw | avx512vl) || !all(kept, kept_avx512)) return "avx2,portable";
  if (!all(seven_one.eax, leaf7_1_eax::avx512_bf16)) return "avx512,avx2,portable";
  const bool tiles =
      all(seven.edx, leaf7_edx::amx_tile | leaf7_edx::amx_bf16) && all(kept, kept_amx) && tiles_allowed();
  return tiles ? "amx,avx512bf16,avx512,avx2,portable" : "avx512bf16,avx512,avx2,portable";
}

#else

const char* best_first() { return "portable"; }

#endif

}  // namespace

RECURRA_EXPORT const char* recurra_machine(void) { return best_first(); }

RECURRA_EXPORT const char* recurra_variant(void) { return RECURRA_VARIANT; }

RECURRA_EXPORT int32_t recurra_abi(void) { return RECURRA_ABI; }

RECURRA_EXPORT int32_t recurra_bf16_in_hardware(void) {
#if defined(__AMX_BF16__) || defined(__AVX512BF16__)
  return 1;
#else
  return 0;
#endif
}
