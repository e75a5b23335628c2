/* exp, log, tanh, logistic and the activations made of them, lane by lane, no branches.
 *
 * Largest error found against long double over 10^7 points (tests/test_core_functions.py holds
 * them to it): logistic and tanh 4 ulp, softplus 5 ulp, float and double alike. The
 * exponential is only taken of numbers up to 87 (float) and 708 (double); below minus these it has
 * the value it has there. NaN stays NaN.
 */

#if REAL_IS_FLOAT
#define EXP_LOWEST (-87.0f)
#define EXP_TERMS 7           /* r^8 / 8! < 2^-27 for |r| <= ln 2 / 2 */
#define ATANH_TERMS 7         /* s^14 / 15 < 2^-25 for s <= 1/3 */
#define LN2_HIGH 0x1.62e4p-1f /* few enough bits that k * LN2_HIGH is exact */
#define LN2_LOW 0x1.7f7d1cp-20f
#define ROUNDING 0x1.8p23f /* adding and taking it off rounds to an integer */
#else
#define EXP_LOWEST (-708.0)
#define EXP_TERMS 13
#define ATANH_TERMS 16
#define LN2_HIGH 0x1.62e42fee00000p-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define ROUNDING 0x1.8p52
#endif

/* clang-format off */
static const REAL inverse_factorial[] = {
    1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
    1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0};
/* clang-format on */

/* x = k ln 2 + r, x <= -EXP_LOWEST; returns exp(r) - 1 and, in *power, 2^k. */
INLINE vec exp_parts(vec x, vec *power)
{
    x = maximum(broadcast((REAL)EXP_LOWEST), x);
    const vec shifted = x * (REAL)0x1.71547652b82fep+0 + ROUNDING;
    const vec k = shifted - ROUNDING;
    const vec r = (x - k * LN2_HIGH) - k * LN2_LOW;
    vec sum = broadcast(inverse_factorial[EXP_TERMS]);
    UNROLL for (int i = EXP_TERMS - 1; i >= 1; i--)
        sum = sum * r + inverse_factorial[i];
    /* the integer k stands in the low bits of `shifted` */
    const ivec bias = (ivec)broadcast((REAL)ROUNDING);
    const ivec exponent =
        (((ivec)shifted - bias) + (word)((1 << (8 * sizeof(REAL) - 2 - MANTISSA_BITS)) - 1));
    *power = (vec)(exponent << MANTISSA_BITS);
    return sum * r;
}

INLINE vec exponential(vec x)
{
    vec power;
    const vec less_one = exp_parts(x, &power);
    return less_one * power + power;
}

/* exp(a) of any a: up to 6e37 in float, so that what is too large is seen by its loss */
INLINE vec bounded_exponential(vec a)
{
    return exponential(-maximum(broadcast((REAL)EXP_LOWEST), -a));
}

/* exp(x) - 1, without cancellation near 0 */
INLINE vec exponential_less_one(vec x)
{
    vec power;
    const vec less_one = exp_parts(x, &power);
    return less_one * power + (power - (REAL)1);
}

/* 2 atanh(s) = 2 (s + s^3 / 3 + s^5 / 5 + ...), |s| <= 1/3. With it log(1 + e) is
 * 2 atanh(e / (2 + e)) for e in [0, 1]. */
INLINE vec twice_atanh(vec s)
{
    const vec square = s * s;
    vec sum = broadcast((REAL)(2.0 / (2 * ATANH_TERMS + 1)));
    UNROLL for (int i = ATANH_TERMS - 1; i >= 1; i--)
        sum = sum * square + (REAL)(2.0 / (2 * i + 1));
    return (sum * square) * s + (s + s);
}

/* log(x) for normal positive x: x = 2^k f with f in [1/sqrt 2, sqrt 2) */
INLINE vec logarithm(vec x)
{
    const word half_bits = ((word)1 << MANTISSA_BITS);
    const ivec root_half = (ivec)broadcast((REAL)0.70710678118654752440);
    const ivec k = ((ivec)x - root_half) >> MANTISSA_BITS;
    const vec f = (vec)((ivec)x - k * half_bits);
    const vec s = (f - (REAL)1) / (f + (REAL)1);
    const vec kf = __builtin_convertvector(k, vec);
    return kf * (REAL)LN2_HIGH + (kf * (REAL)LN2_LOW + twice_atanh(s));
}

/* exp(-a) may be large: what it is rounded by, the quotient is */
INLINE vec logistic(vec a)
{
    const vec bounded = maximum(broadcast((REAL)EXP_LOWEST), a);
    return (REAL)1 / (exponential(-bounded) + (REAL)1);
}

/* tanh |a| = -t / (2 + t), t = exp(-2 |a|) - 1 */
INLINE vec hyperbolic_tangent(vec a)
{
    const vec t = exponential_less_one((REAL)2 * minus_absolute(a));
    const vec size = t / (t + (REAL)2); /* minus tanh |a| */
    return blend(a >= (REAL)0, -size, size);
}

/* NaN passes, as it does in numpy.maximum */
INLINE vec relu(vec a) { return maximum((vec){0}, a); }

/* g(a); of DAE_SOFTMAX, which takes whole rows (multinomial.h), a itself. `kind` is the same for all calls of a loop: the branch is predicted. */
INLINE vec activate(int kind, vec a)
{
    switch (kind) {
    case DAE_LOGISTIC: return logistic(a);
    case DAE_TANH: return hyperbolic_tangent(a);
    case DAE_RELU: return relu(a);
    case DAE_EXP: return bounded_exponential(a);
    default: return a;
    }
}

/* g'(a), from g = g(a) */
INLINE vec activation_derivative(int kind, vec g)
{
    switch (kind) {
    case DAE_LOGISTIC: return g * ((REAL)1 - g);
    case DAE_TANH: return (REAL)1 - g * g;
    case DAE_RELU: return blend(g > (REAL)0, broadcast(1), broadcast(0));
    case DAE_EXP: return g;
    default: return broadcast(1);
    }
}
