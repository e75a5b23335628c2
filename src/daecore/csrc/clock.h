/* Seconds on a clock that never goes back. */
#ifndef DAE_CLOCK_H
#define DAE_CLOCK_H

#if defined(_WIN32)
#include <windows.h>
static inline double dae_seconds(void) { return 1e-3 * (double)GetTickCount64(); }
#else
#include <time.h>
static inline double dae_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
#endif

#endif
