/* A barrier for threads that meet every few microseconds and share the machine with others.
 *
 * Waits by polling, then sleeps. When all cores are free a barrier costs under a microsecond, and
 * it pays to poll for longer than the threads' work ever differs: whoever sleeps is late, and the
 * next to sleep is the other one. (784-500, two cores: up to 350 us of polling instead of 45 gave
 * 1.07x at batch 20, 1.14x at 128.) When another process has a core, the thread that waits must not
 * burn its own share of the machine: the scheduler gives it to whom the team waits for, and wakes a
 * sleeper at once. So a long poll in vain is followed by short ones, until 64 of these were in
 * vain, too; yielding instead of sleeping gave a third of the speed under load. (libgomp's own
 * barrier polls for milliseconds by default.)
 */
#ifndef DAE_BARRIER_H
#define DAE_BARRIER_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getcpu and the affinity calls */
#endif

#include <stdatomic.h>

#if defined(_WIN32)
#include <windows.h>
typedef SRWLOCK dae_lock;
typedef CONDITION_VARIABLE dae_bell;
#define DAE_LOCK_INIT(l) InitializeSRWLock(l)
#define DAE_BELL_INIT(c) InitializeConditionVariable(c)
#define DAE_LOCK(l) AcquireSRWLockExclusive(l)
#define DAE_UNLOCK(l) ReleaseSRWLockExclusive(l)
#define DAE_LOCK_FREE(l) ((void)0)
#define DAE_BELL_FREE(c) ((void)0)
#define DAE_SLEEP(c, l) SleepConditionVariableSRW(c, l, INFINITE, 0)
#define DAE_WAKE(c) WakeAllConditionVariable(c)
#else
#include <pthread.h>
#if defined(__linux__)
#include <sched.h>
#endif
typedef pthread_mutex_t dae_lock;
typedef pthread_cond_t dae_bell;
#define DAE_LOCK_INIT(l) pthread_mutex_init(l, NULL)
#define DAE_BELL_INIT(c) pthread_cond_init(c, NULL)
#define DAE_LOCK(l) pthread_mutex_lock(l)
#define DAE_UNLOCK(l) pthread_mutex_unlock(l)
#define DAE_LOCK_FREE(l) pthread_mutex_destroy(l)
#define DAE_BELL_FREE(c) pthread_cond_destroy(c)
#define DAE_SLEEP(c, l) pthread_cond_wait(c, l)
#define DAE_WAKE(c) pthread_cond_broadcast(c)
#endif

#if defined(__x86_64__)
#define DAE_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define DAE_PAUSE() __asm__ volatile("yield")
#else
#define DAE_PAUSE() ((void)0)
#endif

enum {
    DAE_MOST_THREADS = 256, /* as in dae/_core.py */
    DAE_SHORT_POLLS = 1000, /* 10 to 50 us, about what it costs to be woken */
    DAE_LONG_POLLS = 10000,
    DAE_SHORT_WAITS = 64
};

typedef struct {
    _Atomic int arrived;
    char padding[60]; /* the counter and the flag on cache lines of their own */
    _Atomic int phase;
    _Atomic int short_waits; /* short polls in vain that are left before a long one is tried */
    _Atomic int core[DAE_MOST_THREADS]; /* where each thread came from, -1 unknown */
    dae_lock lock;
    dae_bell bell;
} dae_barrier;

static inline void dae_barrier_init(dae_barrier *barrier)
{
    atomic_init(&barrier->arrived, 0);
    atomic_init(&barrier->phase, 0);
    atomic_init(&barrier->short_waits, 0);
    for (int thread = 0; thread < DAE_MOST_THREADS; thread++)
        atomic_init(&barrier->core[thread], -1);
    DAE_LOCK_INIT(&barrier->lock);
    DAE_BELL_INIT(&barrier->bell);
}

static inline void dae_barrier_destroy(dae_barrier *barrier)
{
    DAE_LOCK_FREE(&barrier->lock);
    DAE_BELL_FREE(&barrier->bell);
}

/* The core that the caller runs on; -1 where that is not to be known. */
static inline int dae_core(void)
{
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

/* If another thread of the team was last seen on the caller's core, the caller moves to a free one.
 *
 * A thread that is woken may be put on the core of the one that woke it. The two then take turns:
 * while one waits the other works, the scheduler sees one of them at a time and leaves them there.
 * Measured at 784-500, batch 128: every fourth call of 0.15 s ran at two thirds of the speed; with
 * the threads bound to cores none did. Binding would be worse where others have work for the cores,
 * so the thread may go anywhere again at once. */
static inline void dae_move_apart(const dae_barrier *barrier, int thread, int n_threads)
{
#if defined(__linux__)
    cpu_set_t allowed, rest;
    const int core = dae_core();
    int together = 0;
    if (core < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0 ||
        CPU_COUNT(&allowed) < n_threads)
        return;
    rest = allowed;
    for (int other = 0; other < n_threads; other++) {
        const int theirs = atomic_load_explicit(&barrier->core[other], memory_order_relaxed);
        if (other == thread || theirs < 0)
            continue;
        together |= theirs == core;
        CPU_CLR(theirs, &rest);
    }
    CPU_CLR(core, &rest);
    if (together && CPU_COUNT(&rest) > 0 && sched_setaffinity(0, sizeof rest, &rest) == 0)
        sched_setaffinity(0, sizeof allowed, &allowed);
#else
    (void)barrier, (void)thread, (void)n_threads;
#endif
}

/* Returns when all `n_threads` have called it. */
static inline void dae_barrier_wait(dae_barrier *barrier, int thread, int n_threads)
{
    if (n_threads == 1)
        return;
    const int phase = atomic_load_explicit(&barrier->phase, memory_order_relaxed);
    atomic_store_explicit(&barrier->core[thread], dae_core(), memory_order_relaxed);
    if (atomic_fetch_add_explicit(&barrier->arrived, 1, memory_order_acq_rel) == n_threads - 1) {
        atomic_store_explicit(&barrier->arrived, 0, memory_order_relaxed);
        DAE_LOCK(&barrier->lock);
        atomic_store_explicit(&barrier->phase, phase + 1, memory_order_release);
        DAE_WAKE(&barrier->bell);
        DAE_UNLOCK(&barrier->lock);
        return;
    }
    const int left = atomic_load_explicit(&barrier->short_waits, memory_order_relaxed);
    const int most_polls = left > 0 ? DAE_SHORT_POLLS : DAE_LONG_POLLS;
    for (int polls = 1; polls <= most_polls; polls++) {
        if (atomic_load_explicit(&barrier->phase, memory_order_acquire) != phase)
            return;
        DAE_PAUSE();
        if (polls == DAE_SHORT_POLLS)
            dae_move_apart(barrier, thread, n_threads);
    }
    atomic_store_explicit(&barrier->short_waits, left > 0 ? left - 1 : DAE_SHORT_WAITS,
                          memory_order_relaxed);
    DAE_LOCK(&barrier->lock);
    while (atomic_load_explicit(&barrier->phase, memory_order_acquire) == phase)
        DAE_SLEEP(&barrier->bell, &barrier->lock);
    DAE_UNLOCK(&barrier->lock);
    dae_move_apart(barrier, thread, n_threads);
}

#endif
