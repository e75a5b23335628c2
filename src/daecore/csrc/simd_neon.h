/* AArch64's instructions for what the vector extensions have no operator for (simd.h). */
#include <arm_neon.h>

INLINE vec square_root(vec v)
{
    return REAL_IS_FLOAT ? (vec)vsqrtq_f32((float32x4_t)v) : (vec)vsqrtq_f64((float64x2_t)v);
}

INLINE vec maximum(vec a, vec b) { return blend(a > b, a, b); }

/* There is no product of 64-bit lanes: compilers do `a * b` with scalars. */
INLINE wide multiply_low(wide a, wide b)
{
    return (wide)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}

#if REAL_IS_FLOAT
/* Bytes of the lanes whose bit is set, in order; the rest is 0. */
#define LANE(i) 4 * (i), 4 * (i) + 1, 4 * (i) + 2, 4 * (i) + 3
/* clang-format off */
static const uint8_t lanes_of_bits[16][16] = {
    {0},       {LANE(0)},          {LANE(1)},          {LANE(0), LANE(1)},
    {LANE(2)}, {LANE(0), LANE(2)}, {LANE(1), LANE(2)}, {LANE(0), LANE(1), LANE(2)},
    {LANE(3)}, {LANE(0), LANE(3)}, {LANE(1), LANE(3)}, {LANE(0), LANE(1), LANE(3)},
    {LANE(2), LANE(3)}, {LANE(0), LANE(2), LANE(3)}, {LANE(1), LANE(2), LANE(3)},
    {LANE(0), LANE(1), LANE(2), LANE(3)}};
/* clang-format on */
#undef LANE

INLINE int32_t pick_nonzero(vec x, int32_t first, int32_t *columns, REAL *values)
{
    const ivec lane = {0, 1, 2, 3}, bit = {1, 2, 4, 8};
    const ivec set = (x != (REAL)0) & bit; /* of NaN, too */
    const unsigned bits = vaddvq_u32((uint32x4_t)set);
    const uint8x16_t order = vld1q_u8(lanes_of_bits[bits]);
    vst1q_u8((uint8_t *)values, vqtbl1q_u8((uint8x16_t)x, order));
    vst1q_u8((uint8_t *)columns, vqtbl1q_u8((uint8x16_t)(lane + first), order));
    return __builtin_popcount(bits);
}
#endif
