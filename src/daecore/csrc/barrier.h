/* A barrier for threads that meet every few microseconds and share the machine with others.
 *
 * Waits by polling for a moment, then gives the processor away between polls: a step's two
 * barriers cost under a microsecond when all cores are free, and a core that another process
 * needs is not burnt. (libgomp's own barrier polls for milliseconds by default.)
 */
#ifndef DAE_BARRIER_H
#define DAE_BARRIER_H

#include <stdatomic.h>

#if defined(_WIN32)
#include <windows.h>
#define DAE_YIELD() SwitchToThread()
#else
#include <sched.h>
#define DAE_YIELD() sched_yield()
#endif

#if defined(__x86_64__)
#define DAE_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define DAE_PAUSE() __asm__ volatile("yield")
#else
#define DAE_PAUSE() ((void)0)
#endif

enum { DAE_POLLS = 200 }; /* about 10 us */

typedef struct {
    _Atomic int arrived;
    char padding[60]; /* the counter and the flag on cache lines of their own */
    _Atomic int phase;
} dae_barrier;

static inline void dae_barrier_init(dae_barrier *barrier)
{
    atomic_init(&barrier->arrived, 0);
    atomic_init(&barrier->phase, 0);
}

/* Returns when all `n_threads` have called it. */
static inline void dae_barrier_wait(dae_barrier *barrier, int n_threads)
{
    if (n_threads == 1)
        return;
    const int phase = atomic_load_explicit(&barrier->phase, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&barrier->arrived, 1, memory_order_acq_rel) == n_threads - 1) {
        atomic_store_explicit(&barrier->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&barrier->phase, phase + 1, memory_order_release);
        return;
    }
    for (int polls = 0; atomic_load_explicit(&barrier->phase, memory_order_acquire) == phase; polls++) {
        if (polls < DAE_POLLS)
            DAE_PAUSE();
        else
            DAE_YIELD();
    }
}

#endif
