/* Which of the compiled SIMD levels this machine can run. Compiled without any level's flags.
 *
 * A level is offered only if the processor has every feature its flag lets the compiler use
 * (the psABI's x86-64-v2, -v3, -v4) and the operating system saves the registers. */
#include "kernels.h"

extern const dae_kernels dae_baseline_f32, dae_baseline_f64;
static const dae_level baseline = {"baseline", {&dae_baseline_f32}, &dae_baseline_f64};
#ifdef DAE_HAVE_NEON
extern const dae_kernels dae_neon_f32, dae_neon_f64;
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

extern const dae_kernels dae_x86_64_v3_f32, dae_x86_64_v3_f64;
extern const dae_kernels dae_x86_64_v4_f32, dae_x86_64_v4_f64;

extern const dae_kernels dae_x86_64_v4_bf16_f32;
extern const dae_kernels dae_x86_64_amx_f32, dae_x86_64_amx_high_f32, dae_x86_64_amx_medium_f32;

static int has(unsigned reg, unsigned bits) { return (reg & bits) == bits; }

/* 0 below x86-64-v2, else 2, 3 or 4 */
static int x86_64_version(void)
{
    unsigned a, b, c, d, b7, c7, d7, c_ext, state_low = 0, state_high;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return 0;
    /* SSE3, SSSE3, CX16, SSE4.1, SSE4.2, POPCNT */
    if (!has(c, 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23))
        return 0;
    /* FMA, MOVBE, OSXSAVE, AVX, F16C */
    if (!has(c, 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29))
        return 2;
    __asm__("xgetbv" : "=a"(state_low), "=d"(state_high) : "c"(0));
    if (!has(state_low, 0x6) || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d7) ||
        !__get_cpuid(0x80000001, &a, &b, &c_ext, &d))
        return 2;
    /* BMI1, AVX2, BMI2; LZCNT */
    if (!has(b7, 1u << 3 | 1u << 5 | 1u << 8) || !has(c_ext, 1u << 5))
        return 2;
    /* AVX512 F, DQ, CD, BW, VL, and their registers saved */
    if (!has(b7, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31) || !has(state_low, 0xE6))
        return 3;
    return 4;
}

static int has_bfloat16(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && has(a, 1u << 5);
}

/* Whether vdpbf16ps multiplies more than the instruction of float32 does in the time: twice as much
 * on AMD's processors (Zen 4), less on Intel's (Emerald Rapids; bench.kernels --only levels). */
static int bfloat16_pays(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx && c == signature_AMD_ecx &&
           d == signature_AMD_edx;
}

/* Whether the processor multiplies tiles of bfloat16 and the system lets this process use them, all
 * its threads. It has to be asked: the tiles are 8 KB more to save when threads are switched. */
static int has_matrix_unit(void)
{
#if defined(__linux__) && defined(SYS_arch_prctl)
    const long ask = 0x1023, tiles = 18; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
    unsigned a, b, c, d, state_low = 0, state_high;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(d, 1u << 22 | 1u << 24))
        return 0;
    __asm__("xgetbv" : "=a"(state_low), "=d"(state_high) : "c"(0));
    return has(state_low, 1u << 17 | 1u << 18) && syscall(SYS_arch_prctl, ask, tiles) == 0;
#else
    return 0;
#endif
}
#endif

int dae_available_levels(const dae_level *levels[8])
{
    int count = 0;
#if defined(__x86_64__)
    const int version = x86_64_version();
    if (version >= 2)
        levels[count++] = &baseline;
#ifdef DAE_HAVE_X86_64_V3
    static const dae_level v3 = {"x86_64_v3", {&dae_x86_64_v3_f32}, &dae_x86_64_v3_f64};
    if (version >= 3)
        levels[count++] = &v3;
#endif
#ifdef DAE_HAVE_X86_64_V4
    static const dae_level v4 = {"x86_64_v4", {&dae_x86_64_v4_f32}, &dae_x86_64_v4_f64};
#ifdef DAE_HAVE_X86_64_V4_BF16
    static const dae_level v4_bf16 = {"x86_64_v4_bf16",
                                      {[DAE_HIGHEST] = &dae_x86_64_v4_f32,
                                       [DAE_MEDIUM] = &dae_x86_64_v4_bf16_f32},
                                      &dae_x86_64_v4_f64};
    if (version >= 4 && has_bfloat16() && !bfloat16_pays())
        levels[count++] = &v4_bf16;
#endif
    if (version >= 4)
        levels[count++] = &v4;
#ifdef DAE_HAVE_X86_64_V4_BF16
    if (version >= 4 && has_bfloat16() && bfloat16_pays())
        levels[count++] = &v4_bf16;
#endif
#endif
#if defined(DAE_HAVE_X86_64_AMX) && defined(DAE_HAVE_X86_64_V4)
    static const dae_level amx = {"x86_64_amx",
                                  {[DAE_HIGHEST] = &dae_x86_64_amx_f32,
#if defined(DAE_HAVE_X86_64_AMX_HIGH) && defined(DAE_HAVE_X86_64_AMX_MEDIUM)
                                   [DAE_HIGH] = &dae_x86_64_amx_high_f32,
                                   [DAE_MEDIUM] = &dae_x86_64_amx_medium_f32
#endif
                                  },
                                  &dae_x86_64_v4_f64};
    if (version >= 4 && has_bfloat16() && has_matrix_unit())
        levels[count++] = &amx;
#endif
#else
    levels[count++] = &baseline;
#ifdef DAE_HAVE_NEON
    static const dae_level neon = {"neon", {&dae_neon_f32}, &dae_neon_f64};
    levels[count++] = &neon; /* every AArch64 processor has it */
#endif
#endif
    return count;
}
