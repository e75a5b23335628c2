/* Sweep 2: weights by their gradients. */

static void update(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                   const void *delta, const void *code_delta, const void *visible_grad, intp start,
                   intp stop)
{
    if (batch->B == 1 && !layer->encoder.gradient)
        update_and_project(layer, solver, batch, NULL, delta, code_delta, visible_grad, start, stop,
                           NULL, 0);
    else {
        update_product(layer, solver, batch, delta, code_delta, start, stop);
        step_visible_bias(layer, solver, batch, visible_grad, start, stop);
    }
}
