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

/* Memory that was got by dae_zeros, for dae_release. */
typedef struct {
    void *start;
    size_t bytes; /* of a mapping; 0: from calloc */
} dae_memory;

/* `bytes` zeros from a cache line on, NULL where there is no memory. What is large is mapped afresh:
 * calloc would write zeros into all of it, also into what is never used. */
static inline void *dae_zeros(size_t bytes, dae_memory *memory)
{
    memory->bytes = 0;
    if (bytes > SIZE_MAX - DAE_HUGE_PAGE)
        return memory->start = NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes >= 2 * (size_t)DAE_HUGE_PAGE) {
        const size_t length = bytes + DAE_HUGE_PAGE;
        void *start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == MAP_FAILED)
            return memory->start = NULL;
        memory->start = start;
        memory->bytes = length;
        void *aligned = dae_aligned(start, DAE_HUGE_PAGE);
        madvise(aligned, bytes / DAE_HUGE_PAGE * DAE_HUGE_PAGE, MADV_HUGEPAGE);
        return aligned;
    }
#endif
    memory->start = calloc(bytes + DAE_LINE, 1);
    return memory->start ? dae_aligned(memory->start, DAE_LINE) : NULL;
}

static inline void dae_release(dae_memory *memory)
{
#if defined(__linux__)
    if (memory->bytes) {
        munmap(memory->start, memory->bytes);
        return;
    }
#endif
    free(memory->start);
}

#endif
