#define TABLE dae_baseline_f32
#define REAL float
#define REAL_IS_FLOAT 1
#define VECTOR_BYTES 16
#if defined(__aarch64__)
#define VECTOR_REGISTERS 32
#else
#define VECTOR_REGISTERS 16
#endif
#define PRODUCTS "products_only_vector.h"
#include "../kernels_body.h"
