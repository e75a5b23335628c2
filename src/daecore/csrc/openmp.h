/* OpenMP's calls, and what they answer in a build without it. */
#ifndef DAE_OPENMP_H
#define DAE_OPENMP_H

#ifdef _OPENMP
#include <omp.h>
static inline int dae_thread(void) { return omp_get_thread_num(); }
static inline int dae_team_size(void) { return omp_get_num_threads(); }
static inline int dae_max_threads(void) { return omp_get_max_threads(); }
static inline int dae_openmp(void) { return 1; }
#else
static inline int dae_thread(void) { return 0; }
static inline int dae_team_size(void) { return 1; }
static inline int dae_max_threads(void) { return 1; }
static inline int dae_openmp(void) { return 0; }
#endif

#endif
