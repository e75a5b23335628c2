/* Numbers below 1e-38 (float) are taken as 0 while a thread trains or corrupts, whatever it was set
 * to: moments of units that get no gradient decay into that range, where each operation traps into
 * a slow path (a hundred cycles). The thread's own setting is put back afterwards. */
#ifndef DAE_DENORMALS_H
#define DAE_DENORMALS_H

#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
static inline uint64_t dae_flush_denormals(void)
{
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* flush to zero, denormals are zero */
    return before;
}
static inline void dae_restore_denormals(uint64_t before) { _mm_setcsr((unsigned)before); }
#elif defined(__aarch64__)
static inline uint64_t dae_flush_denormals(void)
{
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | UINT64_C(1) << 24));
    return before;
}
static inline void dae_restore_denormals(uint64_t before)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
}
#else
static inline uint64_t dae_flush_denormals(void) { return 0; }
static inline void dae_restore_denormals(uint64_t before) { (void)before; }
#endif

#endif
