"""From arrays, checked by the caller, to the kernels' description of a network."""
from cython cimport floating
from daecore._kernels cimport dae_network


cdef inline dae_network describe(
    const floating[:, ::1] encoder,      # IN (n, stride)
    const floating[:, ::1] decoder,      # IN (n, stride), the encoder's memory when tied
    const floating[::1] hidden_bias,     # IN (m,)
    const floating[::1] visible_bias,    # IN (n,)
    int activation,
    int decoder_activation,
    int loss,
) noexcept:
    cdef dae_network net
    net.n_features = encoder.shape[0]
    net.n_hidden = hidden_bias.shape[0]
    net.stride = encoder.shape[1]
    net.activation = activation
    net.decoder_activation = decoder_activation
    net.loss = loss
    net.encoder.value = <void *> &encoder[0, 0]
    net.decoder.value = <void *> &decoder[0, 0]
    net.hidden_bias.value = <void *> &hidden_bias[0]
    net.visible_bias.value = <void *> &visible_bias[0]
    net.tied = net.encoder.value == net.decoder.value
    net.encoder.moment1 = net.encoder.moment2 = net.encoder.gradient = NULL
    net.decoder.moment1 = net.decoder.moment2 = net.decoder.gradient = NULL
    net.hidden_bias.moment1 = net.hidden_bias.moment2 = net.hidden_bias.gradient = NULL
    net.visible_bias.moment1 = net.visible_bias.moment2 = net.visible_bias.gradient = NULL
    return net
