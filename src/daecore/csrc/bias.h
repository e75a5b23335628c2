/* Steps of the biases. */

/* elements [start, stop) of a bias by their gradient */
static void step_bias(const dae_update *solver, const dae_parameter *p, intp start, intp stop,
                      const REAL *gradient)
{
    for (intp i = start; i < stop; i += LANES) {
        const intp count = at_most(stop - i, LANES);
        solver_step(solver->kind, solver, (REAL *)p->value + i,
                    p->moment1 ? (REAL *)p->moment1 + i : NULL,
                    p->moment2 ? (REAL *)p->moment2 + i : NULL,
                    load_part(gradient + i - start, count), count);
    }
}

/* The same with the last micro-batch of a batch, the gradients of those before added; else the
 * gradient is kept. */
static void finish_bias(const dae_batch *batch, const dae_update *solver, const dae_parameter *p,
                        intp start, intp stop, REAL *gradient)
{
    REAL *kept = p->gradient;
    for (intp i = start; !batch->begins_batch && i < stop; i++)
        gradient[i - start] += kept[i];
    if (batch->ends_batch)
        step_bias(solver, p, start, stop, gradient);
    else
        memcpy(kept + start, gradient, (size_t)(stop - start) * sizeof(REAL));
}

static void step_visible_bias(const dae_layer *layer, const dae_update *solver,
                              const dae_batch *batch, const REAL *gradient, intp start, intp stop)
{
    if (gradient && batch->ends_batch)
        step_bias(solver, &layer->visible_bias, start, stop, gradient + start);
}
