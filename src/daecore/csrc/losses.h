/* Loss of an entry and, in *delta, its derivative by the pre-activation a; x is the clean value. */

INLINE vec loss_and_delta(int loss, int activation, vec a, vec x, vec *delta)
{
    if (loss == DAE_LOG_LOSS) {
        /* -x log z - (1 - x) log(1 - z) = softplus(a) - x a, with z = logistic(a): both from one
         * exponential of -|a|, so nothing overflows. relu(a) - x a is exactly 0 where x is 0 or 1
         * and right: what is left, log(1 + e), keeps its relative accuracy however small. */
        const vec e = exponential(minus_absolute(a));
        const vec one = e + (REAL)1, two = e + (REAL)2, inverse = (REAL)1 / (one * two);
        const vec upper = two * inverse; /* 1 / (1 + e); one division serves both */
        *delta = blend(a >= (REAL)0, upper, e * upper) - x;
        return (relu(a) - x * a) + twice_atanh(e * (one * inverse));
    }
    if (loss == DAE_POISSON) {
        /* half the deviance, z - x - x log(z / x) with z = exp(a): x (exp(t) - 1 - t) with
         * t = a - log x, which does not cancel near 0 */
        const ivec some = x > (REAL)0;
        const vec z = bounded_exponential(a), safe = blend(some, x, broadcast(1));
        const vec t = -maximum(broadcast((REAL)EXP_LOWEST), logarithm(safe) - a);
        *delta = z - x;
        return blend(some, safe * (exponential_less_one(t) - t), z);
    }
    const vec z = activate(activation, a), error = z - x;
    *delta = error * (REAL)2 * activation_derivative(activation, z);
    return error * error;
}
