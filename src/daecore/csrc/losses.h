/* Loss of an entry and, in *delta, its derivative by the pre-activation a; x is the clean value. */

INLINE vec loss_and_delta(int loss, int activation, vec a, vec x, vec *delta)
{
    if (loss == DAE_LOG_LOSS) {
        /* -x log z - (1 - x) log(1 - z) = softplus(a) - x a, with z = logistic(a): both from one
         * exponential of -|a|, so nothing overflows and nothing is lost near z = 0 or 1 */
        const vec e = exponential(-absolute(a));
        *delta = logistic_of(a, e) - x;
        return softplus_of(a, e) - x * a;
    }
    const vec z = activate(activation, a), error = z - x;
    *delta = error * (REAL)2 * slope(activation, z);
    return error * error;
}
