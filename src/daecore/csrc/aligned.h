#ifndef DAE_ALIGNED_H
#define DAE_ALIGNED_H

#include <stddef.h>
#include <stdint.h>

/* The first address from `memory` on that is a multiple of `boundary`. */
static inline void *dae_aligned(void *memory, ptrdiff_t boundary)
{
    const uintptr_t b = (uintptr_t)boundary;
    return (void *)(((uintptr_t)memory + b - 1) / b * b);
}

#endif
