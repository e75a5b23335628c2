#define TABLE dae_neon_f32
#define REAL float
#define REAL_IS_FLOAT 1
#define VECTOR_BYTES 16
#define VECTOR_REGISTERS 32
#define NEON 1
#define PRODUCTS "products_only_vector.h"
#include "../kernels_body.h"
