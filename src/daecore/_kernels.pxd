"""csrc/kernels.h for Cython: see there for what each field and kernel means."""
from libc.stdint cimport int32_t, uint32_t, uint64_t


cdef extern from "kernels.h" nogil:
    enum:
        DAE_ADAM
        DAE_HIGHEST
        DAE_IDENTITY
        MICRO_BATCH
        DAE_MULTINOMIAL
        DAE_SCORE_SUMS
        DAE_BLOCK_SUMS
        DAE_SOFTMAX
        FEATURE_GROUP

    ctypedef struct dae_parameter:
        void *value
        void *moment1
        void *moment2
        void *gradient

    ctypedef struct dae_blocks:
        ptrdiff_t count
        const ptrdiff_t *starts
        const int32_t *losses
        const int32_t *activations
        const double *weights

    ctypedef struct dae_layer:
        ptrdiff_t n_features
        ptrdiff_t n_hidden
        ptrdiff_t stride
        int activation
        int decoder_activation
        int loss
        int tied
        dae_parameter encoder
        dae_parameter decoder
        dae_parameter hidden_bias
        dae_parameter visible_bias
        dae_blocks blocks

    ctypedef struct dae_update:
        int kind
        double learning_rate
        double momentum
        double beta_1
        double beta_2
        double epsilon
        double alpha
        double correction_1
        double correction_2

    ctypedef struct dae_corruption_spec:
        int kind
        const uint32_t *threshold
        const void *level
        const void *low
        const void *high
        const ptrdiff_t *donors
        ptrdiff_t n_donors
        const ptrdiff_t *categories
        ptrdiff_t n_categories
        uint64_t seed
        uint64_t presentation

    ctypedef struct dae_csr:
        const ptrdiff_t *starts
        const int32_t *columns
        const void *values

    ctypedef struct dae_data:
        const void *clean
        const void *corrupted
        dae_csr sparse_clean
        dae_csr sparse_corrupted
        int missing
        int unit_rows
        const void *weight
        const void *target
        const ptrdiff_t *classes
        double[2] emphasis
        dae_corruption_spec corruption

    ctypedef struct dae_batch:
        const ptrdiff_t *rows
        ptrdiff_t B
        ptrdiff_t batch_size
        int begins_batch
        int ends_batch
        void *shown
        void *clean
        ptrdiff_t room
        void *code
        void *decoded
        void *entry_weight
        ptrdiff_t shown_stride
        void *scratch
        int packed
        int sparse
        int32_t *row_count
        int32_t *row_columns
        void *row_values
        int32_t *row_starts
        int32_t *column_count
        int32_t *column_rows
        void *column_values

    ctypedef struct dae_sampled_data:
        dae_csr clean
        dae_csr corrupted
        const void *weight
        int unit_rows
        double[2] emphasis
        double zeros_per_nonzero
        dae_corruption_spec corruption

    ctypedef struct dae_sampled_batch:
        const ptrdiff_t *rows
        ptrdiff_t B
        ptrdiff_t room
        ptrdiff_t *starts
        int32_t *shown_count
        int32_t *asked_count
        int32_t *column
        void *value
        int32_t *source
        int32_t *next
        int32_t *head
        int32_t *next_named
        void *factors
        double *loss

    ctypedef struct dae_sampled_share:
        ptrdiff_t d0
        ptrdiff_t d1
        ptrdiff_t j0
        ptrdiff_t j1
        void *scratch

    ctypedef struct dae_convolution:
        ptrdiff_t height
        ptrdiff_t width
        ptrdiff_t inputs
        ptrdiff_t outputs
        int rectify

    ctypedef struct dae_maps:
        const void *x
        const void *added
        const void *mask
        void *y

    ctypedef struct dae_kernels:
        void (*show)(const dae_data *, const dae_layer *, const dae_batch *,
                     ptrdiff_t, ptrdiff_t) noexcept nogil
        void (*transpose)(const dae_layer *, const dae_batch *,
                          ptrdiff_t, ptrdiff_t) noexcept nogil
        void (*decode_delta)(const dae_data *, const dae_layer *, const dae_batch *,
                             ptrdiff_t, ptrdiff_t, void *, void *, double *) noexcept nogil
        void (*scores)(const dae_data *, const dae_layer *, const dae_batch *, ptrdiff_t,
                       ptrdiff_t, void *, double *) noexcept nogil
        void (*join_scores)(const double *, int, ptrdiff_t, double *) noexcept nogil
        void (*multinomial_delta)(const dae_data *, const dae_layer *, const dae_batch *,
                                  ptrdiff_t, ptrdiff_t, const double *, void *, void *,
                                  double *) noexcept nogil
        void (*block_totals)(const dae_data *, const dae_layer *, const dae_batch *, ptrdiff_t,
                             ptrdiff_t, const void *, double *) noexcept nogil
        void (*block_delta)(const dae_data *, const dae_layer *, const dae_batch *, ptrdiff_t,
                            ptrdiff_t, const double *, void *, void *, double *) noexcept nogil
        void (*activate_blocks)(const dae_layer *, void *) noexcept nogil
        double (*block_losses)(const dae_layer *, const void *, const void *,
                               const void *) noexcept nogil
        void (*softmax)(void *, ptrdiff_t) noexcept nogil
        void (*project_delta)(const dae_layer *, const dae_batch *, const void *, ptrdiff_t,
                              ptrdiff_t, void *, int) noexcept nogil
        void (*output_delta)(const dae_data *, const dae_layer *, const dae_batch *,
                             ptrdiff_t, ptrdiff_t, void *, double *) noexcept nogil
        void (*finish_delta)(const dae_layer *, int, const dae_parameter *, const dae_update *,
                             const dae_batch *, const void *, const void *, const void *, ptrdiff_t,
                             ptrdiff_t, void *) noexcept nogil
        void (*pass_delta)(const dae_layer *, const dae_layer *, const dae_update *,
                           const dae_batch *, const void *, ptrdiff_t, ptrdiff_t,
                           void *) noexcept nogil
        void (*update)(const dae_layer *, const dae_update *, const dae_batch *,
                       const void *, const void *, const void *, ptrdiff_t,
                       ptrdiff_t) noexcept nogil
        void (*update_and_project)(const dae_layer *, const dae_update *, const dae_batch *,
                                   const dae_batch *, const void *, const void *, const void *,
                                   ptrdiff_t, ptrdiff_t, void *, int) noexcept nogil
        void (*project)(const dae_layer *, const dae_batch *, ptrdiff_t, ptrdiff_t, void *,
                        int) noexcept nogil
        void (*finish_code)(const dae_layer *, const dae_batch *, const void *, const void *,
                            ptrdiff_t, ptrdiff_t) noexcept nogil
        void (*add)(const dae_layer *, ptrdiff_t, void *, const void *,
                    ptrdiff_t, ptrdiff_t) noexcept nogil
        void (*decode)(const dae_layer *, const dae_batch *, const void *, ptrdiff_t, ptrdiff_t,
                       void *, ptrdiff_t) noexcept nogil
        void (*row_losses)(const dae_layer *, const dae_batch *, const void *, const void *,
                           const void *, double *) noexcept nogil
        void (*project_stored)(const dae_layer *, const dae_csr *, ptrdiff_t,
                               void *) noexcept nogil
        void (*sampled_row)(const dae_sampled_data *, const dae_layer *,
                            const dae_sampled_batch *, ptrdiff_t, void *) noexcept nogil
        void (*sampled_update)(const dae_layer *, const dae_update *,
                               const dae_sampled_batch *,
                               const dae_sampled_share *) noexcept nogil
        void (*convolve)(const dae_convolution *, const dae_maps *, const void *, ptrdiff_t,
                         ptrdiff_t, void *) noexcept nogil
        ptrdiff_t (*convolve_scratch)(const dae_convolution *, ptrdiff_t) noexcept nogil
        void (*filter_gradient)(const dae_convolution *, const void *, const void *, int,
                                ptrdiff_t, ptrdiff_t, void *, void *) noexcept nogil
        ptrdiff_t (*gradient_scratch)(const dae_convolution *) noexcept nogil
        void (*pack)(const dae_layer *, const dae_batch *, void *, ptrdiff_t,
                     ptrdiff_t) noexcept nogil
        void (*pack_pairs)(const dae_layer *, const dae_batch *, void *, ptrdiff_t,
                           ptrdiff_t) noexcept nogil
        ptrdiff_t (*packed_bytes)(const dae_layer *, ptrdiff_t) noexcept nogil
        ptrdiff_t packed_rows
        ptrdiff_t scratch_size
        ptrdiff_t line
        ptrdiff_t columns

    ctypedef struct dae_level:
        const char *name
        const dae_kernels **f32
        const dae_kernels *f64

    int dae_available_levels(const dae_level **levels)
