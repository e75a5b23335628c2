"""From the records of a layer to the kernels' description of it."""
from libc.string cimport memset

from daecore._arrays cimport Array, reading, writing
from daecore._kernels cimport dae_layer, dae_parameter


cdef inline int describe_encoder(dae_layer *layer, object encoder) except -1:
    """An encoder that is only read."""
    cdef Array weights = reading(encoder.weights)
    cdef Array bias = reading(encoder.bias)
    layer.n_features, layer.stride, layer.n_hidden = weights.rows, weights.columns, bias.rows
    layer.encoder.value, layer.hidden_bias.value = weights.address, bias.address
    layer.activation = encoder.activation
    return 0


cdef inline int describe_decoder(
    dae_layer *layer, object decoder, ptrdiff_t n_hidden
) except -1:
    """A decoder that is only read."""
    cdef Array weights = reading(decoder.weights)
    layer.n_features, layer.stride, layer.n_hidden = weights.rows, weights.columns, n_hidden
    layer.decoder.value = weights.address
    layer.visible_bias.value = reading(decoder.bias).address
    layer.decoder_activation = decoder.activation
    return 0


cdef inline Array _trained(dae_parameter *parameter, object value, tuple moments) except *:
    """A parameter and the solver's arrays for it, all of which will be written."""
    cdef Array array = writing(value)
    parameter.value = array.address
    parameter.moment1 = writing(moments[0]).address if len(moments) > 0 else NULL
    parameter.moment2 = writing(moments[1]).address if len(moments) > 1 else NULL
    return array


cdef inline int describe_trained(dae_layer *layer, object record) except -1:
    """layer <- a `records.Layer`. Without a decoder the fields of V and b* stay empty."""
    cdef object encoder = record.encoder, decoder = record.decoder
    cdef Array weights
    memset(layer, 0, sizeof(dae_layer))
    weights = _trained(&layer.encoder, encoder.weights, encoder.weights_moments)
    layer.n_features, layer.stride = weights.rows, weights.columns
    layer.n_hidden = _trained(&layer.hidden_bias, encoder.bias, encoder.bias_moments).rows
    layer.activation = encoder.activation
    layer.loss = record.loss
    if decoder is not None:
        _trained(&layer.decoder, decoder.weights, decoder.weights_moments)
        _trained(&layer.visible_bias, decoder.bias, decoder.bias_moments)
        layer.decoder_activation = decoder.activation
        layer.tied = layer.decoder.value == layer.encoder.value
    return 0
