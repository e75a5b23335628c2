/* Loss of an entry and its derivative by the pre-activation a*, from a* itself. */

INLINE vec loss_entry(int loss, int activation, vec a, vec x)
{
    if (loss == DAE_LOG_LOSS) /* -x log z - (1 - x) log(1 - z) with z = logistic(a) */
        return softplus(a) - x * a;
    const vec error = activate(activation, a) - x;
    return error * error;
}

INLINE vec loss_delta(int loss, int activation, vec a, vec x)
{
    const vec z = activate(activation, a);
    if (loss == DAE_LOG_LOSS)
        return z - x;
    return (z - x) * (REAL)2 * slope(activation, z);
}
