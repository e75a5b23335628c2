"""From the records of a layer to the kernels' description of it."""
from libc.stdint cimport int32_t
from libc.string cimport memset

from daecore._arrays cimport INDEX, INT32, Array, reading, writing
from daecore._kernels cimport dae_blocks, dae_layer, dae_parameter


cdef inline dae_blocks _blocks_of(object record) except *:
    """From a `records.Blocks`; none for None."""
    cdef dae_blocks blocks
    cdef Array losses
    memset(&blocks, 0, sizeof(blocks))
    if record is not None:
        losses = reading(record.losses, INT32)
        blocks.count, blocks.losses = losses.rows, <const int32_t *> losses.address
        blocks.starts = <const ptrdiff_t *> reading(record.starts, INDEX).address
        blocks.activations = <const int32_t *> reading(record.activations, INT32).address
        blocks.weights = <const double *> reading(record.weights).address
    return blocks


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
    layer.blocks = _blocks_of(decoder.blocks)
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
        layer.blocks = _blocks_of(decoder.blocks)
        layer.tied = layer.decoder.value == layer.encoder.value
    return 0
