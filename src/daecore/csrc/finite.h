/* Whether numbers are neither NaN nor infinite: whether no exponent is all ones. */
#ifndef DAE_FINITE_H
#define DAE_FINITE_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) dae_bits32;
typedef uint64_t __attribute__((may_alias)) dae_bits64;

/* One added to an exponent of ones carries into the bit of the sign. No branch: it is vectorised.
 * */
static inline int dae_all_finite_32(const void *values, ptrdiff_t count)
{
    const dae_bits32 *x = values;
    uint32_t carries = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        carries |= (x[i] & 0x7fffffff) + 0x00800000;
    return !(carries >> 31);
}

static inline int dae_all_finite_64(const void *values, ptrdiff_t count)
{
    const dae_bits64 *x = values;
    uint64_t carries = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        carries |= (x[i] & 0x7fffffffffffffff) + 0x0010000000000000;
    return !(carries >> 63);
}

#endif
