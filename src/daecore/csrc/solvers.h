/* How a gradient g moves a weight w; dae/_model/solver.py has the formulas. That of plain SGD is
 * also where the gradient is made, so that it need not be stored: in tiles.h (DESCEND) and, for
 * batches of one row, in update_one_row.h. */

/* `kind` is s->kind, as a constant in the loops that matter. */
INLINE void solver_step(const int kind, const dae_update *s, REAL *w, REAL *moment1, REAL *moment2,
                        vec g, intp count)
{
    const REAL rate = (REAL)s->learning_rate;
    const vec old = load_part(w, count);
    switch (kind) {
    case DAE_MOMENTUM:
    case DAE_NESTEROV: {
        const vec v = (REAL)s->momentum * load_part(moment1, count) - rate * g;
        store_part(moment1, v, count);
        store_part(w, old + (kind == DAE_MOMENTUM ? v : (REAL)s->momentum * v - rate * g), count);
        break;
    }
    case DAE_ADAM: {
        const REAL b1 = (REAL)s->beta_1, b2 = (REAL)s->beta_2;
        const vec v1 = b1 * load_part(moment1, count) + (REAL)(1 - s->beta_1) * g;
        const vec v2 = b2 * load_part(moment2, count) + (REAL)(1 - s->beta_2) * g * g;
        store_part(moment1, v1, count);
        store_part(moment2, v2, count);
        const vec rms = square_root(v2 * (REAL)s->correction_2) + (REAL)s->epsilon;
        store_part(w, old - (REAL)(s->learning_rate * s->correction_1) * v1 / rms, count);
        break;
    }
    default: store_part(w, old - rate * g, count);
    }
}
