/* Memory for one call: zeros, on huge pages where there is much of it.
 *
 * A batch is read down its columns, a row in another page each: with pages of 4 KiB the sums over
 * the batch miss the first-level TLB all the time, and a call begins with thousands of page faults.
 */
#ifndef DAE_ALIGNED_H
#define DAE_ALIGNED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { DAE_LINE = 64, DAE_HUGE_PAGE = 2 << 20 };

/* The first address from `memory` on that is a multiple of `boundary`. */
static inline void *dae_aligned(void *memory, ptrdiff_t boundary)
{
    const uintptr_t b = (uintptr_t)boundary;
    return (void *)(((uintptr_t)memory + b - 1) / b * b);
}

/* `bytes` zeros from a cache line on; *to_free is for free(). NULL where there is no memory. */
static inline void *dae_zeros(size_t bytes, void **to_free)
{
    const int huge = bytes >= 2 * (size_t)DAE_HUGE_PAGE;
    const size_t boundary = huge ? DAE_HUGE_PAGE : DAE_LINE;
    if (bytes > SIZE_MAX - boundary)
        return NULL;
    *to_free = calloc(bytes + boundary, 1); /* this large it is fresh from the system, untouched */
    if (*to_free == NULL)
        return NULL;
    void *memory = dae_aligned(*to_free, (ptrdiff_t)boundary);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (huge)
        madvise(memory, bytes / DAE_HUGE_PAGE * DAE_HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return memory;
}

#endif
