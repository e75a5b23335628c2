/* Memory for one call, on a cache line. */
#ifndef DAE_ALIGNED_H
#define DAE_ALIGNED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { DAE_LINE = 64 };

/* `bytes` from a cache line on, zeros if asked for; *to_free is for free(). NULL where there is no
 * memory. Plain malloc: the next call finds the same pages again. Fresh mappings on huge pages,
 * tried for every call, cost up to half of the speed at batch 512 where memory was fragmented. */
static inline void *dae_allocate(size_t bytes, int zeros, void **to_free)
{
    if (bytes > SIZE_MAX - DAE_LINE)
        return *to_free = NULL;
    *to_free = zeros ? calloc(bytes + DAE_LINE, 1) : malloc(bytes + DAE_LINE);
    const uintptr_t line = DAE_LINE, start = (uintptr_t)*to_free;
    return start ? (void *)((start + line - 1) / line * line) : NULL;
}

#endif
